/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PIPELINE_H
#define RECEIVER_PIPELINE_H

#include "base/arena.h"
#include "base/auto.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "receiver/delivery.h"

/*
 * From one delivery to its rollout: parse, match, take the author's seat, fetch, read the tree,
 * release, plan, rollout. It carries plain structs from vcs/ to release/, which do not know each
 * other. Every step is idempotent. Used by one thread.
 */
struct pipeline;

struct pipeline_options {
	struct db *store; /* lent */
	/* Not 0: break off a fetch. */
	int (*stop)(void *context);
	void *context;
};

int pipeline_new(struct pipeline **out, const struct pipeline_options *options,
		 struct err *e) MUST_CHECK;
void pipeline_free(struct pipeline *p);
AUTO_DEFINE(pipeline, struct pipeline *, pipeline_free);

/*
 * Carry `d` as far as it goes. 0: `*out` says what became of it (released, ignored, refused); its
 * texts live in `arena`. -1: it could not be carried on; pipeline_failed says what that means.
 */
int pipeline_process(struct delivery_outcome *out, struct pipeline *p, const struct conf *conf,
		     const struct delivery *d, struct arena *arena, struct err *e) MUST_CHECK;

/*
 * What an error means for a delivery: queued again with a growing delay when time can heal it and
 * it is not older than a day; refused when a rule said no; else failed. A commit that is not in the
 * repository is tried 6 times, since a provider's replicas may lag behind its event.
 */
void pipeline_failed(struct delivery_outcome *out, const struct delivery *d, const struct err *why,
		     int64_t now_ms, struct arena *arena);

/* Milliseconds to wait before attempt `attempts` + 1: 1 s, doubled each time, at most 5 minutes. */
int64_t pipeline_delay_ms(int64_t attempts);

#endif
