/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_WEBHOOK_H
#define RECEIVER_WEBHOOK_H

#include "base/log.h"
#include "receiver/inbox.h"
#include "receiver/listener.h"

#include <stdatomic.h>
#include <stdint.h>

/*
 * POST /webhooks/{repository}: the raw body is authenticated before any byte of it is parsed, and
 * on disk before it is answered. 202 taken, 200 duplicate, ping or of no interest, 401 signature
 * missing or wrong, 404 no such endpoint, 405 not POST, 413 too large, 415 wrong content type, 422
 * authentic but unreadable (kept as refused), 503 the store cannot take it now.
 *
 * Answers: {"delivery":"17","status":"queued"}; status is "queued" or "refused" (202), "duplicate",
 * "ignored" or "pong" (200), or "unreadable" (422), with a "reason" where there is one.
 */
struct webhook {
	struct inbox *inbox;
	const struct log *log;
	/* The route's own, zero at first: what keeps a flood of refusals from filling the log. */
	_Atomic int64_t window_ms;
	_Atomic uint64_t window_lines;
	_Atomic uint64_t not_logged;
};

/* The route; `webhook` is lent for the listener's life. */
struct route webhook_route(struct webhook *webhook);

#endif
