/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_CREW_H
#define RECEIVER_CREW_H

#include "base/err.h"

#include <stddef.h>

/* A few threads for work that blocks. They are started as they are needed, and stay. */
struct crew;

/* A piece of work; it is the caller's, and stays where it is until `run` was called. */
struct crew_job {
	void (*run)(void *context);
	void *context;
	struct crew_job *next; /* the crew's */
};

/* At most `most` threads; none is started yet. */
int crew_new(struct crew **out, size_t most, struct err *e) MUST_CHECK;
/* From any thread: do it when a thread is free, in the order of the calls. Fails only when the
 * first thread cannot be started: then it was not taken. */
int crew_run(struct crew *crew, struct crew_job *job, struct err *e) MUST_CHECK;
/* After what was given is done. NULL is allowed. */
void crew_free(struct crew *crew);

#endif
