/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PEER_H
#define RECEIVER_PEER_H

#include <stddef.h>

/* Who connected over a Unix socket, for logs: "uid 1000, pid 4242", as the kernel knows it
 * (SO_PEERCRED of unix(7)); "unknown" where it does not tell. Returns `out`. */
const char *peer_text(char *out, size_t size, int fd);

#endif
