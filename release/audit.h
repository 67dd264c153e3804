/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_AUDIT_H
#define RELEASE_AUDIT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The audit log: each change that a person or a policy made, who did it, when, from where. Entries
 * are only ever added. An entry is written in the transaction of the change that it tells of, so
 * that neither is there without the other.
 */

/* Who changes something, and from where. Both are lent. */
struct audit_actor {
	struct str who;    /* "alice"; "policy" where the configuration decided */
	struct str origin; /* "cli on HOST, uid 1000", "policy", "delivery 12" */
};

/* The configuration as an actor. */
struct audit_actor audit_policy(void);

struct audit_entry {
	int64_t id;
	int64_t at_ms;
	struct str who;
	struct str origin;
	struct str action; /* "approve", "run", "skip", ...: docs/commands.md lists them */
	struct str object; /* full name of what was changed */
	struct str detail; /* one JSON object; absent: there is no more to say */
};

/*
 * Add an entry: within the caller's transaction when one is open on `store`, else in one of its
 * own. `detail` is written by base/json_write.h, or absent. Errors as db_exec; a failed one must
 * fail the change.
 */
int audit_add(struct db *store, const struct audit_actor *actor, const char *action,
	      struct str object, struct str detail, int64_t now_ms, struct err *e) MUST_CHECK;

struct audit_filter {
	int64_t since_ms;  /* 0: from the beginning */
	struct str object; /* this one and what is below its name; absent: all */
	size_t limit;      /* the newest so many */
};

/* Oldest first. */
int audit_list(struct audit_entry **out, size_t *n, struct db *store,
	       const struct audit_filter *filter, struct arena *arena, struct err *e) MUST_CHECK;

#endif
