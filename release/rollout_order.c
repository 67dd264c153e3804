/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people order: a stage run, tasks run again, skipped, canceled. Each order is checked against
 * the gate under a lock of the plan, and leaves an entry in the audit log. Approvals are in
 * rollout_approve.c.
 */

#include "release/rollout_order.h"

#include "base/buf.h"
#include "base/json_write.h"
#include "release/store.h"

#include <stdio.h>

/* clang-format off */
#define OF_PLAN " WHERE project = $1 AND plan = $2 AND ($3 = '' OR environment = $3)"              \
	" AND ($4 = 0 OR id = $4)"
static const char sql_retry[] =
	"UPDATE task SET status = CASE WHEN batch <= (SELECT s.batch FROM stage s"
	" WHERE s.project = task.project AND s.plan = task.plan"
	" AND s.environment = task.environment) THEN 'PENDING' ELSE 'NOT_STARTED' END,"
	" not_before = 0, unheld = NULL, cancel_at = 0, cancel_by = NULL, detail = $5,"
	" updated_at = $6" OF_PLAN " AND status IN ('FAILED', 'CANCELED')";
static const char sql_skip[] =
	"UPDATE task SET status = 'SKIPPED', not_before = 0, unheld = NULL, cancel_at = 0,"
	" cancel_by = NULL, detail = $5, updated_at = $6" OF_PLAN
	" AND (status IN ('NOT_STARTED', 'FAILED', 'CANCELED')"
	" OR (status = 'PENDING' AND attempt = 0))";
static const char sql_cancel[] =
	"UPDATE task SET status = 'CANCELED', not_before = 0, unheld = NULL, detail = $5,"
	" updated_at = $6" OF_PLAN
	" AND (status = 'NOT_STARTED' OR (status = 'PENDING' AND attempt = 0))";
/* What ran before may still run in the target: another session has to prove that it does not. */
static const char sql_ask_cancel[] =
	"UPDATE task SET cancel_at = $6, cancel_by = $7, detail = $5, not_before = 0,"
	" unheld = NULL, updated_at = $6" OF_PLAN
	" AND cancel_at = 0 AND (status = 'RUNNING' OR status = 'PENDING')";
static const char sql_start[] =
	"UPDATE task SET status = 'PENDING', not_before = $5, unheld = NULL, updated_at = $6"
	OF_PLAN " AND (status = 'PENDING' OR (status = 'NOT_STARTED' AND $4 <> 0))"
	" AND (status <> 'PENDING' OR (not_before <> $5 AND cancel_at = 0))";
/* clang-format on */

enum { VIEW_MAX = 64 * 1024 * 1024, DETAIL_MAX = 16 * 1024 };

/* ---- what orders share ---- */

const struct stage *rollout_order_stage(const struct rollout *r, struct str environment)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		if (str_eq(r->stages[i].environment, environment))
			return &r->stages[i];
	}
	return NULL;
}

/* The task that is named; it must be of the stage that is named too. */
static int find_task(const struct task **out, const struct rollout *r,
		     const struct rollout_order *o, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		for (size_t k = 0; k < s->n_tasks; k++) {
			if (s->tasks[k].id == o->task)
				*out = &s->tasks[k];
		}
	}
	if (*out == NULL)
		return err_set(e, ERR_NOTFOUND, "'%.*s' has no task %lld", STR_ARG(r->name),
			       (long long)o->task);
	if (o->environment.p != NULL && !str_eq((*out)->environment, o->environment))
		return err_set(e, ERR_NOTFOUND, "task %lld is '%.*s', not of stage '%.*s'",
			       (long long)o->task, STR_ARG((*out)->name), STR_ARG(o->environment));
	return 0;
}

