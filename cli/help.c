/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidegate help` and `tidegate version`. Every text comes from the command table, so that an
 * option cannot be there and not be in its help.
 */
#include "cli/help.h"

#include <string.h>

enum { OPTION_COLUMN = 24 };

/* Each line of `text` behind `prefix`. */
static void lines(struct buf *out, const char *prefix, const char *text)
{
	struct str line, rest = str_of(text);

	while (str_split(&line, &rest, '\n'))
		buf_addf(out, "%s%.*s\n", line.n > 0 ? prefix : "", STR_ARG(line));
}

static void write_option(struct buf *out, const struct option *o)
{
	struct str line, rest = str_of(o->help);
	char text[80];
	char letter[8] = "";

	if (o->letter != '\0')
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	(void)snprintf(text, sizeof(text), "%s%s%s%s", letter, o->name, o->value != NULL ? " " : "",
		       o->value != NULL ? o->value : "");
	while (str_split(&line, &rest, '\n')) {
		buf_addf(out, "  %-*s  %.*s\n", OPTION_COLUMN, text, STR_ARG(line));
		text[0] = '\0';
	}
}

static void write_options(struct buf *out, const char *title, const struct option *options)
{
	if (options[0].name == NULL)
		return;
	buf_addf(out, "\n%s:\n", title);
	for (const struct option *o = options; o->name != NULL; o++)
		write_option(out, o);
}

static void write_usage(struct buf *out, const struct command *c)
{
	struct str line, rest = str_of(c->usage);
	const char *head = "Usage: ";

	do {
		if (!str_split(&line, &rest, '\n'))
			line = STR("");
		buf_addf(out, "%stidegate %s", head, c->name);
		if (c->verb != NULL)
			buf_addf(out, " %s", c->verb);
		buf_addf(out, "%s%.*s\n", line.n > 0 ? " " : "", STR_ARG(line));
		head = "       ";
	} while (rest.n > 0);
}

static void write_command(struct buf *out, const struct command *c)
{
	write_usage(out, c);
	buf_addc(out, '\n');
	lines(out, "", c->text);
	write_options(out, "Options", c->options);
	write_options(out, "Options of every command", app_options());
	if (c->examples != NULL) {
		buf_adds(out, "\nExamples:\n");
		lines(out, "  ", c->examples);
	}
	buf_adds(out, "\nExit codes: 0 done; 1 failed; 2 usage or configuration; 3 refused by a "
		      "policy.\n");
	if (c->exits != NULL)
		lines(out, "", c->exits);
}

static void write_list(struct buf *out)
{
	char name[40];

	buf_adds(out, "Tidegate lets a merged pull request through to its databases: once, in "
		      "order, environment by\nenvironment.\n\n"
		      "Usage: tidegate COMMAND [OPTION...]\n\nCommands:\n");
	for (const struct command *const *c = app_commands(); *c != NULL; c++) {
		(void)snprintf(name, sizeof(name), "%s%s%s", (*c)->name,
			       (*c)->verb != NULL ? " " : "", (*c)->verb != NULL ? (*c)->verb : "");
		buf_addf(out, "  %-23s  %s\n", name, (*c)->summary);
	}
	write_options(out, "Options of every command", app_options());
	buf_adds(out, "\n'tidegate help COMMAND' tells more of one.\n"
		      "Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 refused by a "
		      "policy.\n");
}

int help_print(const struct app *app, const struct command *command, int only)
{
	AUTO(buf) struct buf out;
	int first = 1;

	app_begin(&out);
	if (command == NULL)
		write_list(&out);
	else if (only)
		write_command(&out, command);
	for (const struct command *const *c = app_commands();
	     command != NULL && !only && *c != NULL; c++) {
		if (strcmp((*c)->name, command->name) != 0)
			continue;
		buf_adds(&out, first ? "" : "\n");
		write_command(&out, *c);
		first = 0;
	}
	return app_print(app, &out);
}

static const struct command *find(struct str name, struct str verb)
{
	for (const struct command *const *c = app_commands(); *c != NULL; c++) {
		if (!str_eq_cstr(name, (*c)->name))
			continue;
		if (verb.p == NULL || ((*c)->verb != NULL && str_eq_cstr(verb, (*c)->verb)))
			return *c;
	}
	return NULL;
}

static int run_help(struct app *app, const struct options *given)
{
	const struct str verb = given->n_operands > 1 ? given->operands[1] : STR_NULL;
	const struct command *command;

	if (given->n_operands == 0)
		return help_print(app, NULL, 0);
	command = find(given->operands[0], verb);
	if (command == NULL) {
		app->command = NULL; /* the list of commands helps */
		return app_usage(app, "there is no command '%.*s%s%.*s'",
				 STR_ARG(given->operands[0]), verb.n > 0 ? " " : "", STR_ARG(verb));
	}
	return help_print(app, command, verb.p != NULL);
}

static int run_version(struct app *app, const struct options *given)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	(void)given;
	app_begin(&out);
	if (app->format == FORMAT_JSON) {
		app_json(&w, &out);
		jw_object(&w, NULL);
		jw_text(&w, "version", TIDEGATE_VERSION);
		jw_end_object(&w);
		return app_print_json(app, &out);
	}
	buf_adds(&out, "tidegate " TIDEGATE_VERSION "\n");
	return app_print(app, &out);
}

static const struct option no_options[] = { { .name = NULL } };

const struct command command_help = {
	.name = "help",
	.summary = "tell what the commands do",
	.usage = "[COMMAND [VERB]]",
	.text = "Lists the commands, or tells of one what it does, its options, examples and exit "
		"codes.",
	.options = no_options,
	.examples = "tidegate help replay\ntidegate help rollouts show",
	.max_operands = 2,
	.run = run_help,
};

const struct command command_version = {
	.name = "version",
	.summary = "print the version",
	.usage = "",
	.text = "Prints name and version, as --version does.",
	.options = no_options,
	.run = run_version,
};
