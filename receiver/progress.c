/* SPDX-License-Identifier: Apache-2.0 */
/* The progress of one delivery, out of the store, as JSON, and back. */

#include "receiver/progress.h"

#include "base/json.h"
#include "base/num.h"
#include "release/name.h"

#include <inttypes.h>
#include <stdio.h>

enum { STAGES_MAX = 256 };

/* --- from the store --- */

static void take_stage(struct progress_stage *out, const struct stage *s)
{
	*out = (struct progress_stage){
		.environment = s->environment,
		.status = s->status,
		.tasks = (int64_t)s->n_tasks,
		.done = (int64_t)(s->counts[TASK_DONE] + s->counts[TASK_SKIPPED]),
		.failed = (int64_t)(s->counts[TASK_FAILED] + s->counts[TASK_CANCELED]),
		.waits = s->waits,
	};
	const struct task *shown = NULL;
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct task *t = &s->tasks[i];
		if (t->detail.n == 0 || t->status == TASK_DONE || t->status == TASK_SKIPPED)
			continue;
		if (shown == NULL || (t->status == TASK_FAILED && shown->status != TASK_FAILED))
			shown = t;
	}
	if (shown == NULL)
		return;
	out->target = shown->target;
	out->detail = shown->detail;
}

/* A stage runs, or is about to be opened: its policy is automatic and it lies before the end. */
static int goes_on(const struct rollout *r)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		if (s->status == STAGE_RUNNING ||
		    (s->status == STAGE_READY && (s->automatic || s->approvals > 0) &&
		     s->position <= r->plan.target_position))
			return 1;
	}
	return 0;
}

static int read_rollout(struct progress *p, struct db *store, const struct conf *conf,
			struct arena *arena, struct err *e)
{
	struct name name;
	struct rollout r;
	if (name_parse(&name, p->rollout, e) != 0 ||
	    rollout_get(&r, store, conf, name.project, name.plan, arena, e) != 0)
		return -1;
	p->stages = arena_array(arena, r.n_stages, sizeof *p->stages);
	if (p->stages == NULL)
		return arena_err(arena, e);
	p->n = r.n_stages;
	for (size_t i = 0; i < r.n_stages; i++)
		take_stage(&p->stages[i], &r.stages[i]);
	p->over = p->over && !goes_on(&r);
	return 0;
}

int progress_read(struct progress *out, struct db *store, const struct conf *conf, int64_t id,
		  struct arena *arena, struct err *e)
{
	struct delivery d;
	if (delivery_get(&d, store, id, arena, e) != 0)
		return -1;
	/* What the others sent is not the git server's business. */
	if (!str_eq_cstr(d.source, "hook"))
		return err_set(e, ERR_NOTFOUND, "there is no delivery '%" PRId64 "' of a hook", id);
	struct progress p = {
		.delivery = d.id,
		.state = d.state,
		.summary = d.summary,
		.reason = d.reason,
		.release = d.release,
		.rollout = d.rollout,
		.over = d.state != DELIVERY_QUEUED && d.state != DELIVERY_PROCESSING,
	};
	if (p.rollout.n > 0 && read_rollout(&p, store, conf, arena, e) != 0)
		return -1;
	*out = p;
	return 0;
}

/* --- JSON --- */

static void write_stage(struct json_writer *w, const struct progress_stage *s)
{
	jw_object(w, NULL);
	jw_str(w, "environment", s->environment);
	jw_text(w, "status", stage_status_name(s->status));
	jw_int(w, "tasks", s->tasks);
	jw_int(w, "done", s->done);
	jw_int(w, "failed", s->failed);
	jw_str(w, "target", s->target);
	jw_str(w, "detail", s->detail);
	jw_str(w, "waits", s->waits);
	jw_end_object(w);
}

void progress_write(struct json_writer *w, const struct progress *p)
{
	char id[24];
	(void)snprintf(id, sizeof id, "%" PRId64, p->delivery);
	jw_object(w, NULL);
	jw_text(w, "delivery", id);
	jw_text(w, "state", delivery_state_name(p->state));
	jw_str(w, "summary", p->summary);
	jw_str(w, "reason", p->reason);
	jw_str(w, "release", p->release);
	jw_str(w, "rollout", p->rollout);
	jw_bool(w, "over", p->over);
	jw_array(w, "stages");
	for (size_t i = 0; i < p->n; i++)
		write_stage(w, &p->stages[i]);
	jw_end_array(w);
	jw_end_object(w);
}

static int parse_status(enum stage_status *out, struct str name)
{
	for (int i = 0; i < STAGE_STATUSES; i++) {
		if (str_eq_cstr(name, stage_status_name((enum stage_status)i))) {
			*out = (enum stage_status)i;
			return 0;
		}
	}
	return -1;
}

static int parse_stage(struct progress_stage *out, const struct json *j)
{
	struct progress_stage s = { .environment = json_str(json_get(j, "environment")),
				    .target = json_str(json_get(j, "target")),
				    .detail = json_str(json_get(j, "detail")),
				    .waits = json_str(json_get(j, "waits")) };
	if (s.environment.p == NULL ||
	    parse_status(&s.status, json_str(json_get(j, "status"))) != 0 ||
	    json_int(&s.tasks, json_get(j, "tasks")) != 0 ||
	    json_int(&s.done, json_get(j, "done")) != 0 ||
	    json_int(&s.failed, json_get(j, "failed")) != 0)
		return -1;
	*out = s;
	return 0;
}

static int parse_stages(struct progress *p, const struct json *list, struct arena *arena,
			struct err *e)
{
	size_t n = 0;
	for (const struct json *j = list != NULL ? list->child : NULL; j != NULL; j = j->next)
		n++;
	if (n > STAGES_MAX)
		return err_set(e, ERR_INPUT, "the answer has more than %d stages", STAGES_MAX);
	p->stages = arena_array(arena, n, sizeof *p->stages);
	if (p->stages == NULL)
		return arena_err(arena, e);
	for (p->n = 0; p->n < n; p->n++) {
		if (parse_stage(&p->stages[p->n], json_item(list, p->n)) != 0)
			return err_set(e, ERR_INPUT, "a stage of the answer is malformed");
	}
	return 0;
}

int progress_parse(struct progress *out, struct str text, struct arena *arena, struct err *e)
{
	struct json *root;
	struct err ignored;
	if (json_parse(&root, text, arena, e) != 0)
		return -1;
	struct progress p = { .summary = json_str(json_get(root, "summary")),
			      .reason = json_str(json_get(root, "reason")),
			      .release = json_str(json_get(root, "release")),
			      .rollout = json_str(json_get(root, "rollout")),
			      .over = json_bool(json_get(root, "over")) };
	if (num_parse_i64(&p.delivery, json_str(json_get(root, "delivery")), 1, INT64_MAX) != 0 ||
	    delivery_state_parse(&p.state, json_str(json_get(root, "state")), &ignored) != 0 ||
	    p.over < 0)
		return err_set(e, ERR_INPUT, "the answer tells no delivery and its state");
	if (parse_stages(&p, json_get(root, "stages"), arena, e) != 0)
		return -1;
	*out = p;
	return 0;
}
