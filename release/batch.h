/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_BATCH_H
#define RELEASE_BATCH_H

#include "base/conf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Canary: the databases of a stage in batches, the first of which shows whether the rest is safe.
 */

/*
 * The batch of each of `n` databases, from 1, by their place in the stage's order: `out[i]` belongs
 * to the i-th. The environment's shares are cumulative and rounded up; one that adds nothing in so
 * small a stage is left out. Without shares all are batch 1. `*batches` is their number.
 */
int batch_freeze(int64_t *out, int64_t *batches, size_t n,
		 const struct conf_environment *environment, struct err *e) MUST_CHECK;

/* Whether so many failures among what was started stop the next batch. An environment that is no
 * longer configured (NULL) stands none. */
int batch_is_stopped(const struct conf_environment *environment, size_t failed, size_t started);

#endif
