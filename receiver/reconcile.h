/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_RECONCILE_H
#define RECEIVER_RECONCILE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "receiver/delivery.h"
#include "vcs/api.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Merges that never arrived: no provider sends a delivery for ever, so its API is asked what was
 * merged, and what is not in the store is queued as a delivery of source "reconcile", whose body is
 * composed as the provider would have written it. All that comes after is the same.
 */
enum reconcile_status {
	RECONCILE_KNOWN,   /* it arrived, or its commit was released */
	RECONCILE_QUEUED,  /* it is a new delivery now */
	RECONCILE_MISSING, /* a dry run: it would be */
	RECONCILE_REFUSED, /* a new delivery that intake refuses: an id that is not allowed */
};
/* "known", "queued", "missing", "refused". */
const char *reconcile_status_name(enum reconcile_status s);

struct reconcile_row {
	struct api_pull pull;
	enum reconcile_status status;
	int64_t delivery;          /* the one that is known, or new; 0: none */
	enum delivery_state state; /* of that delivery */
	struct str release;        /* of its commit; absent: none */
	struct str reason;         /* RECONCILE_REFUSED: why */
};

struct reconcile {
	struct reconcile_row *rows; /* in the order in which they were merged */
	size_t n;
	int complete; /* 0: there was more than is looked through; name a later time */
};

struct reconcile_options {
	struct db *store;
	const struct conf_repository *repository; /* the secret of its `api` is loaded */
	int64_t since_ms;
	int dry_run;
};

/* Whether it can be done for a repository. ERR_INPUT: its provider has no API, none is configured,
 * or it waits for pushes. */
int reconcile_check(const struct conf_repository *r, struct err *e) MUST_CHECK;

/*
 * Ask, compare, queue. Running it again queues nothing twice. A delivery counts as arrived when it
 * is of the same pull request and commit, and was neither refused nor has failed: what was is
 * queued once more, since meanwhile the API may say more than its body did. ERR_LIMIT: too many
 * deliveries since then; and what reconcile_check, provider_api_open and provider_api_merged give.
 */
int reconcile_run(struct reconcile *out, const struct reconcile_options *options,
		  struct arena *arena, struct err *e) MUST_CHECK;

#endif
