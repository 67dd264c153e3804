/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moves a rollout: making it, opening its stages by policy or by a person, letting failed
 * tasks run again. The gate between stages is decided here, under a lock of the plan.
 */

#include "release/name.h"
#include "release/rollout_view.h"
#include "release/store.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const char sql_mark[] =
	"UPDATE plan SET rollout_at = $1 WHERE project = $2 AND id = $3 AND rollout_at = 0";
static const char sql_lock[] =
	"UPDATE plan SET rollout_at = rollout_at WHERE project = $1 AND id = $2";
static const char sql_stage_insert[] = "INSERT INTO stage(project, plan, environment, position)";
static const char sql_task_insert[] =
	"INSERT INTO task(project, plan, environment, position, target, status, updated_at)";
static const char sql_open[] =
	"UPDATE stage SET opened_at = $1, opened_by = $2"
	" WHERE project = $3 AND plan = $4 AND environment = $5 AND opened_at = 0";
static const char sql_open_tasks[] =
	"UPDATE task SET status = 'PENDING', updated_at = $1"
	" WHERE project = $2 AND plan = $3 AND environment = $4 AND status = 'NOT_STARTED'";
static const char sql_retry[] =
	"UPDATE task SET status = 'PENDING', not_before = 0, detail = $1, updated_at = $2"
	" WHERE project = $3 AND plan = $4 AND status IN ('FAILED', 'CANCELED')";
static const char sql_waiting[] =
	"SELECT project, plan FROM stage WHERE opened_at = 0 GROUP BY project, plan";
/* clang-format on */

enum { VIEW_MAX = 64 * 1024 * 1024, SQL_MAX = 512 };

static const char policy[] = "policy";

/* ---- making ---- */

struct placed {
	int64_t position;
	struct str environment;
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
		out[i] = (struct placed){ position, instance->environment, plan->targets[i] };
	}
	qsort(out, plan->n_targets, sizeof *out, by_place);
	return 0;
}

struct create {
	const struct conf *conf;
	const struct plan *plan;
	const struct placed *placed;
	struct db_value *stages; /* 4 a row */
	struct db_value *tasks;  /* 7 a row */
	size_t n_stages;
	int64_t now_ms;
};

static void fill_rows(struct create *c)
{
	const struct plan *p = c->plan;
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct placed *t = &c->placed[i];
		const struct db_value task[] = {
			DB_S(p->project),  DB_I(p->id),     DB_S(t->environment),
			DB_I(t->position), DB_S(t->target), DB_S(STR("NOT_STARTED")),
			DB_I(c->now_ms),
		};
		for (size_t k = 0; k < 7; k++)
			c->tasks[i * 7 + k] = task[k];
		if (i > 0 && c->placed[i - 1].position == t->position)
			continue;
		for (size_t k = 0; k < 4; k++)
			c->stages[c->n_stages * 4 + k] = task[k];
		c->n_stages++;
	}
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
	if (store_insert(store, sql_stage_insert, "", c->stages, 4, c->n_stages, e) != 0 ||
	    store_insert(store, sql_task_insert, "", c->tasks, 7, p->n_targets, e) != 0)
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
	c.stages = arena_array(&arena, plan->n_targets, 4 * sizeof *c.stages);
	c.tasks = arena_array(&arena, plan->n_targets, 7 * sizeof *c.tasks);
	if (placed == NULL || c.stages == NULL || c.tasks == NULL)
		return arena_err(&arena, e);
	if (place(placed, conf, plan, e) != 0)
		return -1;
	c.placed = placed;
	fill_rows(&c);
	return store_within(store, create, &c, e);
}

/* ---- opening ---- */

static int open_stage(size_t *opened, struct db *store, const struct rollout *r,
		      const struct stage *s, struct str who, int64_t now_ms, struct err *e)
{
	int64_t changed;
	if (db_exec(store, &changed, sql_open,
		    DB_ARGS(DB_I(now_ms > 0 ? now_ms : 1), DB_S(who), DB_S(r->plan.project),
			    DB_I(r->plan.id), DB_S(s->environment)),
		    e) != 0)
		return -1;
	if (changed == 0)
		return 0;
	if (db_exec(store, &changed, sql_open_tasks,
		    DB_ARGS(DB_I(now_ms), DB_S(r->plan.project), DB_I(r->plan.id),
			    DB_S(s->environment)),
		    e) != 0)
		return -1;
	*opened += (size_t)changed;
	return 0;
}

/* The stage that policy opens now, or NULL. */
static const struct stage *due(const struct rollout *r)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		if (s->status == STAGE_DONE)
			continue;
		int may = s->status == STAGE_READY && s->automatic &&
			  s->position <= r->plan.target_position;
		return may ? s : NULL;
	}
	return NULL;
}

struct move {
	const struct conf *conf;
	struct str project;
	int64_t plan;
	struct str environment;
	int64_t task;
	struct str who;
	int64_t now_ms;
	size_t n;
	struct arena *arena;
};

/* The rollout as it is now; nobody else moves it until the transaction ends. */
static int lock_and_view(struct rollout *r, struct db *store, const struct move *m, int with_tasks,
			 struct err *e)
{
	struct plan plan;
	/* Two tasks that end at once must not each see the other still running. */
	if (!(db_driver_of(store)->flags & DB_ONE_WRITER) &&
	    db_exec(store, NULL, sql_lock, DB_ARGS(DB_S(m->project), DB_I(m->plan)), e) != 0)
		return -1;
	if (plan_get(&plan, store, m->project, m->plan, m->arena, e) != 0)
		return -1;
	return rollout_view(r, store, m->conf, &plan, with_tasks, m->arena, e);
}

