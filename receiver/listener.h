/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_LISTENER_H
#define RECEIVER_LISTENER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/pack.h"
#include "receiver/live.h"
#include "vcs/provider.h"

#include <stddef.h>
#include <stdint.h>

/*
 * HTTP: takes requests within bounds and gives them to routes. It refuses what two parsers could
 * read differently (RFC 9112, section 11.2) with 400 and closes; caps the body before anything
 * else, chunked or not; ends a request that takes longer than its time, however steadily it
 * trickles; holds connections and bytes in memory under their bounds and answers 503 over them.
 */
struct listener;

/* One request and its answer. */
struct exchange {
	/* in; lent until the answer is sent */
	const char *method;
	struct str path;           /* as sent, without the query; not decoded */
	struct str query;          /* absent when there is none */
	struct request request;    /* headers; the body once it is complete */
	const char *peer;          /* the socket's address, for logs */
	const struct conf *conf;   /* in force when the request came */
	struct digest *digest;     /* this thread's, while `respond` runs and is not suspended */
	struct pack_context *pack; /* likewise */
	struct arena arena;        /* the request's own memory */
	void *state;               /* the route's */
	/* out */
	int status;               /* 0 until answered */
	const char *content_type; /* default application/json */
	const char *allow;        /* for 405 */
	int retry_after_s;        /* 0: none */
	int close;                /* end the connection after the answer */
	struct buf answer;
};

struct route {
	const char *prefix; /* of the path; the longest that fits is taken */
	/* Headers only. Set a status to answer at once, the body unread; else the body is read. */
	void (*admit)(void *context, struct exchange *x);
	/*
	 * The body is there. Set a status, or call listener_suspend and later, from any thread,
	 * listener_resume after the status was set.
	 */
	void (*respond)(void *context, struct exchange *x);
	/* The exchange ends, answered or broken off: free `state`. Never while it is suspended. MAY
	 * be NULL. */
	void (*end)(void *context, struct exchange *x);
	void *context;
};

struct listener_options {
	struct live *live;
	const struct log *log;
	const struct route *routes; /* lent for the listener's life */
	size_t n_routes;
	int socket; /* a listening socket to take over (socket activation), or -1 */
};

/* Bind conf->listen and answer. ERR_INPUT for a malformed address, ERR_SYS for one that is taken.
 */
int listener_start(struct listener **out, const struct listener_options *options,
		   struct err *e) MUST_CHECK;
/* The port that was bound (for "127.0.0.1:0"). */
unsigned listener_port(const struct listener *l);

/* Within `respond`: the body is no longer needed; its memory goes, and its count in the bound. */
void listener_drop_body(struct exchange *x);

void listener_suspend(struct exchange *x);
void listener_resume(struct exchange *x);

/* What a 4xx or 5xx answer says: {"error":"...","message":"..."}. */
void listener_error(struct exchange *x, int status, const char *error, const char *message);

/* Take no more connections; then end when the requests under way are answered, at the latest after
 * `timeout_ms`. NULL is allowed. */
void listener_stop(struct listener *l, int64_t timeout_ms);

/* For /metrics and tests. */
struct listener_stats {
	uint64_t requests, refused, timed_out, over_capacity;
	size_t connections, inflight_bytes;
};
void listener_stats(struct listener_stats *out, const struct listener *l);

#endif
