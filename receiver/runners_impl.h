/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_RUNNERS_IMPL_H
#define RECEIVER_RUNNERS_IMPL_H

#include "base/digest.h"
#include "receiver/crew.h"
#include "receiver/execute.h"
#include "receiver/fiber.h"
#include "receiver/owner.h"
#include "receiver/runners.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * What the files of the runners share. One thread, the clerk, does all that touches the store:
 * claims, leases, contents, logs, outcomes. A claimed task has a slot, and runs on a fiber, or on a
 * thread of the crew when its driver works in the calling thread; what it wants of the store it
 * puts into a list and rings the bell. So a task never waits in the store's lock, and outcomes
 * that come together are written together.
 */

/* Threads of the crew. A SQLite task computes or waits for the disk: more would only queue there.
 */
enum { RUNNERS_THREADS = 4 };
/* Threads that do for fibers what would hold up the others: look up names, parse large scripts. */
enum { RUNNERS_HELPERS = 2 };

/* A content that a task waits for. */
struct ask {
	struct ask *next;
	struct slot *slot;
	const char *sha256;
	struct buf *out;
	struct err *e;
	int rc;
};

struct slot {
	struct runners *all;
	char owner[OWNER_TEXT];
	int answered; /* an eventfd: the clerk has answered `ask`, or a helper is done */
	struct ask ask;
	struct crew_job aside;
	void (*work)(void *argument);
	void *argument;

	/* The clerk's, but for the time between start and end, when the task's. */
	struct slot *next; /* in `idle`, or in the list of those that ended */
	struct arena arena;
	struct task task;
	int proves; /* that no session works on the target, and nothing else */
	struct live_conf *held;
	const struct material *material;
	struct fiber *fiber; /* NULL: on a thread */
	struct crew_job job;
	struct execute_end end;
	int64_t started_ms;
	struct task_outcome outcome;
	int refused; /* the lease was lost: the outcome is not ours to write */

	/* Guarded by all->lock. */
	int busy;
	struct db *session; /* in the target, while one works */
	int lost;           /* to stop: the lease is somebody else's, or it is to be canceled */
};

/* Contents that are asked for, lines to be written, tasks that ended; each in the order they came.
 */
struct tray {
	struct ask *asks;
	struct execute_lines *lines, **lines_end;
	struct slot *ended, **ended_end;
};

struct runners {
	struct runners_options options;
	atomic_int stopping;
	atomic_int cancelled; /* the time to stop by themselves is over */

	pthread_mutex_t lock; /* guards the fields of this block, and what struct slot says */
	struct tray tray;
	size_t busy;

	struct fibers *fibers;
	struct crew *crew;
	struct crew *helpers;
	struct slot *slots;
	size_t n;
	pthread_t clerk;
	int clerk_started;

	/* The clerk's. */
	struct db *store;
	struct digest *digest;
	struct materials *materials;
	struct slot *idle;
	struct slot *unwritten; /* ended; the store could not take it yet */
	int64_t retry_ms;       /* pause until the next try; 0: the last one succeeded */
	int64_t claim_ms;       /* not before, by clock_mono_ms: the last claim failed */
	int64_t keep_ms;        /* when the leases are renewed next */
	int64_t cancels_ms;     /* when cancels are looked for next */
	int owed;               /* a rollout could not be advanced, or the rules are new ones */
	const void *rules;      /* the configuration that was in force at the last look */
};

/* ---- runners_task.c: from a slot that was filled to one that ended ---- */

/* Let it run; when that is impossible it ends at once, saying why. */
void runners_task_start(struct slot *s);
/* The last of a task: from here on the slot is the clerk's. */
void runners_task_end(struct slot *s);

void runners_tray_init(struct tray *t);
/* Take what is there; the tray is empty then. */
void runners_tray_take(struct tray *out, struct runners *all);

/* ---- runners_clerk.c: the store's side ---- */

/* A thread's: until the runners stop and every slot is idle. `arg` is a struct runners. */
void *runners_clerk(void *arg);

#endif
