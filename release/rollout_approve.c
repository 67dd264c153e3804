/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate approve` in the store: who may, what it is bound to, and the stage that opens by it. */

#include "release/release.h"
#include "release/rollout_order.h"

/* Whether the one who gives the order may approve the stage. */
static int check_person(const struct order_work *w, struct db *store,
			const struct conf_environment *en, struct err *e)
{
	const struct str who = w->order->actor.who;
	struct release release;
	if (!approval_may(en, who))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' may not approve stage '%.*s': the configuration lists its "
			       "approvers",
			       STR_ARG(str_first(who, 64)), STR_ARG(en->id));
	if (en->author_may_approve)
		return 0;
	if (release_get(&release, store, w->order->project, w->rollout.plan.release, w->arena, e) !=
	    0)
		return -1;
	if (release.creator.n > 0 && str_eq_nocase(release.creator, who))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' wrote this change and may not approve it: somebody else "
			       "has to (or 'author_may_approve: true')",
			       STR_ARG(str_first(who, 64)));
	return 0;
}

static int check_stage(const struct order_work *w, const struct conf_environment *en, struct err *e)
{
	const struct stage *s = w->stage;
	if (s == NULL)
		return err_set(e, ERR_INPUT, "which stage? name one");
	if (s->opened_ms != 0 || s->status == STAGE_DONE || s->status == STAGE_CANCELED)
		return err_set(e, ERR_REFUSED, "stage '%.*s' is %s: there is nothing to approve",
			       STR_ARG(s->environment), stage_status_name(s->status));
	if (en == NULL || en->approvals == 0)
		return err_set(e, ERR_REFUSED,
			       "stage '%.*s' needs no approval; `tidegate run %.*s --stage %.*s` "
			       "starts it",
			       STR_ARG(s->environment), STR_ARG(w->rollout.name),
			       STR_ARG(s->environment));
	return 0;
}

static int add(struct order_work *w, struct db *store, struct err *e)
{
	const struct rollout_order *o = w->order;
	const struct stage *s = w->stage;
	struct approval_bond bond;
	const struct approval_request request = {
		.environment = s->environment,
		.stage = s->name,
		.comment = o->reason,
		.actor = &o->actor,
		.bond = &bond,
		.now_ms = o->now_ms,
	};
	if (approval_keep_void(store, s->approved_by, s->n_approved_by, s->name, o->now_ms, e) !=
		0 ||
	    approval_bind(&bond, store, w->conf, &w->rollout.plan, s->environment, w->arena, e) !=
		0)
		return -1;
	return approval_add(store, &w->rollout.plan, &request, e);
}

static int approve(struct db *store, void *context, struct err *e)
{
	struct order_work *w = context;
	const struct rollout_order *o = w->order;
	if (rollout_order_begin(w, store, e) != 0)
		return -1;
	const struct stage *s = w->stage;
	const struct conf_environment *en =
	    s != NULL ? conf_environment(w->conf, s->environment) : NULL;
	if (check_stage(w, en, e) != 0 || check_person(w, store, en, e) != 0)
		return -1;
	struct rollout_approved *out = &w->result.approved;
	out->already = approval_by(s->approved_by, s->n_approved_by, o->actor.who);
	out->approvals = s->approvals;
	out->approved = s->approved + !out->already;
	if (!out->already && add(w, store, e) != 0)
		return -1;
	return rollout_advance(&out->opened, store, w->conf, o->project, o->plan, o->now_ms, e);
}

int rollout_approve(struct rollout_approved *out, struct db *store, const struct conf *conf,
		    const struct rollout_order *order, struct err *e)
{
	struct order_result result;
	if (rollout_order_check_reason(order, 0, e) != 0 ||
	    rollout_order_do(&result, store, conf, order, approve, e) != 0)
		return -1;
	*out = result.approved;
	return 0;
}
