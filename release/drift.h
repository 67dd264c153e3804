/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_DRIFT_H
#define RELEASE_DRIFT_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "release/plan.h"

#include <stddef.h>

/* What has become of a plan's frozen targets since it was made. */

enum drift_kind {
	DRIFT_NEW,          /* the plan's group selects it now, and the plan does not have it */
	DRIFT_GONE,         /* the instance has no such database any more */
	DRIFT_UNSELECTED,   /* the group, or the instance's 'databases', leave it out now */
	DRIFT_UNCONFIGURED, /* the instance is not configured any more */
	DRIFT_ENVIRONMENT,  /* the instance moved to another environment */
	DRIFT_URL,          /* the instance has another url */
};
const char *drift_kind_name(enum drift_kind kind); /* "new", "gone", ... */

struct drift {
	enum drift_kind kind;
	struct str target; /* instances/I/databases/D; of the last three instances/I */
	struct str was;    /* DRIFT_ENVIRONMENT, DRIFT_URL: in the plan; else absent */
	struct str is;     /* now */
};

/*
 * Compare the plan with the configuration and with what the instances have now; each that counts is
 * asked, and errors are those of group_resolve. Plans of older versions do not know where their
 * instances were. Nothing is written.
 */
int drift_find(struct drift **out, size_t *n, const struct conf *conf, const struct plan *plan,
	       struct arena *arena, struct err *e) MUST_CHECK;

/* How two plans' targets differ, for people: "2 databases more (instances/...), 1 less (...) than
 * projects/P/plans/N"; absent when they do not, or without memory. */
struct str drift_between(const struct plan *before, const struct plan *after, struct arena *arena);

#endif
