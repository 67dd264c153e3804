/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_CHILD_H
#define HOOKS_CHILD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

/*
 * Run a program with this process's environment, which is git's own inside a hook, and nothing on
 * its standard input and error. `*status` is its exit status; what it prints is appended to `out`
 * (NULL: dropped). ERR_UNAVAILABLE: it was killed at the end of its time; ERR_SYS: it cannot be
 * started or died of a signal.
 */
int child_run(int *status, struct buf *out, const char *const *argv, int64_t timeout_ms,
	      struct err *e) MUST_CHECK;

#endif
