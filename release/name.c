/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full names of releases, plans and what belongs to them, parsed segment by segment, so that an id
 * that looks like a keyword ("projects/rollout/...") is still an id.
 */

#include "release/name.h"

#include "base/num.h"

#include <inttypes.h>

static int fail(struct str text, const char *why, struct err *e)
{
	struct str shown = str_first(text, 200);
	return err_set(e, ERR_INPUT, "'%.*s' is not a name: %s", STR_ARG(shown), why);
}

/* Take the next segment, which must be `word`. */
static int take_word(struct str *rest, const char *word)
{
	struct str segment;
	return str_split(&segment, rest, '/') && str_eq_cstr(segment, word) ? 0 : -1;
}

/* Take the next segment as an id: anything but empty or with a control character. */
static int take_id(struct str *out, struct str *rest)
{
	struct str segment;
	if (!str_split(&segment, rest, '/') || segment.n == 0 || str_has_control(segment))
		return -1;
	*out = segment;
	return 0;
}

/* A number has one spelling: no leading zero. */
static int take_number(int64_t *out, struct str *rest)
{
	struct str segment;
	if (!str_split(&segment, rest, '/') || segment.n == 0 || segment.p[0] == '0')
		return -1;
	return num_parse_i64(out, segment, 1, INT64_MAX);
}

/* What stands behind "projects/P/plans/N". */
static int parse_rollout(struct name *name, struct str *rest, const char **why)
{
	name->kind = NAME_PLAN;
	if (rest->p == NULL)
		return 0;
	*why = "expected 'rollout' behind the plan";
	if (take_word(rest, "rollout") != 0)
		return -1;
	name->kind = NAME_ROLLOUT;
	if (rest->p == NULL)
		return 0;
	*why = "expected 'stages/ENVIRONMENT' behind the rollout";
	if (take_word(rest, "stages") != 0 || take_id(&name->environment, rest) != 0)
		return -1;
	name->kind = NAME_STAGE;
	if (rest->p == NULL)
		return 0;
	*why = "expected 'tasks/NUMBER' behind the stage";
	if (take_word(rest, "tasks") != 0 || take_number(&name->task, rest) != 0)
		return -1;
	name->kind = NAME_TASK;
	if (rest->p == NULL)
		return 0;
	*why = "expected 'taskRuns/NUMBER' behind the task";
	if (take_word(rest, "taskRuns") != 0 || take_number(&name->task_run, rest) != 0)
		return -1;
	name->kind = NAME_TASK_RUN;
	return 0;
}

int name_parse(struct name *out, struct str text, struct err *e)
{
	struct name name = { .kind = NAME_RELEASE };
	struct str rest = text;
	struct str collection;
	const char *why = "nothing is expected behind a task run";
	if (take_word(&rest, "projects") != 0 || take_id(&name.project, &rest) != 0)
		return fail(text, "expected 'projects/PROJECT' at its start", e);
	if (!str_split(&collection, &rest, '/'))
		return fail(text, "expected 'releases' or 'plans' behind the project", e);
	if (str_eq_cstr(collection, "releases")) {
		if (take_id(&name.release, &rest) != 0)
			return fail(text, "expected the release's id behind 'releases'", e);
		why = "nothing is expected behind a release";
	} else if (str_eq_cstr(collection, "plans")) {
		if (take_number(&name.plan, &rest) != 0)
			return fail(text, "expected the plan's number behind 'plans'", e);
		if (parse_rollout(&name, &rest, &why) != 0)
			return fail(text, why, e);
	} else {
		return fail(text, "expected 'releases' or 'plans' behind the project", e);
	}
	if (rest.p != NULL)
		return fail(text, why, e);
	*out = name;
	return 0;
}

struct str name_text(const struct name *name, struct arena *arena)
{
	struct str p = name->project;
	struct str s = name->environment;
	switch (name->kind) {
	case NAME_RELEASE:
		return str_of(arena_printf(arena, "projects/%.*s/releases/%.*s", STR_ARG(p),
					   STR_ARG(name->release)));
	case NAME_PLAN:
		return str_of(
		    arena_printf(arena, "projects/%.*s/plans/%" PRId64, STR_ARG(p), name->plan));
	case NAME_ROLLOUT:
		return str_of(arena_printf(arena, "projects/%.*s/plans/%" PRId64 "/rollout",
					   STR_ARG(p), name->plan));
	case NAME_STAGE:
		return str_of(arena_printf(arena,
					   "projects/%.*s/plans/%" PRId64 "/rollout/stages/%.*s",
					   STR_ARG(p), name->plan, STR_ARG(s)));
	case NAME_TASK:
		return str_of(arena_printf(
		    arena, "projects/%.*s/plans/%" PRId64 "/rollout/stages/%.*s/tasks/%" PRId64,
		    STR_ARG(p), name->plan, STR_ARG(s), name->task));
	case NAME_TASK_RUN:
		return str_of(
		    arena_printf(arena,
				 "projects/%.*s/plans/%" PRId64
				 "/rollout/stages/%.*s/tasks/%" PRId64 "/taskRuns/%" PRId64,
				 STR_ARG(p), name->plan, STR_ARG(s), name->task, name->task_run));
	}
	return STR_NULL;
}
