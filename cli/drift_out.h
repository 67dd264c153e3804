/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DRIFT_OUT_H
#define CLI_DRIFT_OUT_H

#include "cli/app.h"
#include "release/drift.h"

/* What `--drift` of `plans show` and `rollouts show` tells. */
struct drift_out {
	int wanted; /* --drift was given: there is a list, which may be empty */
	struct drift *list;
	size_t n;
};

/* Find it, when `wanted`; passwords are loaded. EXIT_DONE, or an exit code after a message. */
int drift_out_find(struct drift_out *out, struct app *app, const struct plan *plan) MUST_CHECK;

/* The member "drift" of an object; nothing when it was not wanted. */
void drift_out_json(struct json_writer *w, const struct drift_out *d);
/* The section for people. */
int drift_out_table(struct buf *out, const struct drift_out *d, const struct app *app,
		    struct err *e) MUST_CHECK;
/* How the command ends: EXIT_REFUSED when there is any. */
int drift_out_exit(const struct drift_out *d);

#endif
