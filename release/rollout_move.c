/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moves a rollout by itself: making it, opening its stages and their batches by policy. The
 * gate between stages is decided here, under a lock of the plan. What people order is in
 * rollout_order.c.
 */

#include "base/buf.h"
#include "base/json_write.h"
#include "release/batch.h"
#include "release/name.h"
#include "release/rollout_view.h"
#include "release/store.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char sql_mark[] =
	"UPDATE plan SET rollout_at = $1 WHERE project = $2 AND id = $3 AND rollout_at = 0";
static const char sql_lock[] =
	"UPDATE plan SET rollout_at = rollout_at WHERE project = $1 AND id = $2";
static const char sql_stage_insert[] =
	"INSERT INTO stage(project, plan, environment, position, batches)";
static const char sql_task_insert[] =
	"INSERT INTO task(project, plan, environment, position, target, status, updated_at, batch,"
	" instance, rolled_at)";
static const char sql_open[] =
	"UPDATE stage SET opened_at = $1, opened_by = $2, batch = 1"
	" WHERE project = $3 AND plan = $4 AND environment = $5 AND opened_at = 0";
static const char sql_next_batch[] =
	"UPDATE stage SET batch = $1, stopped = 0"
	" WHERE project = $2 AND plan = $3 AND environment = $4 AND batch = $5";
static const char sql_stop[] =
	"UPDATE stage SET stopped = $1"
	" WHERE project = $2 AND plan = $3 AND environment = $4 AND stopped <> $1";
static const char sql_start_tasks[] =
	"UPDATE task SET status = 'PENDING', not_before = $1, updated_at = $2"
	" WHERE project = $3 AND plan = $4 AND environment = $5 AND status = 'NOT_STARTED'"
	" AND batch <= $6";
/* While one of these is there, nothing can be due: its stage is not complete, and no later one is
 * open. */
static const char sql_pending[] =
	"SELECT 1 FROM task WHERE status = 'PENDING' AND project = $1 AND plan = $2 LIMIT 1";
static const char sql_running[] =
	"SELECT 1 FROM task WHERE status = 'RUNNING' AND project = $1 AND plan = $2 LIMIT 1";
static const char sql_waiting[] =
	"SELECT project, plan FROM stage WHERE opened_at = 0 OR batch < batches"
	" GROUP BY project, plan";
/* clang-format on */

enum { VIEW_MAX = 64 * 1024 * 1024, DETAIL_MAX = 4096 };

/* ---- making ---- */

struct placed {
	int64_t position;
	struct str environment;
	struct str instance;
	struct str target;
};

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a;
	const struct placed *y = b;
	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return str_cmp(x->target, y->target);
}

/* Each target with its environment, in stage order. */
static int place(struct placed *out, const struct conf *conf, const struct plan *plan,
		 struct err *e)
{
	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct conf_instance *instance;
		struct str database;
		if (conf_target(&instance, &database, conf, plan->targets[i], e) != 0)
			return err_wrap(e, "cannot roll out '%.*s'", STR_ARG(plan->name));
		if (instance->environment.p == NULL)
			return err_set(e, ERR_INPUT,
				       "target '%.*s' is of no stage: its instance has no "
				       "environment",
				       STR_ARG(plan->targets[i]));
		int position = conf_environment_position(conf, instance->environment);
		if (position < 0)
			return err_set(e, ERR_INPUT,
				       "target '%.*s' is in the unknown environment '%.*s'",
				       STR_ARG(plan->targets[i]), STR_ARG(instance->environment));
		out[i] = (struct placed){ position, instance->environment, instance->id,
					  plan->targets[i] };
	}
	qsort(out, plan->n_targets, sizeof *out, by_place);
	return 0;
}

enum { STAGE_COLUMNS = 5, TASK_COLUMNS_N = 10 };

struct create {
	const struct conf *conf;
	const struct plan *plan;
	const struct placed *placed;
	int64_t *batches;        /* of each target */
	struct db_value *stages; /* STAGE_COLUMNS a row */
	struct db_value *tasks;  /* TASK_COLUMNS_N a row */
	size_t n_stages;
	int64_t now_ms;
};

