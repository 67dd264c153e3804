/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts read: stages and tasks as they are stored, and every status derived from the tasks'
 * facts. What changes them is in rollout_move.c.
 */

#include "release/rollout.h"

#include "base/clock.h"
#include "release/name.h"
#include "release/rollout_view.h"
#include "release/schema.h"
#include "release/task_row.h"

const struct store_schema rollout_schema = {
	.module = "rollout",
	.version = 1,
	.ddl = "CREATE TABLE stage("
	       " project TEXT NOT NULL,"
	       " plan BIGINT NOT NULL,"
	       " environment TEXT NOT NULL,"
	       " position BIGINT NOT NULL,"            /* in environment order, at that time */
	       " opened_at BIGINT NOT NULL DEFAULT 0," /* 0: not yet */
	       " opened_by TEXT,"
	       " PRIMARY KEY(project, plan, environment));"
	       "CREATE INDEX stage_waiting ON stage(project, plan) WHERE opened_at = 0;",
};

/* Batches. */
const struct store_schema rollout_schema_2 = {
	.module = "rollout",
	.version = 2,
	.ddl = "ALTER TABLE stage ADD COLUMN batches BIGINT NOT NULL DEFAULT 1;"
	       "ALTER TABLE stage ADD COLUMN batch BIGINT NOT NULL DEFAULT 0;" /* started so far */
	       /* the batch after which too many had failed; 0: none */
	       "ALTER TABLE stage ADD COLUMN stopped BIGINT NOT NULL DEFAULT 0;"
	       "UPDATE stage SET batch = 1 WHERE opened_at > 0;"
	       "CREATE INDEX stage_between ON stage(project, plan) WHERE batch < batches;",
};

/* Waits for its time alone: not for a database that could not be reached. */
#define AT_REST                                                                                    \
	"(CASE WHEN status = 'PENDING' AND not_before > $3 AND (attempt = 0 OR unheld IS NOT "     \
	"NULL) THEN 1 ELSE 0 END)"

/* clang-format off */
static const char sql_stages[] =
	"SELECT environment, position, opened_at, opened_by, batches, batch, stopped FROM stage"
	" WHERE project = $1 AND plan = $2 ORDER BY position";
static const char sql_tasks[] =
	"SELECT " TASK_COLUMNS " FROM task WHERE project = $1 AND plan = $2 ORDER BY id";
static const char sql_counts[] =
	"SELECT environment, status, batch, count(*), sum(" AT_REST "),"
	" min(CASE WHEN " AT_REST " = 1 THEN not_before END),"
	" sum(CASE WHEN status = 'PENDING' AND unheld IS NOT NULL THEN 1 ELSE 0 END)"
	" FROM task WHERE project = $1 AND plan = $2 GROUP BY environment, status, batch";
/* clang-format on */

/* The status of each stage, and of the whole: that of the first stage that is not done. */
static void derive_all(struct rollout *r)
{
	int earlier_done = 1;
	int found = 0;
	for (size_t i = 0; i < r->n_stages; i++) {
		struct stage *s = &r->stages[i];
		s->status = stage_status(s, earlier_done);
		earlier_done = earlier_done && s->status == STAGE_DONE;
		if (s->status != STAGE_DONE && !found &&
		    (i == 0 || s->position <= r->plan.target_position)) {
			r->status = s->status;
			found = 1;
		}
	}
	if (!found)
		r->status = STAGE_DONE;
}

static int read_stage(void *element, struct store_reader *r, struct err *e)
{
	struct stage *out = element;
	(void)e;
	*out = (struct stage){
		.environment = store_read(r, 0),
		.position = db_int(r->rows, 1),
		.opened_ms = db_int(r->rows, 2),
		.opened_by = store_read(r, 3),
		.batches = db_int(r->rows, 4),
		.batch = db_int(r->rows, 5),
		.stopped = db_int(r->rows, 6),
	};
	return 0;
}

