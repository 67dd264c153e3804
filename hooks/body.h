/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_BODY_H
#define HOOKS_BODY_H

#include "base/buf.h"
#include "base/err.h"
#include "hooks/post_receive.h"
#include "hooks/pusher.h"

#include <stdint.h>

/* The body of a hook's delivery, which vcs/git.c reads. */
struct body {
	struct str repository; /* full_name of the configuration */
	struct str branch;
	const struct post_receive_change *change;
	int forced; /* the old tip is not part of the new; -1: not known */
	struct pusher pusher;
	int64_t now_ms;
};

/*
 * {"ref","before","after","created","deleted","forced","repository":{"full_name"},
 * "pusher":{"id","login","email","source"},"pushed_at","nonce"}. The nonce is random, so that a
 * branch that goes there, back, and there again makes three deliveries.
 */
int body_write(struct buf *out, const struct body *b, struct err *e) MUST_CHECK;

#endif
