/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_HANDIN_H
#define RECEIVER_HANDIN_H

#include "base/arena.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/pack.h"
#include "db/db.h"
#include "receiver/delivery.h"

/*
 * What a git hook, or a person with a body in a file, hands in becomes a delivery: the same row
 * whether the daemon took it or the hook wrote it itself, so that who is not sure whether the
 * daemon has it may write it again. Its external id is the digest of the body; a hook's holds a
 * random part.
 */
enum { HANDIN_BODY_MAX = 64 * 1024 };

struct handin {
	struct delivery_new delivery; /* points into what follows, the request and the arena */
	struct buf headers;
	struct buf packed;
	char id[sizeof "sha256:" + SHA256_HEX];
};

/* In place; again is allowed. */
void handin_free(struct handin *h);
AUTO_DEFINE_INPLACE(handin, struct handin, handin_free);

/* The endpoint that a hook may hand in for: NULL when there is none of provider git. */
const struct conf_repository *handin_repository(const struct conf *conf, struct str id);

/*
 * Fill a zeroed `*out` in place; free it in any case. `source` is the delivery's. `pack` may be
 * NULL. ERR_INPUT when the body cannot be read, ERR_LIMIT over `max` bytes.
 */
int handin_prepare(struct handin *out, const struct conf_repository *repository, struct str source,
		   size_t max, const struct request *request, struct digest *d,
		   struct pack_context *pack, struct arena *arena, struct err *e) MUST_CHECK;

/* Write it into the store, durably when the session is. `*id` is its row's, new or not; `duplicate`
 * (may be NULL) tells which. */
int handin_write(int64_t *id, int *duplicate, struct db *store, const struct handin *h,
		 struct err *e) MUST_CHECK;

#endif
