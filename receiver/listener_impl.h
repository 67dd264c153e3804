/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_LISTENER_IMPL_H
#define RECEIVER_LISTENER_IMPL_H

#include "receiver/gate.h"
#include "receiver/listener.h"

#include <microhttpd.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* What the files of the listener share: listener.c (life), listener_flow.c (one request),
 * listener_conns.c (connections and their deadlines). */

enum {
	PEER_TEXT = INET6_ADDRSTRLEN + 8,
	KITS = 64, /* kept for the next request; more threads at once make their own */
};

/* What computing needs and costs too much to make for each request. */
struct kit {
	struct digest *digest;
	struct pack_context *pack;
};

/* A connection. Made and freed by the library's thread that owns it. */
struct conn {
	struct conn *next, **back; /* in listener->conns */
	int fd;
	int over; /* came when there were too many */
	int cut;  /* shut down by us; guarded by listener->lock */
	char peer[PEER_TEXT];
	/* Milliseconds of the monotonic clock when it ends; 0: not now. */
	_Atomic int64_t deadline_ms;
	atomic_int busy; /* a request is under way */
};

struct listener {
	struct MHD_Daemon *daemon;
	struct live *live;
	const struct log *log;
	const struct route *routes;
	size_t n_routes;
	int fd; /* listening */
	unsigned port;
	int layout_known; /* the library parses as http_check_layout expects */

	pthread_t sweeper;
	struct bell ended;    /* wakes the sweeper for the end */
	pthread_mutex_t lock; /* guards the next four */
	struct conn *conns;
	size_t n_conns;
	struct kit kits[KITS];
	size_t n_kits;

	/* Bounds in force, copied from the configuration at each sweep. */
	_Atomic int64_t request_ms, idle_ms, max_connections;

	atomic_int stopping;  /* connections end with their request */
	atomic_int closed;    /* no request may reach a route any more */
	atomic_int ending;    /* the sweeper ends */
	atomic_size_t flows;  /* requests that have begun and not ended */
	atomic_size_t routed; /* of these, in a route or suspended */
	atomic_size_t inflight_bytes;
	_Atomic uint64_t requests, refused, timed_out, over_capacity;
};

/* For MHD_OPTION_NOTIFY_CONNECTION; `listener` is a struct listener. */
void listener_conns_notify(void *listener, struct MHD_Connection *mhd, void **socket_context,
			   enum MHD_ConnectionNotificationCode what);
/* The connection of a request; NULL when there was no memory for it. */
struct conn *listener_conn_of(struct MHD_Connection *mhd);
/* Its time begins: `ms` from now. 0: it has all the time. */
void listener_conn_allow(struct conn *c, int64_t ms);
/* Shut down what is over its time; with `all` whatever has no request, or (2) everything. */
void listener_conns_sweep(struct listener *l, int all);
/* Bounds of the configuration in force. */
void listener_conns_limits(struct listener *l);
/* The sweeper's thread. */
void *listener_conns_main(void *listener);

void listener_flow_free_kit(struct kit kit);

/* For the library: the callbacks of a request. */
void *listener_flow_start(void *listener, const char *target, struct MHD_Connection *mhd);
enum MHD_Result listener_flow_handle(void *listener, struct MHD_Connection *mhd, const char *url,
				     const char *method, const char *version, const char *data,
				     size_t *size, void **flow);
void listener_flow_end(void *listener, struct MHD_Connection *mhd, void **flow,
		       enum MHD_RequestTerminationCode why);

#endif
