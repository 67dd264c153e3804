/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate databases list`: what the instances have, what can be a target, and what groups select.
 */
#include "cli/app.h"
#include "cli/secrets.h"
#include "cli/table.h"
#include "release/discover.h"

/* What is asked for. */
struct scope {
	const struct conf_instance *instance; /* NULL: all */
	const struct conf_group *group;       /* NULL: any */
};

/* What was found; an instance that did not answer is reported, and counts. */
struct found {
	struct discovered *list;
	size_t n, cap;
	int failed;
};

static int read_scope(struct scope *out, struct app *app, const struct options *given)
{
	const struct str group = option_value(given, "--group");
	struct str instance = option_value(given, "--instance");
	const struct conf_project *project;
	struct scope scope = { NULL, NULL };
	struct err e;

	if (group.p != NULL && conf_group(&project, &scope.group, app->conf, group, &e) != 0)
		return app_fail_usage(app, &e);
	if (str_starts(instance, STR("instances/")))
		instance = str_from(instance, sizeof("instances/") - 1);
	if (instance.p != NULL) {
		scope.instance = conf_instance(app->conf, instance);
		if (scope.instance == NULL)
			return app_usage(app, "there is no instance '%.*s'", STR_ARG(instance));
	}
	*out = scope;
	return EXIT_DONE;
}

static int is_wanted(const struct scope *s, const struct conf_instance *in)
{
	if (s->instance != NULL && s->instance != in)
		return 0;
	return s->group == NULL || conf_group_has_instance(s->group, in);
}

static int keep(struct found *f, const struct scope *s, const struct discovered *list, size_t n,
		struct arena *arena, struct err *e)
{
	if (f->n + n > f->cap) {
		const size_t cap = 2 * (f->n + n);
		struct discovered *grown = arena_array(arena, cap, sizeof(*grown));

		if (grown == NULL)
			return arena_err(arena, e);
		for (size_t i = 0; i < f->n; i++)
			grown[i] = f->list[i];
		f->list = grown;
		f->cap = cap;
	}
	for (size_t i = 0; i < n; i++) {
		if (s->group == NULL || conf_group_has(s->group, list[i].instance, list[i].name))
			f->list[f->n++] = list[i];
	}
	return 0;
}

/* One instance after the other; those that cannot be asked do not hide the rest. */
static int find_all(struct found *f, struct app *app, const struct scope *s)
{
	const struct conf_instance *instances = app->conf->instances.items;

	for (size_t i = 0; i < app->conf->instances.n; i++) {
		struct discovered *list;
		struct err e;
		size_t n;

		if (!is_wanted(s, &instances[i]))
			continue;
		if (secrets_of_instance(app->conf, &instances[i], &e) != 0)
			return app_fail_usage(app, &e);
		if (discover_instance(&list, &n, app->conf, &instances[i], app->arena, &e) != 0 ||
		    keep(f, s, list, n, app->arena, &e) != 0)
			f->failed = app_fail(app, &e);
	}
	return EXIT_DONE;
}

/* --- output --- */

/* Calls `each` for the groups that select the database. */
static void each_group(const struct conf *conf, const struct discovered *d,
		       void (*each)(void *context, const struct conf_project *p,
				    const struct conf_group *g),
		       void *context)
{
	const struct conf_project *projects = conf->projects.items;

	for (size_t i = 0; i < conf->projects.n; i++) {
		const struct conf_group *groups = projects[i].database_groups.items;

		for (size_t j = 0; j < projects[i].database_groups.n; j++) {
			if (conf_group_has(&groups[j], d->instance, d->name))
				each(context, &projects[i], &groups[j]);
		}
	}
}

static void add_group(void *context, const struct conf_project *p, const struct conf_group *g)
{
	struct buf *text = context;

	buf_addf(text, "%s%.*s/%.*s", text->n > 0 ? ", " : "", STR_ARG(p->id), STR_ARG(g->id));
}

static void write_group(void *context, const struct conf_project *p, const struct conf_group *g)
{
	char name[160];

	(void)snprintf(name, sizeof(name), "projects/%.*s/databaseGroups/%.*s", STR_ARG(p->id),
		       STR_ARG(g->id));
	jw_text(context, NULL, name);
}

static void write_database(struct json_writer *w, const struct conf *conf,
			   const struct discovered *d)
{
	const struct conf_label *labels = d->instance->labels.items;

	jw_object(w, NULL);
	jw_str(w, "target", d->reason == DISCOVER_TARGET ? d->target : STR_NULL);
	jw_str(w, "database", d->name);
	jw_str(w, "instance", d->instance->id);
	jw_str(w, "environment", d->instance->environment);
	jw_object(w, "labels");
	for (size_t i = 0; i < d->instance->labels.n; i++)
		jw_str(w, labels[i].key.p, labels[i].value);
	jw_end_object(w);
	jw_array(w, "groups");
	if (d->reason == DISCOVER_TARGET)
		each_group(conf, d, write_group, w);
	jw_end_array(w);
	jw_text(w, "left_out",
		d->reason == DISCOVER_TARGET ? NULL : discover_reason_name(d->reason));
	jw_str(w, "why", d->why);
	jw_end_object(w);
}

static int list_json(struct app *app, const struct found *f)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_bool(&w, "complete", f->failed == EXIT_DONE);
	jw_array(&w, "databases");
	for (size_t i = 0; i < f->n; i++)
		write_database(&w, app->conf, &f->list[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static struct str labels_text(const struct conf_list *list, struct arena *arena)
{
	const struct conf_label *labels = list->items;
	AUTO(buf) struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; i < list->n; i++)
		buf_addf(&text, "%s%.*s=%.*s", i > 0 ? "," : "", STR_ARG(labels[i].key),
			 STR_ARG(labels[i].value));
	return arena_str(arena, buf_str(&text));
}

static struct str groups_text(const struct conf *conf, const struct discovered *d,
			      struct arena *arena)
{
	AUTO(buf) struct buf text;

	buf_init(&text, 16384);
	if (d->reason == DISCOVER_TARGET)
		each_group(conf, d, add_group, &text);
	return arena_str(arena, buf_str(&text));
}

static int list_table(struct app *app, const struct found *f)
{
	static const struct column columns[] = {
		{ "DATABASE", 0 }, { "INSTANCE", 0 }, { "ENVIRONMENT", 0 },
		{ "LABELS", 0 },   { "GROUPS", 0 },   { "LEFT OUT", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < f->n; i++) {
		const struct discovered *d = &f->list[i];

		table_text(&t, d->name);
		table_text(&t, d->instance->id);
		table_text(&t, d->instance->environment);
		table_text(&t, labels_text(&d->instance->labels, app->arena));
		table_text(&t, groups_text(app->conf, d, app->arena));
		table_cell(&t, d->why, d->reason == DISCOVER_ENVIRONMENT ? TINT_BUSY : TINT_DIM);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	struct found found = { .n = 0 };
	struct scope scope;
	int code = app_need(app, NEED_CONF);

	if (code == EXIT_DONE)
		code = read_scope(&scope, app, given);
	if (code == EXIT_DONE)
		code = find_all(&found, app, &scope);
	if (code != EXIT_DONE)
		return code;
	if (app->format == FORMAT_JSON)
		code = list_json(app, &found);
	else if (found.n > 0)
		code = list_table(app, &found);
	else
		app_note(app, "no databases were found");
	return code != EXIT_DONE ? code : found.failed;
}

static const struct option options_list[] = {
	{ "--instance", 0, OPTION_ONE, "ID", "of this instance only" },
	{ "--group", 0, OPTION_ONE, "GROUP",
	  "only what projects/P/databaseGroups/G selects, and what of it can be no target" },
	{ .name = NULL },
};

const struct command command_databases_list = {
	.name = "databases",
	.verb = "list",
	.summary = "list the databases of the instances, and the groups that select them",
	.usage = "[--instance ID] [--group projects/P/databaseGroups/G]",
	.text =
	    "Asks the instances which databases they have, and shows each with its environment, "
	    "the labels of\nits instance and the groups that select it. What can be no target "
	    "is shown with the reason.\nPasswords of the instances must be readable for this "
	    "user; the store is not needed.",
	.options = options_list,
	.examples = "tidegate databases list\n"
		    "tidegate databases list --group projects/shop/databaseGroups/fleet",
	.exits = "1 when an instance did not answer; what the others have is shown.",
	.run = run_list,
};