/* One stage with the targets from `first` on; `*end` is the first that is of the next one. */
static int fill_stage(size_t *end, struct create *c, size_t first, struct err *e)
{
	const struct plan *p = c->plan;
	const struct placed *s = &c->placed[first];
	const struct conf_environment *environment = conf_environment(c->conf, s->environment);
	int64_t batches;
	size_t last = first;
	while (last < p->n_targets && c->placed[last].position == s->position)
		last++;
	if (batch_freeze(c->batches + first, &batches, last - first, environment, e) != 0)
		return -1;
	const struct db_value stage[STAGE_COLUMNS] = { DB_S(p->project), DB_I(p->id),
						       DB_S(s->environment), DB_I(s->position),
						       DB_I(batches) };
	memcpy(c->stages + c->n_stages++ * STAGE_COLUMNS, stage, sizeof stage);
	for (size_t i = first; i < last; i++) {
		const struct placed *t = &c->placed[i];
		const struct db_value task[TASK_COLUMNS_N] = {
			DB_S(p->project),  DB_I(p->id),         DB_S(t->environment),
			DB_I(t->position), DB_S(t->target),     DB_S(STR("NOT_STARTED")),
			DB_I(c->now_ms),   DB_I(c->batches[i]), DB_S(t->instance),
			DB_I(c->now_ms),
		};
		memcpy(c->tasks + i * TASK_COLUMNS_N, task, sizeof task);
	}
	*end = last;
	return 0;
}

static int fill_rows(struct create *c, struct err *e)
{
	for (size_t i = 0; i < c->plan->n_targets;) {
		if (fill_stage(&i, c, i, e) != 0)
			return -1;
	}
	return 0;
}

static int create(struct db *store, void *context, struct err *e)
{
	struct create *c = context;
	const struct plan *p = c->plan;
	struct plan known;
	int64_t changed;
	size_t opened;
	AUTO(arena) struct arena arena;
	arena_init(&arena, VIEW_MAX);
	if (db_exec(store, &changed, sql_mark,
		    DB_ARGS(DB_I(c->now_ms), DB_S(p->project), DB_I(p->id)), e) != 0)
		return -1;
	if (changed == 0) /* there is one already, or no such plan */
		return plan_get(&known, store, p->project, p->id, &arena, e);
	if (store_insert(store, sql_stage_insert, "", c->stages, STAGE_COLUMNS, c->n_stages, e) !=
		0 ||
	    store_insert(store, sql_task_insert, "", c->tasks, TASK_COLUMNS_N, p->n_targets, e) !=
		0)
		return -1;
	return rollout_advance(&opened, store, c->conf, p->project, p->id, c->now_ms, e);
}

int rollout_create(struct db *store, const struct conf *conf, const struct plan *plan,
		   int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct create c = { .conf = conf, .plan = plan, .now_ms = now_ms > 0 ? now_ms : 1 };
	arena_init(&arena, VIEW_MAX);
	struct placed *placed = arena_array(&arena, plan->n_targets, sizeof *placed);
	c.stages = arena_array(&arena, plan->n_targets, STAGE_COLUMNS * sizeof *c.stages);
	c.tasks = arena_array(&arena, plan->n_targets, TASK_COLUMNS_N * sizeof *c.tasks);
	c.batches = arena_array(&arena, plan->n_targets, sizeof *c.batches);
	if (placed == NULL || c.stages == NULL || c.tasks == NULL || c.batches == NULL)
		return arena_err(&arena, e);
	if (place(placed, conf, plan, e) != 0)
		return -1;
	c.placed = placed;
	if (fill_rows(&c, e) != 0)
		return -1;
	return store_within(store, create, &c, e);
}

/* ---- opening ---- */

/* An entry in the audit log on a stage: how many tasks it moved, of which batch. */
static int tell_audit(struct db *store, const struct stage *s, const struct audit_actor *actor,
		      const char *action, int64_t batch, int64_t tasks, int64_t now_ms,
		      struct err *e)
{
	AUTO(buf) struct buf detail;
	struct json_writer w;
	buf_init(&detail, DETAIL_MAX);
	jw_init(&w, &detail, 0);
	jw_object(&w, NULL);
	jw_int(&w, "batch", batch);
	jw_int(&w, "batches", s->batches);
	jw_int(&w, "tasks", tasks);
	jw_int(&w, "failed", (int64_t)s->fallen);
	jw_int(&w, "of", (int64_t)s->started);
	jw_end_object(&w);
	if (buf_check(&detail, e) != 0)
		return -1;
	return audit_add(store, actor, action, s->name, buf_str(&detail), now_ms, e);
}

