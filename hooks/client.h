/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_CLIENT_H
#define HOOKS_CLIENT_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "receiver/progress.h"

#include <stdint.h>

/* The hook's side of receiver/local.h: HTTP by libcurl over the daemon's Unix socket. */

/* Once per process, before the other two and before any thread. */
int client_init(struct err *e) MUST_CHECK;
void client_shutdown(void);

/*
 * Hand a push in for a repository; `*delivery` is its id once it is durable. ERR_NOTFOUND: nobody
 * listens; ERR_AUTH: this user may not open the socket; ERR_UNAVAILABLE: no answer within the time,
 * or the daemon cannot take it now; ERR_REFUSED: the daemon does not want it.
 */
int client_hand_in(int64_t *delivery, const struct conf *conf, struct str repository,
		   struct str body, int64_t timeout_ms, struct err *e) MUST_CHECK;

/* How far it is; texts live in `arena`. Errors as above. */
int client_progress(struct progress *out, const struct conf *conf, int64_t delivery,
		    int64_t timeout_ms, struct arena *arena, struct err *e) MUST_CHECK;

#endif
