/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_STORE_LOCK_H
#define RECEIVER_STORE_LOCK_H

#include "base/conf.h"
#include "base/err.h"

/*
 * One daemon per embedded store: a lock on the file beside it ("STORE.lock"), which the kernel
 * takes back when the process dies, however it dies. Nothing is ever left behind that stops a
 * start.
 */

/* `*fd` holds the lock until it is closed; -1 when the store is a server's and needs none.
 * ERR_EXISTS names the process that has it. */
int store_lock(int *fd, const struct conf *conf, struct err *e) MUST_CHECK;

#endif