static int start_tasks(int64_t *changed, struct db *store, const struct rollout *r,
		       const struct stage *s, int64_t batch, int64_t not_before_ms, int64_t now_ms,
		       struct err *e)
{
	return db_exec(store, changed, sql_start_tasks,
		       DB_ARGS(DB_I(not_before_ms), DB_I(now_ms), DB_S(r->plan.project),
			       DB_I(r->plan.id), DB_S(s->environment), DB_I(batch)),
		       e);
}

int rollout_stage_open(size_t *opened, struct db *store, const struct rollout *r,
		       const struct stage *s, const struct audit_actor *actor,
		       int64_t not_before_ms, int64_t now_ms, struct err *e)
{
	int64_t changed;
	if (db_exec(store, &changed, sql_open,
		    DB_ARGS(DB_I(now_ms > 0 ? now_ms : 1), DB_S(actor->who), DB_S(r->plan.project),
			    DB_I(r->plan.id), DB_S(s->environment)),
		    e) != 0)
		return -1;
	if (changed == 0)
		return 0;
	if (start_tasks(&changed, store, r, s, 1, not_before_ms, now_ms, e) != 0)
		return -1;
	*opened += (size_t)changed;
	return tell_audit(store, s, actor, "stage opened", 1, changed, now_ms, e);
}

int rollout_stage_next_batch(size_t *opened, struct db *store, const struct rollout *r,
			     const struct stage *s, const struct audit_actor *actor,
			     int64_t not_before_ms, int64_t now_ms, struct err *e)
{
	const int64_t batch = s->batch + 1;
	int64_t changed;
	if (db_exec(store, &changed, sql_next_batch,
		    DB_ARGS(DB_I(batch), DB_S(r->plan.project), DB_I(r->plan.id),
			    DB_S(s->environment), DB_I(s->batch)),
		    e) != 0)
		return -1;
	if (changed == 0)
		return 0;
	if (start_tasks(&changed, store, r, s, batch, not_before_ms, now_ms, e) != 0)
		return -1;
	*opened += (size_t)changed;
	return tell_audit(store, s, actor, "batch started", batch, changed, now_ms, e);
}

/* Write down, once, that too many have failed. */
static int stop_batch(struct db *store, const struct rollout *r, const struct stage *s,
		      int64_t now_ms, struct err *e)
{
	const struct audit_actor policy = audit_policy();
	int64_t changed;
	if (db_exec(store, &changed, sql_stop,
		    DB_ARGS(DB_I(s->batch), DB_S(r->plan.project), DB_I(r->plan.id),
			    DB_S(s->environment)),
		    e) != 0)
		return -1;
	if (changed == 0)
		return 0;
	return tell_audit(store, s, &policy, "batch stopped", s->batch, 0, now_ms, e);
}

/* Go on in an open stage. A batch that lost all its tasks to skips starts nothing; it is passed. */
static int go_on(size_t *opened, struct db *store, const struct conf *conf, const struct rollout *r,
		 const struct stage *s, int64_t now_ms, struct err *e)
{
	const struct audit_actor policy = audit_policy();
	const struct conf_environment *en = conf_environment(conf, s->environment);
	const int64_t pause = en != NULL ? en->batch_pause_ms : 0;
	const size_t before = *opened;
	struct stage at = *s;
	if (batch_is_stopped(en, s->fallen, s->started))
		return stop_batch(store, r, s, now_ms, e);
	while (at.batch < at.batches && *opened == before) {
		if (rollout_stage_next_batch(opened, store, r, &at, &policy,
					     pause > 0 ? now_ms + pause : 0, now_ms, e) != 0)
			return -1;
		at.batch++;
	}
	return 0;
}

/* Whether policy opens the stage, which is the first that is not done. */
static int may_open(const struct rollout *r, const struct stage *s)
{
	const int enough = s->approvals > 0 && s->approved >= s->approvals;
	return s->status == STAGE_READY && s->position <= r->plan.target_position &&
	       (s->automatic || enough);
}

static int has_new_void(const struct stage *s)
{
	for (size_t i = 0; i < s->n_approved_by; i++) {
		if (s->approved_by[i].is_void_new)
			return 1;
	}
	return 0;
}

/* The first stage that is not done when something is to be done about it, or NULL. */
static const struct stage *due(const struct rollout *r, const struct conf *conf)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		const struct conf_environment *en = conf_environment(conf, s->environment);
		if (s->status == STAGE_DONE)
			continue;
		if (stage_is_between(s))
			return s->stopped == s->batch && batch_is_stopped(en, s->fallen, s->started)
				   ? NULL
				   : s;
		return may_open(r, s) ? s : NULL;
	}
	return NULL;
}

