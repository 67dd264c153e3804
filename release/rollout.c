/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts read: stages and tasks as they are stored, and every status derived from the tasks'
 * facts. What changes them is in rollout_move.c.
 */

#include "release/rollout.h"

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

/* clang-format off */
static const char sql_stages[] =
	"SELECT environment, position, opened_at, opened_by FROM stage"
	" WHERE project = $1 AND plan = $2 ORDER BY position";
static const char sql_tasks[] =
	"SELECT " TASK_COLUMNS " FROM task WHERE project = $1 AND plan = $2 ORDER BY id";
static const char sql_counts[] =
	"SELECT environment, status, count(*) FROM task WHERE project = $1 AND plan = $2"
	" GROUP BY environment, status";
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
		/* An environment that the configuration has lost opens by a person only. */
		s->automatic =
		    environment != NULL && environment->rollout == CONF_ROLLOUT_AUTOMATIC;
		s->name = name_text(&name, arena);
		if (s->name.p == NULL)
			return arena_err(arena, e);
	}
	return 0;
}

/* Tasks were made stage by stage, in the order of their targets. */
static int load_tasks(struct rollout *r, struct db *store, struct arena *arena, struct err *e)
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
		while (at < n && str_eq(tasks[at].environment, s->environment)) {
			s->counts[tasks[at].status]++;
			s->n_tasks++;
			at++;
		}
	}
	return 0;
}

static int load_counts(struct rollout *r, struct db *store, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int rc;
	if (db_query(&rows, store, sql_counts, DB_ARGS(DB_S(r->plan.project), DB_I(r->plan.id)),
		     e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		enum task_status status;
		struct str environment = db_text(rows, 0);
		size_t count = (size_t)db_int(rows, 2);
		if (task_status_parse(&status, db_text(rows, 1), e) != 0)
			return -1;
		for (size_t i = 0; i < r->n_stages; i++) {
			struct stage *s = &r->stages[i];
			if (!str_eq(s->environment, environment))
				continue;
			s->counts[status] += count;
			s->n_tasks += count;
		}
	}
	return rc;
}

int rollout_view(struct rollout *out, struct db *store, const struct conf *conf,
		 const struct plan *plan, int with_tasks, struct arena *arena, struct err *e)
{
	struct rollout r = { .plan = *plan, .created_ms = plan->rollout_ms };
	struct name name = { .kind = NAME_ROLLOUT, .project = plan->project, .plan = plan->id };
	if (!plan->has_rollout)
		return err_set(e, ERR_NOTFOUND, "'%.*s' has no rollout", STR_ARG(plan->name));
	r.name = name_text(&name, arena);
	if (r.name.p == NULL)
		return arena_err(arena, e);
	if (load_stages(&r, store, conf, arena, e) != 0)
		return -1;
	if ((with_tasks ? load_tasks(&r, store, arena, e) : load_counts(&r, store, e)) != 0)
		return -1;
	derive_all(&r);
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
