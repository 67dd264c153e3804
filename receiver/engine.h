/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_ENGINE_H
#define RECEIVER_ENGINE_H

#include "base/auto.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "db/db.h"

#include <stdint.h>

/*
 * What carries tasks out, for one command and without a daemon: a private store in a directory of
 * its own, and the same runners over it. The directory is made readable by its owner alone and
 * removed in the end.
 */
struct engine;

struct engine_options {
	struct conf *conf;     /* the engine's from the call on, whatever it answers */
	struct str directory;  /* where the private one is made, such as "/tmp" */
	const struct log *log; /* lent */
};

/* Make the store; nothing runs yet. SIGINT and SIGTERM are blocked in the calling thread from here
 * on, so that engine_signal takes them. ERR_SYS: the directory cannot be made. */
int engine_open(struct engine **out, const struct engine_options *options,
		struct err *e) MUST_CHECK;
/* Stops what runs and removes the store. NULL is allowed. */
void engine_close(struct engine *en);
AUTO_DEFINE(engine, struct engine *, engine_close);

/* The caller's session in the store, and the configuration; the engine's. */
struct db *engine_store(const struct engine *en);
const struct conf *engine_conf(const struct engine *en);

/* Let the runners begin; and tell them that tasks became pending. */
int engine_start(struct engine *en, struct err *e) MUST_CHECK;
void engine_wake(struct engine *en);

/* Wait for SIGINT or SIGTERM at most `timeout_ms`: the signal, or 0. */
int engine_signal(const struct engine *en, int64_t timeout_ms);

/*
 * No new migration begins, running ones are cancelled and rolled back. It is done by a thread:
 * engine_is_stopped tells when, so that a second signal can still be taken.
 */
int engine_stop(struct engine *en, struct err *e) MUST_CHECK;
int engine_is_stopped(struct engine *en);
/*
 * For work in the caller's own thread, without runners: a thread takes the signals from here on, so
 * engine_signal is not to be called. After the first one engine_interrupted is not 0 and the
 * session that works is cancelled; the second one ends the process at once. `en` of the latter two
 * is an engine: they fit struct runner_events.
 */
int engine_watch(struct engine *en, struct err *e) MUST_CHECK;
void engine_session(void *en, struct db *session);
int engine_interrupted(void *en);
/* Remove the store's files although threads use them: the process ends next. */
void engine_abandon(const struct engine *en);

#endif
