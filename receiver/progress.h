/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PROGRESS_H
#define RECEIVER_PROGRESS_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json_write.h"
#include "db/db.h"
#include "receiver/delivery.h"
#include "release/rollout.h"

/* How far a delivery is: what a pusher wants to know of it. Read from the store, or from what the
 * daemon answers. */

struct progress_stage {
	struct str environment;
	enum stage_status status;
	int64_t tasks;     /* databases */
	int64_t done;      /* skipped ones too */
	int64_t failed;    /* cancelled ones too */
	struct str target; /* the first that failed, or that waits with something to say */
	struct str detail; /* why */
	struct str waits;  /* what the stage waits for, and what to do; or absent */
};

struct progress {
	int64_t delivery;
	enum delivery_state state;
	struct str summary, reason, release, rollout; /* absent: none (yet) */
	int over;                                     /* nothing more happens by itself */
	struct progress_stage *stages;
	size_t n;
};

/* Of a delivery that a git hook handed in. ERR_NOTFOUND: there is none. Texts live in `arena`. */
int progress_read(struct progress *out, struct db *store, const struct conf *conf, int64_t id,
		  struct arena *arena, struct err *e) MUST_CHECK;

/* {"delivery":"17","state","summary","reason","release","rollout","over","stages":
 * [{"environment","status","tasks","done","failed","target","detail","waits"}]} */
void progress_write(struct json_writer *w, const struct progress *p);
/* The way back. ERR_INPUT. */
int progress_parse(struct progress *out, struct str text, struct arena *arena,
		   struct err *e) MUST_CHECK;

#endif
