/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate audit list`: who changed what, when, and from where. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/json_out.h"
#include "cli/table.h"
#include "release/audit.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000000 };

static int print_table(struct app *app, const struct audit_entry *list, size_t n)
{
	static const struct column columns[] = {
		{ "AT", 0 },     { "WHO", 0 },    { "FROM", 0 },
		{ "ACTION", 0 }, { "OBJECT", 0 }, { "DETAIL", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_time(&t, list[i].at_ms);
		table_text(&t, list[i].who);
		table_text(&t, list[i].origin);
		table_text(&t, list[i].action);
		table_text(&t, list[i].object);
		table_text(&t, list[i].detail);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

/* The detail as it was written: flat, but for what this version does not know. */
static void write_detail(struct json_writer *w, struct str text, struct arena *arena)
{
	struct json *root;
	struct err ignored;
	int64_t number;

	if (text.p == NULL || json_parse(&root, text, arena, &ignored) != 0 ||
	    root->kind != JSON_OBJECT) {
		jw_str(w, "detail", text);
		return;
	}
	jw_object(w, "detail");
	for (const struct json *j = root->child; j != NULL; j = j->next) {
		const char *key = arena_printf(arena, "%.*s", STR_ARG(j->key));

		if (key == NULL)
			continue;
		if (json_int(&number, j) == 0)
			jw_int(w, key, number);
		else if (json_bool(j) >= 0)
			jw_bool(w, key, json_bool(j));
		else
			jw_str(w, key, json_id(j));
	}
	jw_end_object(w);
}

static int print_json(struct app *app, const struct audit_entry *list, size_t n)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "entries");
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		json_id_out(&w, "id", list[i].id);
		jw_time(&w, "at", list[i].at_ms);
		jw_str(&w, "who", list[i].who);
		jw_str(&w, "from", list[i].origin);
		jw_str(&w, "action", list[i].action);
		jw_str(&w, "object", list[i].object);
		write_detail(&w, list[i].detail, app->arena);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

/* A field as RFC 4180 has it, and so that no spreadsheet takes it for a formula. */
static void add_field(struct buf *out, struct str text, char end)
{
	buf_addc(out, '"');
	if (text.n > 0 &&
	    (text.p[0] == '=' || text.p[0] == '+' || text.p[0] == '-' || text.p[0] == '@'))
		buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, text.p[i]);
	}
	buf_addc(out, '"');
	buf_addc(out, end);
}

static int print_csv(struct app *app, const struct audit_entry *list, size_t n)
{
	AUTO(buf) struct buf out;
	char at[CLOCK_TEXT];

	app_begin(&out);
	buf_adds(&out, "at,who,from,action,object,detail\n");
	for (size_t i = 0; i < n; i++) {
		add_field(&out, str_of(clock_format(at, list[i].at_ms)), ',');
		add_field(&out, list[i].who, ',');
		add_field(&out, list[i].origin, ',');
		add_field(&out, list[i].action, ',');
		add_field(&out, list[i].object, ',');
		add_field(&out, list[i].detail, '\n');
	}
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	struct audit_filter filter = { .object = option_value(given, "--object") };
	struct audit_entry *list;
	int64_t limit = LIMIT_DEFAULT;
	struct err e;
	size_t n;
	int code;

	if (option_number(&limit, given, "--limit", 1, LIMIT_MAX, &e) != 0 ||
	    option_time(&filter.since_ms, given, "--since", &e) != 0)
		return app_usage(app, "%s", e.msg);
	filter.limit = (size_t)limit;
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (audit_list(&list, &n, app->store, &filter, app->arena, &e) != 0)
		return app_fail(app, &e);
	switch (app->format) {
	case FORMAT_JSON:
		return print_json(app, list, n);
	case FORMAT_CSV:
		return print_csv(app, list, n);
	case FORMAT_TABLE:
	case FORMAT_OWN:
		break;
	}
	if (n > 0)
		return print_table(app, list, n);
	app_note(app, "nothing of that is in the audit log");
	return EXIT_DONE;
}

static const struct option options_list[] = {
	{ "--since", 0, OPTION_ONE, "TIME", "from then on: a time, or an age such as 2h or 7d" },
	{ "--object", 0, OPTION_ONE, "NAME", "of this full name and what is below it" },
	{ "--limit", 0, OPTION_ONE, "N", "at most so many, the newest; default 100" },
	{ .name = NULL },
};

const struct command command_audit_list = {
	.name = "audit",
	.verb = "list",
	.summary = "list who changed what, when, and from where",
	.usage = "[--since TIME] [--object NAME] [--limit N] [--format table|json|csv]",
	.text =
	    "Lists the audit log, oldest first: each act of a person or of a policy. Entries are "
	    "written with the\nchange that they tell of, and never changed or removed.",
	.options = options_list,
	.examples = "tidegate audit list --since 7d\n"
		    "tidegate audit list --object projects/shop/plans/3 --format csv > audit.csv",
	.takes_csv = 1,
	.run = run_list,
};
