/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_SEAT_H
#define RECEIVER_SEAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "vcs/author.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Seats: the people who were seen as authors lately, counted toward `user_limit`. One row for each
 * person at each instance of a provider, in our own store; it ages out.
 */

/* How long a person counts after having been seen. */
enum { SEAT_WINDOW_DAYS = 90 };
#define SEAT_WINDOW_MS (INT64_C(24) * 60 * 60 * 1000 * SEAT_WINDOW_DAYS)

/* Make the tables; after store_open. */
int seat_schema(struct db *store, struct err *e) MUST_CHECK;

struct seat_claim {
	struct str provider; /* the configuration's name: "github" */
	struct str host;     /* author_host */
	const struct author *people;
	size_t n;
	int64_t limit;    /* 0: none */
	int64_t seen_ms;  /* when they were seen: the same for each attempt at one delivery */
	int64_t now_ms;   /* what the window is measured from */
	int64_t delivery; /* for the message */
};

/*
 * Give each of the people a seat, or none of them: one transaction, in which all claims of one
 * store queue, so that two that race for the last seat give one. A person who is active keeps the
 * seat and is seen again; the others need a free one. ERR_REFUSED when there is none, saying how
 * many are active and what to do; nothing is written then. Claiming again changes no count.
 *
 * Who has several ids (`other_id`, or an address and then an account) is one person: the rows
 * become one. An address alone is the account that was last seen with it.
 */
int seat_claim(struct db *store, const struct seat_claim *claim, struct err *e) MUST_CHECK;

struct seat {
	struct str provider;
	struct str host;
	struct str user_id;
	struct str login;
	struct str name;
	int64_t first_seen_ms;
	int64_t last_seen_ms;
};

/* Whether it counts. */
int seat_is_active(const struct seat *s, int64_t now_ms);

/* The active ones, or all rows that are still there; who was seen last comes first. */
int seat_list(struct seat **out, size_t *n, struct db *store, int all, int64_t now_ms,
	      struct arena *arena, struct err *e) MUST_CHECK;
int seat_count(int64_t *out, struct db *store, int64_t now_ms, struct err *e) MUST_CHECK;

/* Remove the rows that count no more. */
int seat_sweep(int64_t *removed, struct db *store, int64_t now_ms, struct err *e) MUST_CHECK;

/*
 * As Bytebase exports its VCS users: the header
 * vcs_type,user_id,user_name,display_name,last_seen_at and a line for each; RFC 4180 quoting, lines
 * end with LF, times are RFC 3339 in UTC to the second. A cell that a spreadsheet would run (it
 * begins with one of "= + - @", TAB, CR, LF) gets an apostrophe before it.
 */
void seat_write_csv(struct buf *out, const struct seat *list, size_t n);

#endif
