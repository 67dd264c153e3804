/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_APPROVAL_H
#define RELEASE_APPROVAL_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/err.h"
#include "db/db.h"
#include "release/audit.h"
#include "release/plan.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A person's word that a stage may start. It is bound to what the person could see then: when that
 * changes, the approval stays on the record, is void, and does not count.
 */
struct approval {
	int64_t id;
	struct str environment;
	struct str who;
	struct str origin;
	struct str comment; /* absent: none */
	int64_t at_ms;
	struct str release; /* the three digests that it is bound to */
	struct str targets;
	struct str instances;
	struct str void_reason; /* absent: it counts */
	int is_void_new;        /* it became void, and this is not yet in the store */
};

/* What an approval is bound to, as it is now: 64 hex digits each. */
struct approval_bond {
	char release[SHA256_HEX];   /* the digest of the release */
	char targets[SHA256_HEX];   /* of the stage: names, and the environment of each */
	char instances[SHA256_HEX]; /* their instances: ids and urls */
};

int approval_bind(struct approval_bond *out, struct db *store, const struct conf *conf,
		  const struct plan *plan, struct str environment, struct arena *arena,
		  struct err *e) MUST_CHECK;

/* Those of a plan, oldest first, as they are stored. */
int approval_list(struct approval **out, size_t *n, struct db *store, const struct plan *plan,
		  struct arena *arena, struct err *e) MUST_CHECK;

/* Say which of them `bond` and the environment's approvers make void. */
void approval_judge(struct approval *list, size_t n, const struct approval_bond *bond,
		    const struct conf_environment *environment);
/* Whether the environment lets `who` approve. */
int approval_may(const struct conf_environment *environment, struct str who);
/* How many of them count: each person once. */
size_t approval_count(const struct approval *list, size_t n);
/* Whether `who` has approved and it counts. */
int approval_by(const struct approval *list, size_t n, struct str who);

/* Write one down, with its entry in the audit log. `stage` is the full name. Within a transaction.
 */
struct approval_request {
	struct str environment;
	struct str stage;
	struct str comment;
	const struct audit_actor *actor;
	const struct approval_bond *bond;
	int64_t now_ms;
};
int approval_add(struct db *store, const struct plan *plan, const struct approval_request *request,
		 struct err *e) MUST_CHECK;

/* Write down which ones became void, with an entry in the audit log each. Within a transaction. */
int approval_keep_void(struct db *store, const struct approval *list, size_t n, struct str stage,
		       int64_t now_ms, struct err *e) MUST_CHECK;

#endif
