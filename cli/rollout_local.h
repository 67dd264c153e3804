/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_LOCAL_H
#define CLI_ROLLOUT_LOCAL_H

#include "cli/app.h"
#include "cli/local.h"
#include "receiver/engine.h"
#include "release/rollout.h"

/* A rollout of the files of a checkout, in a store that lives as long as the command. */

enum { EXIT_INTERRUPTED = 130 }; /* as a shell has it for SIGINT */

struct local_rollout {
	struct app *app;
	struct local local;
	struct engine *engine;
	struct str target_stage;          /* an environment's id; absent: only look */
	struct str id_template, timezone; /* of the release */
	/* made */
	struct release release;
	struct plan plan;
	struct rollout rollout; /* as it was made; then as it ended */
};

/* Make release, plan and rollout: nothing runs. The configuration becomes the engine's. EXIT_DONE,
 * or an exit code after a message. */
int rollout_local_make(struct local_rollout *r) MUST_CHECK;
void rollout_local_end(struct local_rollout *r);

/*
 * Carry out the stages through target_stage, telling how it goes on stderr. An exit code:
 * EXIT_FAILED when a task failed, EXIT_REFUSED when rules alone said no, EXIT_INTERRUPTED after a
 * signal. `rollout` is filled in any case.
 */
int rollout_local_run(struct local_rollout *r);

/* Read the rollout again. */
int rollout_local_read(struct local_rollout *r, struct err *e) MUST_CHECK;

#endif