static int advance(struct db *store, void *context, struct err *e)
{
	struct move *m = context;
	struct rollout r;
	if (lock_and_view(&r, store, m, 0, e) != 0)
		return -1;
	const struct stage *s = due(&r);
	if (s == NULL)
		return 0;
	return open_stage(&m->n, store, &r, s, str_of(policy), m->now_ms, e);
}

int rollout_advance(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		    int64_t plan, int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct move m = {
		.conf = conf, .project = project, .plan = plan, .now_ms = now_ms, .arena = &arena
	};
	arena_init(&arena, VIEW_MAX);
	if (!store->in_transaction) {
		struct plan p;
		struct rollout r;
		/* Mostly there is nothing to open: that only reads. */
		if (plan_get(&p, store, project, plan, &arena, e) != 0 ||
		    rollout_view(&r, store, conf, &p, 0, &arena, e) != 0)
			return -1;
		if (due(&r) == NULL) {
			*opened = 0;
			return 0;
		}
	}
	if (store_within(store, advance, &m, e) != 0)
		return -1;
	*opened = m.n;
	return 0;
}

static int run_stage(struct db *store, void *context, struct err *e)
{
	struct move *m = context;
	struct rollout r;
	if (lock_and_view(&r, store, m, 0, e) != 0)
		return -1;
	const struct stage *earlier = NULL;
	for (size_t i = 0; i < r.n_stages; i++) {
		const struct stage *s = &r.stages[i];
		if (!str_eq(s->environment, m->environment)) {
			if (earlier == NULL && s->status != STAGE_DONE)
				earlier = s;
			continue;
		}
		if (s->status == STAGE_DONE || s->opened_ms != 0)
			return 0;
		if (earlier == NULL)
			return open_stage(&m->n, store, &r, s, m->who, m->now_ms, e);
		return err_set(e, ERR_REFUSED,
			       "stage '%.*s' cannot start: stage '%.*s' before it is %s, not DONE",
			       STR_ARG(s->environment), STR_ARG(earlier->environment),
			       stage_status_name(earlier->status));
	}
	return err_set(e, ERR_NOTFOUND, "'%.*s' has no stage '%.*s'", STR_ARG(r.name),
		       STR_ARG(str_first(m->environment, 64)));
}

int rollout_run_stage(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		      int64_t plan, struct str environment, struct str who, int64_t now_ms,
		      struct err *e)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, VIEW_MAX);
	struct move m = { .conf = conf,
			  .project = project,
			  .plan = plan,
			  .environment = environment,
			  .now_ms = now_ms,
			  .arena = &arena };
	m.who = store_text(who, &arena);
	if (store_within(store, run_stage, &m, e) != 0)
		return -1;
	*opened = m.n;
	return 0;
}

/* ---- again ---- */

/* Whether the stage and the task that were named belong to the rollout. */
static int find_named(const struct rollout *r, const struct move *m, struct err *e)
{
	int stage = m->environment.p == NULL;
	int task = m->task == 0;
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		if (m->environment.p != NULL && !str_eq(s->environment, m->environment))
			continue;
		stage = 1;
		for (size_t k = 0; k < s->n_tasks; k++)
			task = task || s->tasks[k].id == m->task;
	}
	if (!stage)
		return err_set(e, ERR_NOTFOUND, "'%.*s' has no stage '%.*s'", STR_ARG(r->name),
			       STR_ARG(str_first(m->environment, 64)));
	if (!task)
		return err_set(e, ERR_NOTFOUND, "'%.*s' has no task %lld there", STR_ARG(r->name),
			       (long long)m->task);
	return 0;
}

static int retry(struct db *store, void *context, struct err *e)
{
	struct move *m = context;
	struct rollout r;
	char sql[SQL_MAX];
	int64_t changed;
	if (lock_and_view(&r, store, m, 1, e) != 0 || find_named(&r, m, e) != 0)
		return -1;
	const char *detail = arena_printf(m->arena, "to run again, by %.*s", STR_ARG(m->who));
	if (detail == NULL)
		return arena_err(m->arena, e);
	struct db_value args[6] = { DB_S(str_of(detail)), DB_I(m->now_ms), DB_S(m->project),
				    DB_I(m->plan) };
	size_t n = 4;
	int used = snprintf(sql, sizeof sql, "%s", sql_retry);
	if (m->environment.p != NULL) {
		args[n++] = DB_S(m->environment);
		used +=
		    snprintf(sql + used, sizeof sql - (size_t)used, " AND environment = $%zu", n);
	}
	if (m->task != 0) {
		args[n++] = DB_I(m->task);
		(void)snprintf(sql + used, sizeof sql - (size_t)used, " AND id = $%zu", n);
	}
	if (db_exec(store, &changed, sql, args, n, e) != 0)
		return -1;
	m->n = (size_t)changed;
	return 0;
}

int rollout_retry(size_t *again, struct db *store, struct str project, int64_t plan,
		  struct str environment, int64_t task, struct str who, int64_t now_ms,
		  struct err *e)
{
	AUTO(arena) struct arena arena;
	const struct conf none = { .listen = STR_NULL }; /* policies play no part */
	arena_init(&arena, VIEW_MAX);
	struct move m = { .conf = &none,
			  .project = project,
			  .plan = plan,
			  .environment = environment,
			  .task = task,
			  .now_ms = now_ms,
			  .arena = &arena };
	m.who = store_text(who, &arena);
	if (store_within(store, retry, &m, e) != 0)
		return -1;
	*again = m.n;
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
