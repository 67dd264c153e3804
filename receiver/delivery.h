/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_DELIVERY_H
#define RECEIVER_DELIVERY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "vcs/provider.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Deliveries as the store keeps them: the request as received, and what became of it. One state
 * machine: queued -> processing -> released | ignored | refused | failed; a retry goes back to
 * queued with a time before which it is left alone.
 */

enum delivery_state {
	DELIVERY_QUEUED,
	DELIVERY_PROCESSING,
	DELIVERY_RELEASED,
	DELIVERY_IGNORED,
	DELIVERY_REFUSED,
	DELIVERY_FAILED,
};
const char *delivery_state_name(enum delivery_state s); /* "queued", ... */
/* ERR_INPUT lists the names. */
int delivery_state_parse(enum delivery_state *out, struct str name, struct err *e) MUST_CHECK;

struct delivery {
	int64_t id;
	struct str endpoint; /* the repository's id in the configuration */
	struct str provider;
	struct str
	    external_id; /* the provider's delivery id, or "sha256:..." of a body without one */
	struct str event_type; /* the provider's event header */
	struct str summary;    /* "merge of #12 into main by octocat" */
	struct str source;     /* "webhook", "replay", "hook" */
	int64_t origin;        /* of a replay: the delivery it repeats; else 0 */
	enum delivery_state state;
	struct str reason;  /* why it is where it is; absent when there is nothing to say */
	struct str release; /* full name; absent until there is one */
	struct str rollout; /* full name; absent until there is one */
	int64_t attempts;
	int64_t received_ms;
	int64_t updated_ms;
	int64_t not_before_ms;
	int64_t body_bytes;
};

/* Make the tables; after store_open. */
int delivery_schema(struct db *store, struct err *e) MUST_CHECK;

/* A delivery that arrived. */
struct delivery_new {
	struct str endpoint, provider, external_id, event_type, summary, source;
	enum delivery_state state; /* QUEUED or IGNORED */
	struct str reason;
	int64_t received_ms;
	struct str headers;     /* delivery_pack_headers */
	struct str body_packed; /* pack_compress of the raw body */
	int64_t body_bytes;
};

/*
 * Headers as kept: "Name: value" lines; the values of those that carry a credential
 * (Authorization, Cookie, X-Gitlab-Token, Proxy-Authorization, and names ending in -Token or
 * -Secret) are replaced by "[removed]".
 */
int delivery_pack_headers(struct buf *out, const struct request *request, struct err *e) MUST_CHECK;

/* Within the caller's transaction. `*id` is the new row's, or that of the row with the same
 * endpoint and external id (`*duplicate` is then 1 and nothing was written). */
int delivery_insert(int64_t *id, int *duplicate, struct db *store, const struct delivery_new *d,
		    struct err *e) MUST_CHECK;

/* ERR_NOTFOUND. */
int delivery_get(struct delivery *out, struct db *store, int64_t id, struct arena *arena,
		 struct err *e) MUST_CHECK;
/* The request of a delivery, in `arena`: of a replay, that of its origin. */
int delivery_request(struct request *out, struct db *store, int64_t id, struct arena *arena,
		     struct err *e) MUST_CHECK;

struct delivery_filter {
	struct str endpoint; /* absent: all */
	int by_state;        /* whether `state` counts */
	enum delivery_state state;
	int64_t since_ms; /* 0: all */
	size_t limit;
};
/* Newest first. */
int delivery_list(struct delivery **out, size_t *n, struct db *store,
		  const struct delivery_filter *filter, struct arena *arena,
		  struct err *e) MUST_CHECK;

/*
 * Queue delivery `id` again as a new delivery that points at its origin, for `endpoint` (absent:
 * the same). `*out` is the new id. Within the caller's transaction when one is open. ERR_NOTFOUND.
 */
int delivery_replay(int64_t *out, struct db *store, int64_t id, struct str endpoint, int64_t now_ms,
		    struct err *e) MUST_CHECK;

/*
 * Claim the oldest queued delivery that is due, of an endpoint none of whose deliveries is being
 * processed: those of one repository go one after the other, in the order they came. 1: claimed;
 * 0: nothing to do, `*next_ms` is when the next becomes due or 0; -1.
 */
int delivery_claim(struct delivery *out, int64_t *next_ms, struct db *store, struct str owner,
		   int64_t now_ms, int64_t lease_ms, struct arena *arena, struct err *e) MUST_CHECK;

/* What became of it. */
struct delivery_outcome {
	enum delivery_state state; /* QUEUED: try again at not_before_ms */
	int64_t not_before_ms;
	struct str reason;
	struct str release;
	struct str rollout;
};
/* ERR_REFUSED when the lease was lost; nothing is changed then. */
int delivery_finish(struct db *store, const struct delivery *d, struct str owner,
		    const struct delivery_outcome *outcome, int64_t now_ms,
		    struct err *e) MUST_CHECK;
/* ERR_REFUSED when the lease was lost. */
int delivery_renew(struct db *store, const struct delivery *d, struct str owner,
		   int64_t lease_until_ms, struct err *e) MUST_CHECK;
/* As task_take_back. */
int delivery_take_back(size_t *n, struct db *store, int64_t now_ms, struct err *e) MUST_CHECK;

/* What the mirror of a repository taught: SHA-256 and size of blobs by object id (vcs/tree.h). */
typedef int (*delivery_blob_fn)(void *context, const unsigned char oid[20],
				const unsigned char sha256[32], size_t size, struct err *e);
int delivery_blobs_load(struct db *store, struct str endpoint, delivery_blob_fn each, void *context,
			struct err *e) MUST_CHECK;
int delivery_blob_add(struct db *store, struct str endpoint, const unsigned char oid[20],
		      const unsigned char sha256[32], size_t size, struct err *e) MUST_CHECK;

#endif
