/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_AUTHORS_H
#define RECEIVER_AUTHORS_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "receiver/delivery.h"
#include "vcs/event.h"

struct repo;

/*
 * Which people a delivery counts toward the user limit: the seam between what an event or a
 * repository says (vcs/author.h) and the seats (receiver/seat.h).
 */
struct authors {
	struct db *store;
	const struct conf *conf;
	const struct conf_repository *repository;
	const struct delivery *delivery;
	const struct event *event;
	struct arena *arena;
};

/*
 * Take a seat for the author of a merge, before anything is fetched; bots take none. ERR_REFUSED:
 * no seat is free, or it is not known whether the author is a person and `unknown_authors` is hold;
 * ERR_INPUT: the author's id or names cannot be.
 */
int authors_claim_merge(const struct authors *a, struct err *e) MUST_CHECK;

/* The same for the authors of the commits that a push added, once they are in `repo`. */
int authors_claim_push(const struct authors *a, struct repo *repo, struct err *e) MUST_CHECK;

#endif
