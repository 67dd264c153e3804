/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PLAN_REVIEW_H
#define RECEIVER_PLAN_REVIEW_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/err.h"
#include "db/db.h"
#include "release/plan.h"

struct plan_review {
	struct db *store;
	const struct conf *conf;
	const struct release *release;
	const struct plan *plan;
	struct digest *digest;
	struct arena *arena;
};

/*
 * Review a plan against its targets and keep what was found with it. Targets that cannot be reached
 * are said in the review and hold nothing up; all of it takes at most about 20 seconds. `*reason`:
 * why the plan must not be rolled out, by the `fail_on` of its environments; absent: it may be.
 */
int plan_review(struct str *reason, const struct plan_review *what, struct err *e) MUST_CHECK;

#endif
