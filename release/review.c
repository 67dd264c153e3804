/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The review of a manifest: target by target, but each file is looked at once for all targets that
 * have the same ledger and the same rules. One session is open at a time.
 */

#include "release/review.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/db_rehearse.h"
#include "release/review_run.h"
#include "release/revision.h"

#include <string.h>

enum { LEDGER_MAX = 256 << 20 }; /* memory for one target's ledger */

static void state_free(struct review_state *r)
{
	for (struct review_group *g = r->groups; g != NULL; g = g->next)
		db_close(g->copy);
}
AUTO_DEFINE_INPLACE(state, struct review_state, state_free);

/* ---- results ---- */

static void count(struct review *out, const struct advice *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out->errors += list[i].level == RULE_ERROR;
		out->warnings += list[i].level == RULE_WARNING;
		out->infos += list[i].level == RULE_INFO;
	}
}

static int add_miss(struct review_state *r, size_t target, enum rule rule, const struct err *why,
		    struct err *e)
{
	const struct conf_environment *environment = r->job->targets[target].environment;
	struct lint_policy policy;
	lint_policy(&policy, environment);
	if (policy.levels[rule] == RULE_OFF)
		return 0;
	if (r->out->n_misses == r->miss_cap) {
		size_t cap = r->miss_cap > 0 ? r->miss_cap * 2 : 8;
		struct review_miss *more = arena_array(r->arena, cap, sizeof *more);
		if (more == NULL)
			return arena_err(r->arena, e);
		for (size_t i = 0; i < r->out->n_misses; i++)
			more[i] = r->out->misses[i];
		r->out->misses = more;
		r->miss_cap = cap;
	}
	struct str content = arena_str(r->arena, str_of(why->msg));
	if (content.p == NULL)
		return arena_err(r->arena, e);
	struct review_miss *miss = &r->out->misses[r->out->n_misses++];
	*miss =
	    (struct review_miss){ target, review_advice(policy.levels[rule], rule,
							(struct db_place){ .line = 0 }, content) };
	count(r->out, &miss->advice, 1);
	return 0;
}

static int add_result(struct review_state *r, const struct review_result *result, struct err *e)
{
	if (r->out->n == r->cap) {
		size_t cap = r->cap > 0 ? r->cap * 2 : 32;
		struct review_result *more = arena_array(r->arena, cap, sizeof *more);
		if (more == NULL)
			return arena_err(r->arena, e);
		for (size_t i = 0; i < r->out->n; i++)
			more[i] = r->out->results[i];
		r->out->results = more;
		r->cap = cap;
	}
	r->out->results[r->out->n++] = *result;
	count(r->out, result->advices, result->n);
	if (result->risk > r->out->risk)
		r->out->risk = result->risk;
	return 0;
}

/* ---- groups ---- */

/* What a target is like: a group before it is one. */
static int describe(struct review_group *out, const struct review_state *r, size_t target,
		    struct db *db, struct arena *arena, struct err *e)
{
	const struct review_target *t = &r->job->targets[target];
	const struct manifest *m = r->job->manifest;
	struct revision *revisions = NULL;
	size_t n = 0;
	struct check check;
	struct err refused;
	*out = (struct review_group){ .driver = t->driver,
				      .environment = t->environment,
				      .rules = t->rules };
	unsigned char *verdicts = arena_array(arena, m->n > 0 ? m->n : 1, 1);
	if (verdicts == NULL)
		return arena_err(arena, e);
	if (db != NULL && revision_list(&revisions, &n, db, arena, e) != 0)
		return -1;
	/* What it refuses is told by each file's verdict. */
	if (check_decide(&check, m, revisions, n, &t->rules, arena, &refused) != 0 &&
	    refused.code != ERR_REFUSED) {
		*e = refused;
		return -1;
	}
	for (size_t i = 0; i < m->n; i++)
		verdicts[i] = (unsigned char)check.files[i].verdict;
	out->verdicts = verdicts;
	out->is_newer = db != NULL ? db_is_newer(db, e) : 0;
	return out->is_newer < 0 ? -1 : 0;
}

static int same(const struct review_group *a, const struct review_group *b, size_t files)
{
	return a->driver == b->driver && a->environment == b->environment &&
	       a->is_newer == b->is_newer && a->rules.allow_edited == b->rules.allow_edited &&
	       a->rules.allow_out_of_order == b->rules.allow_out_of_order &&
	       memcmp(a->verdicts, b->verdicts, files) == 0;
}

/* The group of targets like this one; *made: it is new, and nothing was looked at yet. */
static int find_group(struct review_group **out, int *made, struct review_state *r,
		      const struct review_group *like, struct err *e)
{
	const size_t files = r->job->manifest->n;
	*made = 0;
	for (*out = r->groups; *out != NULL; *out = (*out)->next) {
		if (same(*out, like, files))
			return 0;
	}
	struct review_group *g = arena_alloc(r->arena, sizeof *g);
	struct review_work *works = arena_array(r->arena, files > 0 ? files : 1, sizeof *works);
	unsigned char *verdicts = arena_array(r->arena, files > 0 ? files : 1, 1);
	if (g == NULL || works == NULL || verdicts == NULL)
		return arena_err(r->arena, e);
	*g = *like;
	if (files > 0)
		memcpy(verdicts, like->verdicts, files);
	g->verdicts = verdicts;
	g->works = works;
	lint_policy(&g->policy, g->environment);
	g->context = (struct lint_context){ .driver = g->driver, .policy = &g->policy };
	g->next = r->groups;
	r->groups = g;
	*out = g;
	*made = 1;
	return 0;
}

