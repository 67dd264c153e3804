/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_LOCAL_H
#define RECEIVER_LOCAL_H

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "receiver/inbox.h"
#include "receiver/listener.h"

#include <sys/types.h>

/*
 * The daemon's door for the hooks of git servers on this host: HTTP over a Unix socket. Who may
 * open the file may hand in; nothing is signed.
 *
 *	POST /hooks/{repository}      a body as hooks/body.h makes it, at most HANDIN_BODY_MAX
 *	                              bytes; answered once it is durable, as a webhook is:
 *	                              {"delivery":"17","status":"queued"}, 202, or 200 when it is
 *	                              ignored or a duplicate; 404: no repository of provider git
 *	GET /hooks/deliveries/{id}    receiver/progress.h; 404: no delivery of a hook
 */

/* The socket's file: only what we made is removed. */
struct local_socket {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
	char path[108]; /* sun_path of unix(7) */
};

/*
 * Listen on `path`, mode 0660. A socket on which nobody answers is replaced. ERR_EXISTS: somebody
 * answers there, or it is no socket; ERR_INPUT: the path is too long; ERR_SYS. `*out` is for
 * local_close in any case.
 */
int local_listen(struct local_socket *out, struct str path, struct err *e) MUST_CHECK;
/* The listener has taken the socket over: it closes it. */
void local_give(struct local_socket *s);
/* Close, unless given away, and remove the file. */
void local_close(struct local_socket *s);

struct local {
	struct inbox *inbox;
	const struct log *log;
};

enum { LOCAL_ROUTES = 2 };
/* `local` is lent for the listener's life. */
void local_routes(struct route out[LOCAL_ROUTES], struct local *local);

#endif
