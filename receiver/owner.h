/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_OWNER_H
#define RECEIVER_OWNER_H

#include <stddef.h>

/* Who holds a lease: "HOST/PID/worker-0". Unique among the processes that share a store, and
 * telling to who reads it. */
enum { OWNER_TEXT = 192 };
const char *owner_text(char out[OWNER_TEXT], const char *role, size_t number);

/* This machine's name, for records that people read; NUL-terminated even when it is cut. */
enum { OWNER_HOST = 65 };
const char *owner_host(char out[OWNER_HOST]);

#endif