static int load_stages(struct rollout *r, struct db *store, const struct conf *conf,
		       struct arena *arena, struct err *e)
{
	if (store_list(&r->stages, &r->n_stages, sizeof *r->stages, read_stage, store, sql_stages,
		       DB_ARGS(DB_S(r->plan.project), DB_I(r->plan.id)), arena, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n_stages; i++) {
		struct stage *s = &r->stages[i];
		const struct conf_environment *environment = conf_environment(conf, s->environment);
		struct name name = {
			.kind = NAME_STAGE,
			.project = r->plan.project,
			.plan = r->plan.id,
			.environment = s->environment,
		};
		/* An environment that the configuration has lost does not open. */
		s->automatic =
		    environment != NULL && environment->rollout == CONF_ROLLOUT_AUTOMATIC;
		s->approvals = environment != NULL ? environment->approvals : 0;
		s->name = name_text(&name, arena);
		if (s->name.p == NULL)
			return arena_err(arena, e);
	}
	return 0;
}

/* Some tasks of a stage that are alike. */
struct alike {
	enum task_status status;
	int64_t batch;
	size_t n;
	size_t at_rest;
	int64_t due_ms; /* of those at rest */
	int held;
};

static void add_alike(struct stage *s, const struct alike *a)
{
	s->counts[a->status] += a->n;
	s->n_tasks += a->n;
	s->is_held = s->is_held || a->held;
	if (a->batch <= s->batch) {
		s->started += a->n;
		if (a->status == TASK_FAILED || a->status == TASK_CANCELED)
			s->fallen += a->n;
	}
	if (a->at_rest > 0 && (s->at_rest == 0 || a->due_ms < s->due_ms))
		s->due_ms = a->due_ms;
	s->at_rest += a->at_rest;
}

/* Tasks were made stage by stage, in the order of their targets. */
static int load_tasks(struct rollout *r, struct db *store, int64_t now_ms, struct arena *arena,
		      struct err *e)
{
	struct task *tasks;
	size_t n;
	size_t at = 0;
	if (store_list(&tasks, &n, sizeof *tasks, task_read_row, store, sql_tasks,
		       DB_ARGS(DB_S(r->plan.project), DB_I(r->plan.id)), arena, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n_stages; i++) {
		struct stage *s = &r->stages[i];
		s->tasks = tasks + at;
		for (; at < n && str_eq(tasks[at].environment, s->environment); at++) {
			const struct task *t = &tasks[at];
			const int rests = t->status == TASK_PENDING && t->not_before_ms > now_ms &&
					  (t->attempt == 0 || t->held);
			const struct alike one = {
				.status = t->status,
				.batch = t->batch,
				.n = 1,
				.at_rest = rests ? 1 : 0,
				.due_ms = t->not_before_ms,
				.held = t->held,
			};
			add_alike(s, &one);
		}
	}
	return 0;
}

static int load_counts(struct rollout *r, struct db *store, int64_t now_ms, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int rc;
	if (db_query(&rows, store, sql_counts,
		     DB_ARGS(DB_S(r->plan.project), DB_I(r->plan.id), DB_I(now_ms)), e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		struct str environment = db_text(rows, 0);
		struct alike some = {
			.batch = db_int(rows, 2),
			.n = (size_t)db_int(rows, 3),
			.at_rest = (size_t)db_int(rows, 4),
			.due_ms = db_int(rows, 5),
			.held = db_int(rows, 6) > 0,
		};
		if (task_status_parse(&some.status, db_text(rows, 1), e) != 0)
			return -1;
		for (size_t i = 0; i < r->n_stages; i++) {
			if (str_eq(r->stages[i].environment, environment))
				add_alike(&r->stages[i], &some);
		}
	}
	return rc;
}

/* The approvals of one stage, and which of them count. */
static int judge_stage(struct stage *s, const struct rollout *r, struct db *store,
		       const struct conf *conf, struct arena *arena, struct err *e)
{
	const struct conf_environment *environment = conf_environment(conf, s->environment);
	struct approval_bond bond;
	if (s->opened_ms == 0 && s->n_approved_by > 0 && environment != NULL) {
		if (approval_bind(&bond, store, conf, &r->plan, s->environment, arena, e) != 0)
			return -1;
		approval_judge(s->approved_by, s->n_approved_by, &bond, environment);
	}
	s->approved = (int64_t)approval_count(s->approved_by, s->n_approved_by);
	return 0;
}

static int load_approvals(struct rollout *r, struct db *store, const struct conf *conf,
			  struct arena *arena, struct err *e)
{
	struct approval *all;
	size_t n;
	if (approval_list(&all, &n, store, &r->plan, arena, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n_stages && n > 0; i++) {
		struct stage *s = &r->stages[i];
		s->approved_by = arena_array(arena, n, sizeof *s->approved_by);
		if (s->approved_by == NULL)
			return arena_err(arena, e);
		for (size_t k = 0; k < n; k++) {
			if (str_eq(all[k].environment, s->environment))
				s->approved_by[s->n_approved_by++] = all[k];
		}
		if (judge_stage(s, r, store, conf, arena, e) != 0)
			return -1;
	}
	return 0;
}

int rollout_view(struct rollout *out, struct db *store, const struct conf *conf,
		 const struct plan *plan, int with_tasks, struct arena *arena, struct err *e)
{
	struct rollout r = { .plan = *plan, .created_ms = plan->rollout_ms };
	const int64_t now_ms = clock_unix_ms();
	struct name name = { .kind = NAME_ROLLOUT, .project = plan->project, .plan = plan->id };
	if (!plan->has_rollout)
		return err_set(e, ERR_NOTFOUND,
			       "'%.*s' has no rollout: `tidegate plans show %.*s` says why",
			       STR_ARG(plan->name), STR_ARG(plan->name));
	r.name = name_text(&name, arena);
	if (r.name.p == NULL)
		return arena_err(arena, e);
	if (load_stages(&r, store, conf, arena, e) != 0 ||
	    load_approvals(&r, store, conf, arena, e) != 0)
		return -1;
	if ((with_tasks ? load_tasks(&r, store, now_ms, arena, e)
			: load_counts(&r, store, now_ms, e)) != 0)
		return -1;
	derive_all(&r);
	if (stage_tell_waits(&r, conf, arena, e) != 0)
		return -1;
	*out = r;
	return 0;
}

int rollout_get(struct rollout *out, struct db *store, const struct conf *conf, struct str project,
		int64_t plan, struct arena *arena, struct err *e)
{
	struct plan p;
	if (plan_get(&p, store, project, plan, arena, e) != 0)
		return -1;
	return rollout_view(out, store, conf, &p, 1, arena, e);
}

int rollout_list(struct rollout **out, size_t *n, struct db *store, const struct conf *conf,
		 struct str project, size_t limit, struct arena *arena, struct err *e)
{
	struct plan *plans;
	size_t count;
	if (plan_list_rolled(&plans, &count, store, project, limit, arena, e) != 0)
		return -1;
	struct rollout *list = arena_array(arena, count, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < count; i++) {
		if (rollout_view(&list[i], store, conf, &plans[i], 0, arena, e) != 0)
			return -1;
	}
	*out = list;
	*n = count;
	return 0;
}
