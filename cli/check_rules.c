/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the review for people: what each one finds, why it matters, what to write instead.
 */
#include "cli/check_rules.h"

#include "cli/table.h"
#include "release/lint.h"

static const struct {
	enum lint_databases bit;
	const char *name;
} databases[] = {
	{ LINT_POSTGRES, "postgresql" },
	{ LINT_MYSQL, "mysql" },
	{ LINT_SQLITE, "sqlite" },
};

enum { DATABASES = sizeof(databases) / sizeof(databases[0]) };

static struct str databases_of(const struct lint_rule *r, struct arena *arena)
{
	AUTO(buf) struct buf text;

	buf_init(&text, 200);
	if (r->databases == LINT_ALL)
		return STR("all");
	for (size_t i = 0; i < DATABASES; i++) {
		if ((r->databases & databases[i].bit) != 0)
			buf_addf(&text, "%s%s", text.n > 0 ? ", " : "", databases[i].name);
	}
	return arena_str(arena, buf_str(&text));
}

static void write_rule(struct json_writer *w, enum rule rule)
{
	const struct lint_rule *r = lint_rule(rule);

	jw_object(w, NULL);
	jw_text(w, "id", rule_id(rule));
	jw_text(w, "severity", rule_level_name(rule_default(rule)));
	jw_array(w, "databases");
	for (size_t i = 0; i < DATABASES; i++) {
		if ((r->databases & databases[i].bit) != 0)
			jw_text(w, NULL, databases[i].name);
	}
	jw_end_array(w);
	jw_text(w, "title", r->title);
	jw_text(w, "why", r->why);
	jw_text(w, "safer", r->safer);
	jw_text(w, "example", r->example);
	jw_text(w, "instead", r->instead);
	jw_end_object(w);
}

static int list_json(struct app *app)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "rules");
	for (int i = 0; i < RULES; i++)
		write_rule(&w, (enum rule)i);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

int check_rules_list(struct app *app)
{
	static const struct column columns[] = {
		{ "RULE", 0 }, { "SEVERITY", 0 }, { "DATABASES", 0 }, { "WHAT IT FINDS", 0 }
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	if (app->format == FORMAT_JSON)
		return list_json(app);
	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (int i = 0; i < RULES; i++) {
		const struct lint_rule *r = lint_rule((enum rule)i);

		table_text(&t, str_of(rule_id((enum rule)i)));
		table_text(&t, str_of(rule_level_name(rule_default((enum rule)i))));
		table_text(&t, databases_of(r, app->arena));
		table_text(&t, str_of(r->title));
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int unknown_rule(struct app *app, struct str id)
{
	const char *names[RULES];
	const char *near;

	for (int i = 0; i < RULES; i++)
		names[i] = rule_id((enum rule)i);
	near = options_nearest(id, names, RULES);
	if (near == NULL)
		return app_usage(app, "there is no rule '%.*s'; --list-rules has them all",
				 STR_ARG(id));
	return app_usage(app, "there is no rule '%.*s'; did you mean '%s'?", STR_ARG(id), near);
}

/* A heading and lines that are set in. */
static void add_part(struct buf *out, const char *heading, const char *text)
{
	struct str line, rest = str_of(text);

	if (text == NULL)
		return;
	buf_addf(out, "\n%s\n", heading);
	while (str_split(&line, &rest, '\n'))
		buf_addf(out, "  %.*s\n", STR_ARG(line));
}

int check_rules_explain(struct app *app, struct str id)
{
	AUTO(buf) struct buf out;
	const struct lint_rule *r;
	struct json_writer w;
	enum rule rule;

	if (rule_find(&rule, id) != 0)
		return unknown_rule(app, id);
	r = lint_rule(rule);
	app_begin(&out);
	if (app->format == FORMAT_JSON) {
		app_json(&w, &out);
		write_rule(&w, rule);
		return app_print_json(app, &out);
	}
	buf_addf(&out, "%s: %s\n", rule_id(rule), r->title);
	detail(&out, "severity", str_of(rule_level_name(rule_default(rule))));
	detail(&out, "databases", databases_of(r, app->arena));
	add_part(&out, "Why", r->why);
	add_part(&out, "Safer", r->safer);
	add_part(&out, "It finds", r->example);
	add_part(&out, "Write instead", r->instead);
	return app_print(app, &out);
}
