/* SPDX-License-Identifier: Apache-2.0 */
/* Names of databases and groups, as they are typed, and what they come to. */
#include "cli/targets_in.h"

#include "cli/secrets.h"
#include "release/group.h"

static int has(const struct targets_in *t, struct str target)
{
	for (size_t i = 0; i < t->n; i++) {
		if (str_eq(t->targets[i], target))
			return 1;
	}
	return 0;
}

static int add(struct targets_in *t, const struct str *more, size_t n, struct arena *arena,
	       struct err *e)
{
	struct str *grown = arena_array(arena, t->n + n, sizeof(*grown));

	if (grown == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < t->n; i++)
		grown[i] = t->targets[i];
	t->targets = grown;
	for (size_t i = 0; i < n; i++) {
		if (!has(t, more[i]))
			t->targets[t->n++] = more[i];
	}
	return 0;
}

static int add_group(struct targets_in *t, struct app *app, struct str name)
{
	struct group_list list;
	struct str left_out;
	struct err e;

	if (secrets_of_group(app->conf, name, &e) != 0)
		return app_fail_usage(app, &e);
	if (group_resolve(&list, app->conf, name, app->arena, &e) != 0 ||
	    add(t, list.targets, list.n, app->arena, &e) != 0)
		return app_fail(app, &e);
	left_out = group_left_out(&list, app->arena);
	if (left_out.p != NULL)
		app_note(app, "warning: %.*s", STR_ARG(left_out));
	return EXIT_DONE;
}

int targets_in_read(struct targets_in *out, struct app *app, const struct options *given)
{
	struct targets_in t = { .n = 0 };
	struct err e;
	int code = app_need(app, NEED_CONF);

	for (size_t i = 0; code == EXIT_DONE && i < given->n_operands; i++) {
		const struct str name = given->operands[i];

		if (conf_target_is_group(name))
			code = add_group(&t, app, name);
		else if (secrets_of_target(app->conf, name, &e) != 0 ||
			 add(&t, &name, 1, app->arena, &e) != 0)
			code = app_fail_usage(app, &e);
	}
	if (code == EXIT_DONE && t.n == 0) {
		app_note(app, "the group selects no database");
		code = EXIT_FAILED;
	}
	if (code == EXIT_DONE)
		*out = t;
	return code;
}
