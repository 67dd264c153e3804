/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ROLLOUT_ORDER_H
#define RELEASE_ROLLOUT_ORDER_H

#include "release/rollout_view.h"
#include "release/store.h"

/* What the files that carry out a person's orders share. */

struct order_result {
	size_t n;     /* tasks that were changed */
	size_t asked; /* tasks that were asked to stop */
	struct rollout_approved approved;
};

/* An order under way, in one transaction. */
struct order_work {
	const struct conf *conf;
	const struct rollout_order *order;
	struct rollout rollout;
	const struct stage *stage; /* the one named, or that of the task; NULL: all */
	const struct task *task;   /* NULL: none named */
	struct str object;         /* full name of what the order is about */
	struct order_result result;
	struct arena *arena;
};

/* Carry `work` out, with a struct order_work as its context, in a transaction of its own. */
int rollout_order_do(struct order_result *out, struct db *store, const struct conf *conf,
		     const struct rollout_order *order, store_work_fn work,
		     struct err *e) MUST_CHECK;
/* Lock the rollout, and find what is named in it. ERR_NOTFOUND. */
int rollout_order_begin(struct order_work *w, struct db *store, struct err *e) MUST_CHECK;
/* The entry in the audit log. */
int rollout_order_end(struct order_work *w, struct db *store, const char *action, size_t tasks,
		      struct err *e) MUST_CHECK;
/* ERR_INPUT for a text that is too long or not clean; or missing, when it is `needed`. */
int rollout_order_check_reason(const struct rollout_order *o, int needed, struct err *e) MUST_CHECK;
/* By its environment; NULL. */
const struct stage *rollout_order_stage(const struct rollout *r, struct str environment);

#endif