struct move {
	const struct conf *conf;
	struct str project;
	int64_t plan;
	int64_t now_ms;
	size_t n;
	struct arena *arena;
};

static int keep_voids(struct db *store, const struct rollout *r, int64_t now_ms, struct err *e)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		if (approval_keep_void(store, s->approved_by, s->n_approved_by, s->name, now_ms,
				       e) != 0)
			return -1;
	}
	return 0;
}

int rollout_lock(struct rollout *out, struct db *store, const struct conf *conf, struct str project,
		 int64_t plan, int with_tasks, struct arena *arena, struct err *e)
{
	struct plan p;
	/* Two tasks that end at once must not each see the other still running. */
	if (!(db_driver_of(store)->flags & DB_ONE_WRITER) &&
	    db_exec(store, NULL, sql_lock, DB_ARGS(DB_S(project), DB_I(plan)), e) != 0)
		return -1;
	if (plan_get(&p, store, project, plan, arena, e) != 0)
		return -1;
	return rollout_view(out, store, conf, &p, with_tasks, arena, e);
}

/* 1: tasks of the plan are pending or running. */
static int is_under_way(struct db *store, struct str project, int64_t plan, struct err *e)
{
	const struct db_value args[] = { DB_S(project), DB_I(plan) };
	int64_t one;
	int rc = store_int(&one, store, sql_pending, args, 2, e);
	return rc == 0 ? store_int(&one, store, sql_running, args, 2, e) : rc;
}

static int advance(struct db *store, void *context, struct err *e)
{
	struct move *m = context;
	struct rollout r;
	if (rollout_lock(&r, store, m->conf, m->project, m->plan, 0, m->arena, e) != 0 ||
	    keep_voids(store, &r, m->now_ms, e) != 0)
		return -1;
	const struct audit_actor policy = audit_policy();
	const struct stage *s = due(&r, m->conf);
	if (s == NULL)
		return 0;
	if (s->opened_ms != 0)
		return go_on(&m->n, store, m->conf, &r, s, m->now_ms, e);
	return rollout_stage_open(&m->n, store, &r, s, &policy, 0, m->now_ms, e);
}

/* 1: it is worth a transaction; 0: nothing is to be done, which only reads found. */
static int is_due(struct db *store, const struct move *m, struct err *e)
{
	struct plan p;
	struct rollout r;
	int rc = is_under_way(store, m->project, m->plan, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (plan_get(&p, store, m->project, m->plan, m->arena, e) != 0 ||
	    rollout_view(&r, store, m->conf, &p, 0, m->arena, e) != 0)
		return -1;
	for (size_t i = 0; i < r.n_stages; i++) {
		if (has_new_void(&r.stages[i]))
			return 1;
	}
	return due(&r, m->conf) != NULL;
}

int rollout_advance(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		    int64_t plan, int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct move m = {
		.conf = conf, .project = project, .plan = plan, .now_ms = now_ms, .arena = &arena
	};
	arena_init(&arena, VIEW_MAX);
	int rc = store->in_transaction ? 1 : is_due(store, &m, e);
	if (rc == 1)
		rc = store_within(store, advance, &m, e);
	if (rc != 0)
		return -1;
	*opened = m.n;
	return 0;
}

struct waiting {
	struct str project;
	int64_t plan;
};

static int read_waiting(void *element, struct store_reader *r, struct err *e)
{
	struct waiting *out = element;
	(void)e;
	*out = (struct waiting){ .project = store_read(r, 0), .plan = db_int(r->rows, 1) };
	return 0;
}

int rollout_advance_all(size_t *opened, struct db *store, const struct conf *conf, int64_t now_ms,
			struct err *e)
{
	AUTO(arena) struct arena arena;
	struct waiting *list;
	size_t n;
	size_t total = 0;
	arena_init(&arena, VIEW_MAX);
	if (task_release_held(store, e) != 0)
		return -1;
	if (store_list(&list, &n, sizeof *list, read_waiting, store, sql_waiting, DB_NO_ARGS,
		       &arena, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t now = 0;
		if (rollout_advance(&now, store, conf, list[i].project, list[i].plan, now_ms, e) !=
		    0)
			return -1;
		total += now;
	}
	*opened = total;
	return 0;
}