int rollout_order_begin(struct order_work *w, struct db *store, struct err *e)
{
	const struct rollout_order *o = w->order;
	if (rollout_lock(&w->rollout, store, w->conf, o->project, o->plan, o->task != 0, w->arena,
			 e) != 0)
		return -1;
	w->object = w->rollout.name;
	w->stage = NULL;
	w->task = NULL;
	if (o->environment.p != NULL) {
		w->stage = rollout_order_stage(&w->rollout, o->environment);
		if (w->stage == NULL)
			return err_set(e, ERR_NOTFOUND, "'%.*s' has no stage '%.*s'",
				       STR_ARG(w->rollout.name),
				       STR_ARG(str_first(o->environment, 64)));
		w->object = w->stage->name;
	}
	if (o->task == 0)
		return 0;
	if (find_task(&w->task, &w->rollout, o, e) != 0)
		return -1;
	w->stage = rollout_order_stage(&w->rollout, w->task->environment);
	w->object = w->task->name;
	return 0;
}

int rollout_order_end(struct order_work *w, struct db *store, const char *action, size_t tasks,
		      struct err *e)
{
	const struct rollout_order *o = w->order;
	AUTO(buf) struct buf detail;
	struct json_writer jw;
	buf_init(&detail, DETAIL_MAX);
	jw_init(&jw, &detail, 0);
	jw_object(&jw, NULL);
	jw_int(&jw, "tasks", (int64_t)tasks);
	if (o->reason.p != NULL)
		jw_str(&jw, "reason", o->reason);
	if (o->not_before_ms != 0)
		jw_time(&jw, "not_before", o->not_before_ms);
	if (o->force)
		jw_bool(&jw, "force", 1);
	jw_end_object(&jw);
	if (buf_check(&detail, e) != 0)
		return -1;
	return audit_add(store, &o->actor, action, w->object, buf_str(&detail), o->now_ms, e);
}

int rollout_order_check_reason(const struct rollout_order *o, int needed, struct err *e)
{
	if (needed && str_trim(o->reason).n == 0)
		return err_set(e, ERR_INPUT, "a reason is needed: give --reason TEXT");
	if (o->reason.n > ROLLOUT_REASON_MAX)
		return err_set(e, ERR_INPUT, "the text is longer than %d bytes",
			       ROLLOUT_REASON_MAX);
	if (!str_is_utf8(o->reason) || str_has_control(o->reason))
		return err_set(e, ERR_INPUT,
			       "the text has a line end, a control character or bytes that are no "
			       "UTF-8 in it");
	return 0;
}

int rollout_order_do(struct order_result *out, struct db *store, const struct conf *conf,
		     const struct rollout_order *order, store_work_fn work, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct rollout_order o = *order;
	struct order_work w = { .conf = conf, .order = &o, .arena = &arena };
	arena_init(&arena, VIEW_MAX);
	o.actor.who = store_text(order->actor.who, &arena);
	o.actor.origin = store_text(order->actor.origin, &arena);
	if (o.actor.who.p == NULL || o.actor.origin.p == NULL)
		return err_set(e, ERR_INPUT, "an order needs to say who gives it, and from where");
	if (store_within(store, work, &w, e) != 0)
		return -1;
	*out = w.result;
	return 0;
}

/* The same where only the number of tasks is told. */
static int do_counted(size_t *n, struct db *store, const struct conf *conf,
		      const struct rollout_order *order, store_work_fn work, struct err *e)
{
	struct order_result result;
	if (rollout_order_do(&result, store, conf, order, work, e) != 0)
		return -1;
	*n = result.n;
	return 0;
}

/* "VERB by WHO: REASON" */
static int describe(struct str *out, const struct order_work *w, const char *verb, struct err *e)
{
	const struct rollout_order *o = w->order;
	const char *text = arena_printf(w->arena, "%s by %.*s%s%.*s", verb, STR_ARG(o->actor.who),
					o->reason.n > 0 ? ": " : "", STR_ARG(o->reason));
	if (text == NULL)
		return arena_err(w->arena, e);
	*out = str_of(text);
	return 0;
}

