/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_DETACH_H
#define HOOKS_DETACH_H

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#include <stdint.h>

/*
 * A push without a daemon: a process of our own, which nobody waits for, writes the delivery into
 * the store and carries it out. It has a session of its own and none of git's environment or files;
 * what it has to say goes to hook.log in the state directory.
 */
struct detach {
	int64_t delivery;
	/* Not empty: the delivery is kept, but this user cannot carry it out, and why. */
	char kept_only[480];
};

/*
 * Start it and wait until the delivery is durable; it goes on after this returns, whatever that is.
 * Takes no lock: while another process has the store it waits for that one to take the delivery up.
 * ERR_UNAVAILABLE: not durable at `until_ms` of the monotonic clock, but may become so; else why
 * the store could not be written. To be called while this process has one thread and no session
 * with the store.
 */
int detach_push(struct detach *out, const struct conf *conf, struct str repository, struct str body,
		int64_t until_ms, enum log_level level, struct err *e) MUST_CHECK;

#endif
