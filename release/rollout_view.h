/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ROLLOUT_VIEW_H
#define RELEASE_ROLLOUT_VIEW_H

#include "release/rollout.h"

/* For the files of this folder: the rollout of a plan, with its tasks or with their counts only.
 * ERR_NOTFOUND when it has none. */
int rollout_view(struct rollout *out, struct db *store, const struct conf *conf,
		 const struct plan *plan, int with_tasks, struct arena *arena,
		 struct err *e) MUST_CHECK;

/* What the facts of a stage say; `earlier_done` tells whether every stage before it is done. */
enum stage_status stage_status(const struct stage *s, int earlier_done);

#endif