/* Look at each file, for all targets of the group. */
static int review_group(struct review_state *r, struct review_group *g, struct db *db,
			struct err *e)
{
	struct err none;
	/* Where there is no copy, scripts are not tried; each driver has its reader beside that. */
	if (db_copy(&g->copy, db, g->driver, &none) != 0)
		g->copy = NULL;
	g->is_blank = db == NULL;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->job->manifest->n; i++)
		rc = review_file(r, g, i, db, e);
	db_close(g->copy);
	g->copy = NULL;
	return rc;
}

/* ---- targets ---- */

static int64_t mean(const struct review_work *w)
{
	return w->asked > 0 ? w->estimated / (int64_t)w->asked : w->inserted;
}

static int add_results(struct review_state *r, struct review_group *g, size_t target, struct db *db,
		       struct err *e)
{
	const size_t sample = r->job->sample > 0 ? r->job->sample : REVIEW_SAMPLE;
	const int ask = db != NULL && g->targets < sample;
	g->targets++;
	for (size_t i = 0; i < r->job->manifest->n; i++) {
		struct review_work *w = &g->works[i];
		if (g->verdicts[i] == CHECK_APPLIED)
			continue;
		int64_t rows = ask ? review_estimate(w, db) : mean(w);
		if (ask && w->estimated <= INT64_MAX - rows) {
			w->estimated += rows;
			w->asked++;
		}
		const struct review_result result = { .file = i,
						      .target = target,
						      .advices = w->advices,
						      .n = w->n,
						      .affected_rows = rows,
						      .risk = w->risk };
		if (add_result(r, &result, e) != 0)
			return -1;
	}
	return 0;
}

/* Without memory, or without a file's content, the review cannot go on; else the target is left
 * out. */
static int leave_out(struct review_state *r, size_t target, const struct err *why, struct err *e)
{
	if (why->code == ERR_NOMEM) {
		*e = *why;
		return -1;
	}
	return add_miss(r, target, RULE_TARGET_UNREACHABLE, why, e);
}

static int review_target(struct review_state *r, size_t target, struct err *e)
{
	AUTO(db) struct db *db = NULL;
	AUTO(arena) struct arena memory;
	struct review_group like, *g;
	struct err why = { .code = ERR_NONE };
	int made;
	arena_init(&memory, LEDGER_MAX);
	if (r->job->open != NULL && r->job->open(r->job->context, &db, target, &why) != 0)
		return leave_out(r, target, &why, e);
	if (describe(&like, r, target, db, &memory, &why) != 0)
		return leave_out(r, target, &why, e);
	if (find_group(&g, &made, r, &like, e) != 0 || (made && review_group(r, g, db, e) != 0))
		return -1;
	return add_results(r, g, target, db, e);
}

static int out_of_time(const struct review_state *r)
{
	return r->job->deadline_ms != 0 && clock_mono_ms() >= r->job->deadline_ms;
}

static int is_full(const struct review *out)
{
	return out->errors >= REVIEW_ERRORS_MAX && out->warnings >= REVIEW_WARNINGS_MAX;
}

static void sum_rows(struct review *out)
{
	for (size_t i = 0; i < out->n; i++) {
		int64_t rows = out->results[i].affected_rows;
		out->affected_rows =
		    rows > INT64_MAX - out->affected_rows ? INT64_MAX : out->affected_rows + rows;
	}
}

int review_run(struct review *out, const struct review_job *job, struct arena *arena, struct err *e)
{
	struct review review = { .results = NULL };
	AUTO(state) struct review_state r = { .job = job, .out = &review, .arena = arena };
	struct err late, none;
	e = e != NULL ? e : &none;
	IGNORE(err_set(&late, ERR_UNAVAILABLE, /* it only fills it */
		       "there was no time left to look at this target"));
	for (size_t i = 0; i < job->n_targets && !review.stopped; i++) {
		int rc = out_of_time(&r) ? add_miss(&r, i, RULE_NOT_CHECKED, &late, e)
					 : review_target(&r, i, e);
		if (rc != 0)
			return -1;
		review.stopped = is_full(&review);
	}
	sum_rows(&review);
	*out = review;
	return 0;
}

int review_blocks(const struct review_result **result, const struct advice **advice,
		  const struct review *review, const struct review_job *job)
{
	for (size_t i = 0; i < review->n; i++) {
		const struct review_result *at = &review->results[i];
		const struct conf_environment *env = job->targets[at->target].environment;
		enum conf_fail_on fail_on = env != NULL ? env->fail_on : CONF_FAIL_ERROR;
		enum rule_level from = fail_on == CONF_FAIL_WARNING ? RULE_WARNING : RULE_ERROR;
		for (size_t j = 0; fail_on != CONF_FAIL_NEVER && j < at->n; j++) {
			if (at->advices[j].level < from)
				continue;
			*result = at;
			*advice = &at->advices[j];
			return 1;
		}
	}
	return 0;
}
