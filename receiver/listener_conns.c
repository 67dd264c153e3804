/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and their deadlines. The library's own timeout starts anew with each byte, so ours is
 * kept by a thread that shuts down the sockets whose time is over; the library then sees the end of
 * the stream and closes. A socket is in the list only while it is open, so no other file that got
 * its number is ever hit.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "receiver/listener_impl.h"
#include "receiver/peer.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

enum {
	TICK_MIN_MS = 5,
	TICK_MAX_MS = 250,
	OVER_IDLE_MS = 2000, /* a connection over the bound gets its 503 within this time */
};

struct conn *listener_conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

void listener_conn_allow(struct conn *c, int64_t ms)
{
	atomic_store(&c->deadline_ms, ms > 0 ? clock_mono_ms() + ms : 0);
}

static void name_peer(struct conn *c, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
	socklen_t size = address != NULL && address->sa_family == AF_INET6
			     ? (socklen_t)sizeof(struct sockaddr_in6)
			     : (socklen_t)sizeof(struct sockaddr_in);
	if (address != NULL && address->sa_family == AF_UNIX)
		(void)peer_text(c->peer, sizeof c->peer, c->fd);
	else if (address == NULL ||
		 getnameinfo(address, size, c->peer, sizeof c->peer, NULL, 0, NI_NUMERICHOST) != 0)
		memcpy(c->peer, "unknown", sizeof "unknown");
}

static void started(struct listener *l, struct MHD_Connection *mhd, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = mem_array(1, sizeof *c);
	if (c == NULL) {
		/* Nobody could end it later. */
		(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	c->fd = info->connect_fd;
	name_peer(c, mhd);
	(void)pthread_mutex_lock(&l->lock);
	c->over = (int64_t)l->n_conns >= atomic_load(&l->max_connections);
	int64_t idle_ms = atomic_load(&l->idle_ms);
	listener_conn_allow(c, c->over && idle_ms > OVER_IDLE_MS ? OVER_IDLE_MS : idle_ms);
	c->next = l->conns;
	c->back = &l->conns;
	if (c->next != NULL)
		c->next->back = &c->next;
	l->conns = c;
	l->n_conns++;
	(void)pthread_mutex_unlock(&l->lock);
	*socket_context = c;
}

/* The library closes the socket after this call. */
static void closed(struct listener *l, struct conn *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	*c->back = c->next;
	if (c->next != NULL)
		c->next->back = c->back;
	l->n_conns--;
	(void)pthread_mutex_unlock(&l->lock);
	mem_free(c);
}

void listener_conns_notify(void *listener, struct MHD_Connection *mhd, void **socket_context,
			   enum MHD_ConnectionNotificationCode what)
{
	struct listener *l = listener;
	switch (what) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		started(l, mhd, socket_context);
		return;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		closed(l, *socket_context);
		*socket_context = NULL;
		return;
	}
}

/* With the lock held. */
static void cut(struct conn *c)
{
	(void)shutdown(c->fd, SHUT_RDWR);
	c->cut = 1;
}

void listener_conns_sweep(struct listener *l, int all)
{
	int64_t now = clock_mono_ms();
	(void)pthread_mutex_lock(&l->lock);
	for (struct conn *c = l->conns; c != NULL; c = c->next) {
		int64_t deadline = atomic_load(&c->deadline_ms);
		int late = deadline > 0 && now >= deadline;
		int unwanted = all == 2 || (all == 1 && !atomic_load(&c->busy));
		if (c->cut || (!late && !unwanted))
			continue;
		if (late && !unwanted)
			(void)atomic_fetch_add(&l->timed_out, 1);
		cut(c);
	}
	(void)pthread_mutex_unlock(&l->lock);
}

void listener_conns_limits(struct listener *l)
{
	struct live_conf *held = live_hold(l->live);
	const struct conf_limits *limits = &live_conf(held)->limits;
	atomic_store(&l->request_ms, limits->request_timeout_ms);
	atomic_store(&l->idle_ms, limits->idle_timeout_ms);
	atomic_store(&l->max_connections, limits->max_connections);
	live_drop(l->live, held);
}

/* An eighth of the shorter time: nobody stays much longer than allowed. */
static int64_t tick_ms(struct listener *l)
{
	int64_t request = atomic_load(&l->request_ms), idle = atomic_load(&l->idle_ms);
	int64_t tick = (request < idle ? request : idle) / 8;
	if (tick < TICK_MIN_MS)
		return TICK_MIN_MS;
	return tick > TICK_MAX_MS ? TICK_MAX_MS : tick;
}

void *listener_conns_main(void *listener)
{
	struct listener *l = listener;
	uint64_t seen = bell_rings(&l->ended);
	while (!atomic_load(&l->ending)) {
		listener_conns_limits(l);
		listener_conns_sweep(l, 0);
		bell_wait(&l->ended, seen, tick_ms(l));
	}
	return NULL;
}
