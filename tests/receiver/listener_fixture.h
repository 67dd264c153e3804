/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RECEIVER_LISTENER_FIXTURE_H
#define TESTS_RECEIVER_LISTENER_FIXTURE_H

/* A listener on a free port of loopback with routes of the test's own. */

#include "base/buf.h"
#include "receiver/listener.h"
#include "tests/receiver/http_client.h"

#include <pthread.h>

struct rig {
	struct live live;
	struct log log;
	struct listener *listener;
	unsigned port;
	struct route routes[4];
	pthread_mutex_t lock; /* guards the next three */
	struct exchange *held[256];
	size_t n_held;
	size_t ended;
	pthread_t releaser;
	int releasing; /* guarded by lock */
};

/* GET and POST: how long the body is. */
static inline void rig_any(void *context, struct exchange *x)
{
	(void)context;
	(void)x;
}

static inline void rig_echo(void *context, struct exchange *x)
{
	(void)context;
	buf_addf(&x->answer,
		 "{\"method\":\"%s\",\"path\":\"%.*s\",\"query\":\"%.*s\",\"bytes\":%zu}",
		 x->method, STR_ARG(x->path), STR_ARG(x->query), x->request.body.n);
	x->status = 200;
}

/* Suspended until the test, or the releaser, lets it go. */
static inline void rig_hold(void *context, struct exchange *x)
{
	struct rig *rig = context;
	listener_suspend(x);
	(void)pthread_mutex_lock(&rig->lock);
	assert_true(rig->n_held < 256);
	rig->held[rig->n_held++] = x;
	(void)pthread_mutex_unlock(&rig->lock);
}

static inline void rig_end(void *context, struct exchange *x)
{
	struct rig *rig = context;
	(void)x;
	(void)pthread_mutex_lock(&rig->lock);
	rig->ended++;
	(void)pthread_mutex_unlock(&rig->lock);
}

static inline void rig_no(void *context, struct exchange *x)
{
	(void)context;
	listener_error(x, 405, "method_not_allowed", "no");
	x->allow = "POST";
}

/* How many were held and are let go now. */
static inline size_t rig_release(struct rig *rig)
{
	struct exchange *batch[256];
	(void)pthread_mutex_lock(&rig->lock);
	size_t n = rig->n_held;
	memcpy(batch, rig->held, n * sizeof batch[0]);
	rig->n_held = 0;
	(void)pthread_mutex_unlock(&rig->lock);
	for (size_t i = 0; i < n; i++) {
		rig_echo(NULL, batch[i]);
		batch[i]->status = 202;
		listener_resume(batch[i]);
	}
	return n;
}

static inline void *rig_releaser(void *arg)
{
	struct rig *rig = arg;
	for (;;) {
		(void)pthread_mutex_lock(&rig->lock);
		int go_on = rig->releasing;
		(void)pthread_mutex_unlock(&rig->lock);
		if (rig_release(rig) == 0 && !go_on)
			return NULL;
		client_sleep(1);
	}
}

static inline void rig_start(struct rig *rig, const char *settings)
{
	struct err e = { 0 };
	struct conf *conf = NULL;
	struct buf text;
	buf_init(&text, 65536);
	buf_addf(&text,
		 "listen: 127.0.0.1:0\nstore: /tmp/unused.db\nenvironments: [{id: dev}]\n%s\n",
		 settings);
	check_ok(conf_parse(&conf, buf_str(&text), "test.yaml", &e), &e);
	buf_free(&text);
	*rig = (struct rig){ .log = { .fd = -1, .level = LOG_DEBUG } };
	(void)pthread_mutex_init(&rig->lock, NULL);
	assert_int_equal(live_init(&rig->live, conf), 0);
	rig->routes[0] = (struct route){ "/", rig_any, rig_echo, rig_end, rig };
	rig->routes[1] = (struct route){ "/hold", rig_any, rig_hold, rig_end, rig };
	rig->routes[2] = (struct route){ "/no", rig_no, rig_echo, rig_end, rig };
	struct listener_options options = { .live = &rig->live,
					    .log = &rig->log,
					    .routes = rig->routes,
					    .n_routes = 3,
					    .socket = -1 };
	check_ok(listener_start(&rig->listener, &options, &e), &e);
	rig->port = listener_port(rig->listener);
	assert_true(rig->port > 0);
}

static inline void rig_release_always(struct rig *rig)
{
	rig->releasing = 1;
	assert_int_equal(pthread_create(&rig->releaser, NULL, rig_releaser, rig), 0);
}

/* After listener_stop: nobody holds anything any more. */
static inline void rig_clean(struct rig *rig)
{
	(void)pthread_mutex_lock(&rig->lock);
	int releasing = rig->releasing;
	rig->releasing = 0;
	(void)pthread_mutex_unlock(&rig->lock);
	if (releasing)
		(void)pthread_join(rig->releaser, NULL);
	live_destroy(&rig->live);
	(void)pthread_mutex_destroy(&rig->lock);
}

static inline void rig_stop(struct rig *rig)
{
	listener_stop(rig->listener, 2000);
	rig_clean(rig);
}

#endif
