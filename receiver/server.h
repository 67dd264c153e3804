/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_SERVER_H
#define RECEIVER_SERVER_H

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"

/*
 * The daemon: opens the store, takes up what an earlier process left, starts listener, inbox,
 * workers and runners, and waits for signals: SIGTERM and SIGINT drain and end, SIGHUP reloads. A
 * start after a kill is the normal start. One daemon per embedded store: a second is ERR_EXISTS.
 */
struct server_options {
	const char *conf_path; /* for SIGHUP */
	const struct log *log;
	/* Called when requests are answered; `port` is the bound one. MAY be NULL. */
	void (*ready)(void *context, unsigned port);
	void *context;
};

/* Takes `conf`, with its secrets loaded. Returns when the daemon has ended. */
int server_run(struct conf *conf, const struct server_options *options, struct err *e) MUST_CHECK;

#endif