/* Run one of the statements above on what the order names; `$5` is `fifth`. */
static int change(size_t *n, struct db *store, const struct order_work *w, const char *sql,
		  struct db_value fifth, size_t n_args, struct err *e)
{
	const struct rollout_order *o = w->order;
	const struct str environment = o->environment.p != NULL ? o->environment : STR("");
	const struct db_value args[] = {
		DB_S(o->project), DB_I(o->plan),      DB_S(environment), DB_I(o->task), fifth,
		DB_I(o->now_ms),  DB_S(o->actor.who),
	};
	int64_t changed;
	if (db_exec(store, &changed, sql, args, n_args, e) != 0)
		return -1;
	*n += (size_t)changed;
	return 0;
}

static int advance_after(size_t *opened, struct db *store, const struct order_work *w,
			 struct err *e)
{
	const struct rollout_order *o = w->order;
	return rollout_advance(opened, store, w->conf, o->project, o->plan, o->now_ms, e);
}

/* ---- run ---- */

static int refuse_unapproved(const struct stage *s, struct err *e)
{
	return err_set(e, ERR_REFUSED, "stage '%.*s' cannot start: %.*s", STR_ARG(s->environment),
		       STR_ARG(s->waits));
}

/* Whether a person may open the stage now. */
static int check_gate(const struct order_work *w, struct err *e)
{
	const struct rollout *r = &w->rollout;
	const struct stage *s = w->stage;
	/* How many approvals it asks for is not known any more. */
	if (conf_environment(w->conf, s->environment) == NULL)
		return err_set(e, ERR_REFUSED,
			       "stage '%.*s' cannot start: its environment is no longer configured",
			       STR_ARG(s->environment));
	for (size_t i = 0; i < r->n_stages && &r->stages[i] != s; i++) {
		const struct stage *earlier = &r->stages[i];
		if (earlier->status != STAGE_DONE)
			return err_set(e, ERR_REFUSED,
				       "stage '%.*s' cannot start: stage '%.*s' before it is %s, "
				       "not DONE",
				       STR_ARG(s->environment), STR_ARG(earlier->environment),
				       stage_status_name(earlier->status));
	}
	if (s->approved < s->approvals)
		return refuse_unapproved(s, e);
	return 0;
}

/* Start what waits for its time in an open stage. */
static int run_open(struct order_work *w, struct db *store, struct err *e)
{
	const struct rollout_order *o = w->order;
	const struct stage *s = w->stage;
	const int between = stage_is_between(s);
	if (between && o->task == 0 && !o->force)
		return err_set(e, ERR_REFUSED, "stage '%.*s' is %.*s", STR_ARG(s->environment),
			       STR_ARG(s->waits));
	if (between && o->task == 0)
		return rollout_stage_next_batch(&w->result.n, store, &w->rollout, s, &o->actor,
						o->not_before_ms, o->now_ms, e);
	return change(&w->result.n, store, w, sql_start, DB_I(o->not_before_ms), 6, e);
}

static int run(struct db *store, void *context, struct err *e)
{
	struct order_work *w = context;
	const struct rollout_order *o = w->order;
	if (rollout_order_begin(w, store, e) != 0)
		return -1;
	if (w->stage == NULL)
		return err_set(e, ERR_INPUT, "which stage? name one");
	const struct stage *s = w->stage;
	if (s->status == STAGE_DONE)
		return 0;
	if (s->opened_ms == 0 && o->task != 0)
		return err_set(e, ERR_REFUSED,
			       "stage '%.*s' of the task is not open: `tidegate run %.*s --stage "
			       "%.*s` opens it",
			       STR_ARG(s->environment), STR_ARG(w->rollout.name),
			       STR_ARG(s->environment));
	if (s->opened_ms != 0) {
		if (run_open(w, store, e) != 0)
			return -1;
	} else if (check_gate(w, e) != 0 ||
		   rollout_stage_open(&w->result.n, store, &w->rollout, s, &o->actor,
				      o->not_before_ms, o->now_ms, e) != 0) {
		return -1;
	}
	return w->result.n == 0 ? 0 : rollout_order_end(w, store, "run", w->result.n, e);
}

