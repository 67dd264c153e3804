/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PLAN_REVIEW_OUT_H
#define CLI_PLAN_REVIEW_OUT_H

#include "base/json_write.h"
#include "cli/app.h"
#include "release/plan.h"
#include "release/review_store.h"

/* The review of a plan, for `tidegate plans show`. */
struct plan_review_out {
	int found; /* it was reviewed */
	struct review_record record;
	struct json *body;
};

/* Read it from the store. EXIT_DONE, or an exit code after the message. */
int plan_review_out_find(struct plan_review_out *out, struct app *app, const struct plan *plan);
/* Nothing is written of a plan that was not reviewed. */
void plan_review_out_table(struct buf *out, const struct plan_review_out *r);
/* The member "review". */
void plan_review_out_json(struct json_writer *w, const struct plan_review_out *r);

#endif
