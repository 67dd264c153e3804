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
	/* Of server_drain, while another process has the store: 0 when it need not be waited for.
	 * Called every now and then; NULL: it is never waited for. */
	int (*wanted)(void *context);
	void *context;
};

/* Takes `conf`, with its secrets loaded. Returns when the daemon has ended. */
int server_run(struct conf *conf, const struct server_options *options, struct err *e) MUST_CHECK;

/*
 * The same without a way in, for who has no daemon: takes up what is there, carries it out, and
 * returns when nothing is queued or pending, or is so only for later than a minute; SIGTERM and
 * SIGINT end it early. ERR_EXISTS: another process has the store, and is not (or no longer) waited
 * for.
 */
int server_drain(struct conf *conf, const struct server_options *options, struct err *e) MUST_CHECK;

#endif
