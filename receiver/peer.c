/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of a local peer. Linux's own: the one file that asks for more than POSIX. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "receiver/peer.h"

#include <stdio.h>
#include <sys/socket.h>

const char *peer_text(char *out, size_t size, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && n == sizeof peer &&
	    peer.pid > 0)
		(void)snprintf(out, size, "uid %lu, pid %ld", (unsigned long)peer.uid,
			       (long)peer.pid);
	else
		(void)snprintf(out, size, "unknown");
	return out;
}
