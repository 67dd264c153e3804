/* SPDX-License-Identifier: Apache-2.0 */
/* The status of a stage: derived from the counts of its tasks and whether it was opened. Pure. */

#include "release/rollout_view.h"

const char *stage_status_name(enum stage_status s)
{
	static const char *const names[STAGE_STATUSES] = {
		[STAGE_WAITING] = "WAITING",   [STAGE_APPROVAL] = "AWAITING_APPROVAL",
		[STAGE_READY] = "READY",       [STAGE_RUNNING] = "RUNNING",
		[STAGE_PAUSED] = "PAUSED",     [STAGE_FAILED] = "FAILED",
		[STAGE_CANCELED] = "CANCELED", [STAGE_DONE] = "DONE",
	};
	return (size_t)s < STAGE_STATUSES ? names[s] : "UNKNOWN";
}

int stage_is_between(const struct stage *s)
{
	const size_t *n = s->counts;
	return s->opened_ms != 0 && s->batch < s->batches &&
	       n[TASK_PENDING] + n[TASK_RUNNING] == 0 && n[TASK_NOT_STARTED] > 0;
}

/* Of one that has not been opened. */
static enum stage_status closed_status(const struct stage *s, int earlier_done)
{
	if (s->counts[TASK_CANCELED] > 0 && s->counts[TASK_NOT_STARTED] == 0)
		return STAGE_CANCELED;
	if (!earlier_done)
		return STAGE_WAITING;
	return s->approved < s->approvals ? STAGE_APPROVAL : STAGE_READY;
}

enum stage_status stage_status(const struct stage *s, int earlier_done)
{
	const size_t *n = s->counts;
	const size_t done = n[TASK_DONE] + n[TASK_SKIPPED];
	if (s->n_tasks > 0 && done == s->n_tasks)
		return STAGE_DONE;
	if (s->opened_ms == 0)
		return closed_status(s, earlier_done);
	if (n[TASK_RUNNING] == 0 && n[TASK_PENDING] > 0 && s->at_rest == n[TASK_PENDING])
		return STAGE_PAUSED;
	if (n[TASK_PENDING] + n[TASK_RUNNING] > 0)
		return STAGE_RUNNING;
	/* Between two batches: about to start the next one, unless too many failed. */
	if (stage_is_between(s) && !s->stopped)
		return STAGE_RUNNING;
	return n[TASK_FAILED] == 0 && n[TASK_CANCELED] > 0 ? STAGE_CANCELED : STAGE_FAILED;
}
