/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of tidegate: finds the command, reads its options, runs it, and closes what it
 * opened. What a command is stands in its own file; their table is here.
 */
#include "cli/app.h"
#include "cli/help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct option global_options[] = {
	{ "--config", 'c', OPTION_ONE, "FILE",
	  "the configuration; else $TIDEGATE_CONFIG, ./tidegate.yaml, "
	  "/etc/tidegate/tidegate.yaml" },
	{ "--format", 0, OPTION_ONE, "FORMAT",
	  "table (for people) or json (stable); default table; csv where a command says so" },
	{ "--verbose", 'v', OPTION_FLAG, NULL, "log debug lines too" },
	{ "--help", 'h', OPTION_FLAG, NULL, "this text" },
	{ "--version", 0, OPTION_FLAG, NULL, "the version" },
	{ .name = NULL },
};

static const struct command *const commands[] = {
	&command_serve,
	&command_config_check,
	&command_config_show,
	&command_hook_install,
	&command_hook_post_receive,
	&command_hook_work,
	&command_simulate,
	&command_replay,
	&command_check,
	&command_rollout,
	&command_approve,
	&command_run,
	&command_retry,
	&command_skip,
	&command_cancel,
	&command_deliveries_list,
	&command_deliveries_show,
	&command_deliveries_fetch_missed,
	&command_releases_list,
	&command_releases_show,
	&command_plans_list,
	&command_plans_show,
	&command_rollouts_list,
	&command_rollouts_show,
	&command_databases_list,
	&command_revisions_list,
	&command_revisions_show,
	&command_revisions_resolve,
	&command_revisions_baseline,
	&command_revisions_adopt,
	&command_users_list,
	&command_audit_list,
	&command_help,
	&command_version,
	NULL,
};

const struct command *const *app_commands(void)
{
	return commands;
}

const struct option *app_options(void)
{
	return global_options;
}

/* The first row of a command; its verbs follow it. */
static const struct command *const *find_command(const char *name)
{
	for (const struct command *const *c = commands; *c != NULL; c++) {
		if (strcmp((*c)->name, name) == 0)
			return c;
	}
	return NULL;
}

static int unknown_command(const struct app *app, const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])] = { NULL };
	const char *near;
	size_t n = 0;

	for (const struct command *const *c = commands; *c != NULL; c++)
		names[n++] = (*c)->name;
	near = options_nearest(str_of(name), names, n);
	if (near == NULL)
		return app_usage(app, "unknown command '%s'", name);
	return app_usage(app, "unknown command '%s'; did you mean '%s'?", name, near);
}

static int has_verb(const struct command *const *rows, const char *word)
{
	for (const struct command *const *c = rows;
	     *c != NULL && strcmp((*c)->name, (*rows)->name) == 0; c++) {
		if (strcmp((*c)->verb, word) == 0)
			return (int)(c - rows);
	}
	return -1;
}

/* Which row of a command is meant; its verb is taken out of argv. Without one it is the first. */
static int choose_verb(struct app *app, const struct command *const *rows, int argc, char **argv,
		       int from)
{
	struct option_tables tables = { .tables = { global_options }, .n = 1 };
	const char *verbs[OPTION_TABLES_MAX] = { NULL };
	const char *near;
	size_t n = 0;
	int at, row;

	app->command = *rows;
	if ((*rows)->verb == NULL)
		return EXIT_DONE;
	for (const struct command *const *c = rows;
	     *c != NULL && strcmp((*c)->name, (*rows)->name) == 0; c++) {
		tables.tables[tables.n++] = (*c)->options;
		verbs[n++] = (*c)->verb;
	}
	at = options_first_operand(&tables, argc, argv, from);
	if (at == argc)
		return EXIT_DONE;
	row = has_verb(rows, argv[at]);
	if (row < 0) {
		near = options_nearest(str_of(argv[at]), verbs, n);
		return app_usage(app, "'%s' has no '%s'; did you mean 'tidegate %s %s'?",
				 (*rows)->name, argv[at], (*rows)->name,
				 near != NULL ? near : verbs[n - 1]);
	}
	app->command = rows[row];
	argv[at] = NULL;
	return EXIT_DONE;
}

/* Find the command; its words are taken out of argv. */
static int choose_command(struct app *app, int argc, char **argv)
{
	const struct option_tables tables = { .tables = { global_options }, .n = 1 };
	const int at = options_first_operand(&tables, argc, argv, 1);
	const struct command *const *rows;

	if (at == argc)
		return EXIT_DONE;
	rows = find_command(argv[at]);
	if (rows == NULL)
		return unknown_command(app, argv[at]);
	argv[at] = NULL;
	return choose_verb(app, rows, argc, argv, at + 1);
}

