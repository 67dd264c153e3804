/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_PUSH_H
#define HOOKS_PUSH_H

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "hooks/post_receive.h"
#include "hooks/pusher.h"
#include "hooks/watch.h"

#include <stdint.h>

/* One push, from what git said to the last line that the pusher sees. Nothing fails: what goes
 * wrong is told, for the push itself is done. */
struct push {
	const struct conf *conf;
	const struct conf_repository *repository; /* of provider git */
	const struct post_receive *input;
	struct pusher pusher;
	int64_t begun_ms; /* of the monotonic clock: when the pusher began to wait */
	enum log_level level;
	watch_say_fn say;
	void *context;
};

/*
 * Hand the branch's change over, to the daemon or a process of our own, and say how it goes, until
 * it is through or conf->hook_wait_ms are over. A push that does not concern the branch says
 * nothing. client_init comes before it.
 */
void push_run(const struct push *p);

/*
 * Whether a hook can work with this configuration: store, state directory, socket and directories
 * of databases must be absolute paths, since git runs hooks in the repository. ERR_INPUT names the
 * one that is not.
 */
int push_check_paths(const struct conf *conf, struct err *e) MUST_CHECK;

#endif