int rollout_run(size_t *started, struct db *store, const struct conf *conf,
		const struct rollout_order *order, struct err *e)
{
	return do_counted(started, store, conf, order, run, e);
}

int rollout_run_stage(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		      int64_t plan, struct str environment, struct str who, int64_t now_ms,
		      struct err *e)
{
	const struct rollout_order order = {
		.project = project,
		.plan = plan,
		.environment = environment,
		.actor = { .who = who, .origin = STR("this process") },
		.now_ms = now_ms,
	};
	return rollout_run(opened, store, conf, &order, e);
}

/* ---- retry, skip, cancel ---- */

static int retry(struct db *store, void *context, struct err *e)
{
	struct order_work *w = context;
	struct str detail;
	if (rollout_order_begin(w, store, e) != 0 ||
	    describe(&detail, w, "to run again,", e) != 0 ||
	    change(&w->result.n, store, w, sql_retry, DB_S(detail), 6, e) != 0)
		return -1;
	return w->result.n == 0 ? 0 : rollout_order_end(w, store, "retry", w->result.n, e);
}

int rollout_retry(size_t *again, struct db *store, const struct conf *conf,
		  const struct rollout_order *order, struct err *e)
{
	return do_counted(again, store, conf, order, retry, e);
}

/* Nothing of what was named is in a status that the order is for. */
static int refuse_status(const struct order_work *w, const char *verb, const char *hint,
			 struct err *e)
{
	if (w->task != NULL)
		return err_set(e, ERR_REFUSED, "task %lld is %s: it cannot be %s%s",
			       (long long)w->task->id, task_status_name(w->task->status), verb,
			       hint);
	return err_set(e, ERR_REFUSED, "no task of '%.*s' can be %s%s", STR_ARG(w->object), verb,
		       hint);
}

static int skip(struct db *store, void *context, struct err *e)
{
	struct order_work *w = context;
	struct str detail;
	size_t opened;
	if (rollout_order_begin(w, store, e) != 0)
		return -1;
	if (w->stage == NULL)
		return err_set(e, ERR_INPUT, "skip what? name a task or a stage");
	if (describe(&detail, w, "skipped", e) != 0 ||
	    change(&w->result.n, store, w, sql_skip, DB_S(detail), 6, e) != 0)
		return -1;
	if (w->result.n == 0)
		return refuse_status(w, "skipped", "; what is under way must be canceled first", e);
	if (rollout_order_end(w, store, "skip", w->result.n, e) != 0)
		return -1;
	return advance_after(&opened, store, w, e);
}

int rollout_skip(size_t *skipped, struct db *store, const struct conf *conf,
		 const struct rollout_order *order, struct err *e)
{
	if (rollout_order_check_reason(order, 1, e) != 0)
		return -1;
	return do_counted(skipped, store, conf, order, skip, e);
}

static int cancel(struct db *store, void *context, struct err *e)
{
	struct order_work *w = context;
	struct str canceled, asked;
	size_t opened;
	if (rollout_order_begin(w, store, e) != 0 || describe(&canceled, w, "canceled", e) != 0 ||
	    describe(&asked, w, "cancel asked", e) != 0 ||
	    change(&w->result.n, store, w, sql_cancel, DB_S(canceled), 6, e) != 0 ||
	    change(&w->result.asked, store, w, sql_ask_cancel, DB_S(asked), 7, e) != 0)
		return -1;
	if (w->result.n + w->result.asked == 0)
		return refuse_status(w, "canceled", "", e);
	if (rollout_order_end(w, store, "cancel", w->result.n + w->result.asked, e) != 0)
		return -1;
	return advance_after(&opened, store, w, e);
}

int rollout_cancel(struct rollout_canceled *out, struct db *store, const struct conf *conf,
		   const struct rollout_order *order, struct err *e)
{
	struct order_result result;
	if (rollout_order_check_reason(order, 0, e) != 0 ||
	    rollout_order_do(&result, store, conf, order, cancel, e) != 0)
		return -1;
	*out = (struct rollout_canceled){ .canceled = result.n, .asked = result.asked };
	return 0;
}