static int is_own_format(const struct command *c, struct str format)
{
	for (const char *const *name = c->formats; name != NULL && *name != NULL; name++) {
		if (str_eq_cstr(format, *name))
			return 1;
	}
	return 0;
}

/* "table, json, sarif" */
static const char *formats_of(char out[200], const struct command *c)
{
	size_t used = 0;

	(void)snprintf(out, 200, "table or json");
	if (c->takes_csv)
		(void)snprintf(out, 200, "table, json or csv");
	for (const char *const *name = c->formats; name != NULL && *name != NULL; name++) {
		const int n = snprintf(out + used, 200 - used, "%s%s", used > 0 ? ", " : "", *name);

		used += n > 0 && used + (size_t)n < 200 ? (size_t)n : 0;
	}
	return out;
}

static int take_globals(struct app *app, const struct options *given)
{
	char expected[200];
	const struct str format = option_value(given, "--format");

	app->conf_path = option_value(given, "--config").p;
	if (option_has(given, "--verbose"))
		app->log.level = LOG_DEBUG;
	app->format_name = format;
	if (format.p == NULL || str_eq_cstr(format, "table"))
		app->format = FORMAT_TABLE;
	else if (str_eq_cstr(format, "json"))
		app->format = FORMAT_JSON;
	else if (str_eq_cstr(format, "csv") && app->command->takes_csv)
		app->format = FORMAT_CSV;
	else if (is_own_format(app->command, format))
		app->format = FORMAT_OWN;
	else
		return app_usage(app, "unknown format '%.*s' (expected %s)", STR_ARG(format),
				 formats_of(expected, app->command));
	return EXIT_DONE;
}

static int check_operands(const struct app *app, const struct options *given)
{
	const struct command *c = app->command;

	const struct str usage = str_of(c->usage);

	if (given->n_operands < c->min_operands)
		return app_usage(app, "something is missing; usage: tidegate %s%s%s %.*s", c->name,
				 c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
				 STR_ARG(str_first(usage, str_find(usage, '\n'))));
	if (given->n_operands > c->max_operands)
		return app_usage(app, "'%.*s' is too much for '%s'",
				 STR_ARG(given->operands[c->max_operands]), c->name);
	return EXIT_DONE;
}

/* A command's own option comes before a common one of that name: `baseline --version 7`. */
static int wants_version(const struct app *app, const struct options *given)
{
	if (!option_has(given, "--version"))
		return 0;
	for (const struct option *o = app->command != NULL ? app->command->options : NULL;
	     o != NULL && o->name != NULL; o++) {
		if (strcmp(o->name, "--version") == 0)
			return 0;
	}
	return 1;
}

static int run(struct app *app, int argc, char **argv)
{
	struct option_tables tables = { .n = 0 };
	struct options given;
	struct err e;
	int code = choose_command(app, argc, argv);

	if (code != EXIT_DONE)
		return code;
	if (app->command != NULL)
		tables.tables[tables.n++] = app->command->options;
	tables.tables[tables.n++] = global_options;
	if (options_parse(&given, &tables, argc, argv, app->arena, &e) != 0)
		return app_usage(app, "%s", e.msg);
	if (option_has(&given, "--help"))
		return help_print(app, app->command, app->command != NULL);
	if (wants_version(app, &given))
		return command_version.run(app, &given);
	if (app->command == NULL) {
		IGNORE(app_usage(app, "no command is given")); /* the code is known */
		return EXIT_USAGE;
	}
	code = take_globals(app, &given);
	if (code == EXIT_DONE)
		code = check_operands(app, &given);
	return code == EXIT_DONE ? app->command->run(app, &given) : code;
}

/* What is opened later must not land on 0, 1 or 2. A closed stdout stays unwritable, so that a lost
 * result is noticed. */
static int hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		const int mode = fd == 0 || fd == 2 ? O_RDWR : O_RDONLY;

		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", mode) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arena arena;
	struct app app = { .arena = &arena, .log = { STDERR_FILENO, LOG_INFO } };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int code;

	/* a reader that leaves early is an error of write(2), not the end of a daemon */
	if (hold_standard_files() != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0)
		return EXIT_FAILED;
	arena_init(&arena, APP_MEMORY_MAX);
	app.out = screen_of(STDOUT_FILENO);
	app.err = screen_of(STDERR_FILENO);
	code = run(&app, argc, argv);
	db_close(app.store);
	conf_free(app.conf);
	arena_free(&arena);
	return code;
}
