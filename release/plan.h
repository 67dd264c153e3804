/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_PLAN_H
#define RELEASE_PLAN_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "release/release.h"

#include <stdint.h>

/* Where an instance was when a plan was made. */
struct plan_place {
	struct str instance;    /* its id */
	struct str environment; /* its id */
	struct str url;
};

/* A plan: a release and the targets it is meant for, resolved and frozen. */
struct plan {
	struct str project;
	int64_t id;      /* counts up within the project */
	struct str name; /* projects/P/plans/N */
	struct str title;
	struct str release;      /* the release's id */
	struct str target_stage; /* environment id; absent: through the last stage */
	int64_t target_position; /* its place in environment order then; INT64_MAX when absent */
	struct str *targets;     /* instances/I/databases/D, sorted, each once */
	size_t n_targets;
	struct str group;          /* the group that the targets were resolved from; absent: none */
	struct plan_place *places; /* the instances of the targets, by id; none in old plans */
	size_t n_places;
	int64_t created_ms;
	int64_t rollout_ms; /* when its rollout was made; 0: it has none */
	int has_rollout;
};

/*
 * Make the plan of `release` for `targets`, or find it: the same release and set of targets is the
 * same plan (`*made` is 1 when it is new). A target named twice counts once, and one whose
 * instance moved to another environment is another target. `target_stage` is
 * "environments/E", as in the configuration, or E; it counts when the plan is made. ERR_INPUT or
 * ERR_NOTFOUND for a target or a stage that the configuration does not have.
 */
int plan_make(struct plan *out, int *made, struct db *store, const struct conf *conf,
	      const struct release *release, const struct str *targets, size_t n,
	      struct str target_stage, int64_t now_ms, struct arena *arena,
	      struct err *e) MUST_CHECK;

/* The same for the databases that a group was resolved to: the plan says so. */
int plan_make_of_group(struct plan *out, int *made, struct db *store, const struct conf *conf,
		       const struct release *release, struct str group, const struct str *targets,
		       size_t n, struct str target_stage, int64_t now_ms, struct arena *arena,
		       struct err *e) MUST_CHECK;

/* The newest plan of the project before `plan` whose targets are of the same group: 1, 0 when there
 * is none, or -1. */
int plan_before(struct plan *out, struct db *store, const struct plan *plan, struct arena *arena,
		struct err *e) MUST_CHECK;

int plan_get(struct plan *out, struct db *store, struct str project, int64_t id,
	     struct arena *arena, struct err *e) MUST_CHECK;
/* Newest first, at most `limit`; an absent project means all. */
int plan_list(struct plan **out, size_t *n, struct db *store, struct str project, size_t limit,
	      struct arena *arena, struct err *e) MUST_CHECK;
/* The same of those that have a rollout. */
int plan_list_rolled(struct plan **out, size_t *n, struct db *store, struct str project,
		     size_t limit, struct arena *arena, struct err *e) MUST_CHECK;

#endif
