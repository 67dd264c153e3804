/* SPDX-License-Identifier: Apache-2.0 */
/* The status of a stage: derived from the counts of its tasks and whether it was opened. Pure. */

#include "release/rollout_view.h"

const char *stage_status_name(enum stage_status s)
{
	switch (s) {
	case STAGE_WAITING:
		return "WAITING";
	case STAGE_READY:
		return "READY";
	case STAGE_RUNNING:
		return "RUNNING";
	case STAGE_FAILED:
		return "FAILED";
	case STAGE_DONE:
		return "DONE";
	}
	return "UNKNOWN";
}

enum stage_status stage_status(const struct stage *s, int earlier_done)
{
	const size_t *n = s->counts;
	size_t done = n[TASK_DONE] + n[TASK_SKIPPED];
	if (s->n_tasks > 0 && done == s->n_tasks)
		return STAGE_DONE;
	if (s->opened_ms == 0)
		return earlier_done ? STAGE_READY : STAGE_WAITING;
	if (n[TASK_NOT_STARTED] + n[TASK_PENDING] + n[TASK_RUNNING] > 0)
		return STAGE_RUNNING;
	return STAGE_FAILED;
}
