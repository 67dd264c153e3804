/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_INBOX_H
#define RECEIVER_INBOX_H

#include "base/err.h"
#include "db/db.h"
#include "receiver/delivery.h"
#include "receiver/gate.h"

#include <stdint.h>

/*
 * Writes deliveries down before they are answered. One thread takes all that wait, inserts them in
 * one transaction and commits once (fdatasync): concurrent deliveries share the cost. A second
 * thread copies the store's log back into its file (checkpoint), so that no delivery waits for
 * that.
 */
struct inbox;

/* One delivery on its way; the memory is the caller's until `done` was called. */
struct inbox_entry {
	struct delivery_new delivery;
	/* Called by the inbox's thread once the outcome is known: durable, duplicate or failed. */
	void (*done)(struct inbox_entry *entry);
	/* out */
	int failed; /* the store could not take it: `error` */
	int duplicate;
	int64_t id;
	struct err error;
	struct inbox_entry *next; /* the inbox's own */
};

struct inbox_options {
	struct db *store;      /* durable, gated; the inbox's alone from now on, and closed by it */
	struct db *checkpoint; /* a second session for the other thread; NULL: not needed */
	struct bell *work;     /* rung after a commit that queued something */
	size_t max_waiting;    /* entries that may wait; over it inbox_put refuses */
};

int inbox_start(struct inbox **out, const struct inbox_options *options, struct err *e) MUST_CHECK;
/* Hand over an entry; ERR_UNAVAILABLE when too many wait or the inbox is stopping (`done` is then
 * not called). Any thread. */
int inbox_put(struct inbox *inbox, struct inbox_entry *entry, struct err *e) MUST_CHECK;
/* Writes what waits, ends the threads, closes the sessions. NULL is allowed. */
void inbox_stop(struct inbox *inbox);

#endif
