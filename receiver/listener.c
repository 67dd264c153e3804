/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener's life: the socket, the library's daemon and our sweeper, and the way down. What a
 * request is, listener_flow.c knows; how long a connection may live, listener_conns.c.
 */

#include "receiver/listener.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "receiver/listener_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTION_BYTES = 64 * 1024, /* memory of one connection: head and read buffer */
	READ_BYTES = 32 * 1024,       /* how it grows: a usual body in one read */
	CONNECTIONS_SLACK = 64,       /* over the bound, so that they can be told so */
	THREADS_MAX = 64,
	STOP_POLL_MS = 2,
	LAST_WORDS_MS = 500, /* for answers that became ready at the end of the time */
};

/* Whose in-place parsing http_check_layout knows. Newer ones refuse such requests themselves. */
static const char layout_version[] = "0.9.75";

/* --- the socket --- */

static int set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		       fcntl(fd, F_SETFD, FD_CLOEXEC) != 0
		   ? -1
		   : 0;
}

/* "127.0.0.1:8420", "[::1]:8420" */
static int resolve(struct addrinfo **out, struct str text, struct err *e)
{
	size_t colon = str_find_last(text, ':');
	struct str host = str_first(text, colon);
	uint64_t port;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_first(str_from(host, 1), host.n - 2);
	else if (str_find(host, ':') < host.n)
		host.n = 0;
	if (host.n == 0 || num_parse_u64(&port, str_from(text, colon + 1), 0, 65535) != 0)
		return err_set(e, ERR_INPUT,
			       "cannot listen on '%.*s' (expected 127.0.0.1:8420 or [::1]:8420)",
			       STR_ARG(text));
	AUTO(free) char *name = str_to_cstr(host, e);
	if (name == NULL)
		return -1;
	char service[8];
	(void)snprintf(service, sizeof service, "%u", (unsigned)port);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
	int rc = getaddrinfo(name, service, &hints, out);
	if (rc != 0)
		return err_set(e, ERR_INPUT, "cannot listen on '%.*s': %s", STR_ARG(text),
			       gai_strerror(rc));
	return 0;
}

/* Ready to accept; errno tells why not. */
static int prepare_socket(int fd, const struct addrinfo *address)
{
	const int on = 1;
	if (set_flags(fd) != 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, address->ai_addr, address->ai_addrlen) != 0)
		return -1;
	return listen(fd, SOMAXCONN);
}

static int open_socket(int *out, struct str text, struct err *e)
{
	struct addrinfo *address = NULL;
	if (resolve(&address, text, e) != 0)
		return -1;
	assert(address != NULL);
	int fd = socket(address->ai_family, SOCK_STREAM, 0);
	int rc = fd < 0 ? -1 : prepare_socket(fd, address);
	int why = errno;
	freeaddrinfo(address);
	if (rc == 0) {
		*out = fd;
		return 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return err_sys(e, why, "cannot listen on '%.*s'", STR_ARG(text));
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage a;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	socklen_t n = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return 0;
	memcpy(&in, &a, sizeof in);
	memcpy(&in6, &a, sizeof in6);
	if (a.ss_family == AF_INET)
		return ntohs(in.sin_port);
	return a.ss_family == AF_INET6 ? ntohs(in6.sin6_port) : 0;
}

/* --- the library --- */

/* The request's path stays as it was sent. */
static size_t no_unescape(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context;
	(void)mhd;
	return strlen(text);
}

/* What it complains of is mostly what clients do. */
static void on_library_log(void *context, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void on_library_log(void *context, const char *format, va_list ap)
{
	const struct listener *l = context;
	char text[512];
	if (l->log->level > LOG_DEBUG)
		return;
	(void)vsnprintf(text, sizeof text, format, ap);
	log_line(l->log, LOG_DEBUG, "libmicrohttpd", LOG_TEXT("text", text));
}

static int start_daemon(struct listener *l, const struct conf *conf, struct err *e)
{
	unsigned limit = (unsigned)num_clamp_int((size_t)conf->limits.max_connections) +
			 (unsigned)num_clamp_int((size_t)conf->limits.max_connections / 8) +
			 CONNECTIONS_SLACK;
	int64_t threads = conf->listener_threads;
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, l->fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)limit, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_INCREMENT, READ_BYTES, NULL },
		/* 0 and 1 are no pool */
		{ threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads,
		  NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	l->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
	    NULL, listener_flow_handle, l, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, l,
	    MHD_OPTION_ARRAY, options, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL,
	    MHD_OPTION_URI_LOG_CALLBACK, listener_flow_start, l, MHD_OPTION_NOTIFY_COMPLETED,
	    listener_flow_end, l, MHD_OPTION_NOTIFY_CONNECTION, listener_conns_notify, l,
	    MHD_OPTION_END);
	if (l->daemon == NULL)
		return err_set(e, ERR_SYS, "cannot start the HTTP server");
	return 0;
}

/* --- the life --- */

static void destroy(struct listener *l)
{
	for (size_t i = 0; i < l->n_kits; i++)
		listener_flow_free_kit(l->kits[i]);
	if (l->fd >= 0)
		(void)close(l->fd);
	bell_destroy(&l->ended);
	(void)pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

static void end_sweeper(struct listener *l)
{
	atomic_store(&l->ending, 1);
	bell_ring(&l->ended);
	(void)pthread_join(l->sweeper, NULL);
}

/* The threads of both, which leave signals to the program's own. */
static int start_threads(struct listener *l, const struct conf *conf, struct err *e)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&l->sweeper, NULL, listener_conns_main, l);
	if (rc != 0) {
		(void)err_sys(e, rc, "cannot start the listener's thread");
	} else {
		rc = start_daemon(l, conf, e);
		if (rc != 0)
			end_sweeper(l);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : -1;
}

static struct listener *make(const struct listener_options *options)
{
	struct listener *l = mem_array(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->live = options->live;
	l->log = options->log;
	l->routes = options->routes;
	l->n_routes = options->n_routes;
	l->fd = -1;
	l->layout_known = strcmp(MHD_get_version(), layout_version) == 0;
	int rc = bell_init(&l->ended);
	if (rc == 0 && pthread_mutex_init(&l->lock, NULL) != 0) {
		bell_destroy(&l->ended);
		rc = -1;
	}
	if (rc != 0) {
		mem_free(l);
		return NULL;
	}
	return l;
}

int listener_start(struct listener **out, const struct listener_options *options, struct err *e)
{
	struct listener *l = make(options);
	if (l == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	struct live_conf *held = live_hold(l->live);
	const struct conf *conf = live_conf(held);
	listener_conns_limits(l);
	int rc = 0;
	if (options->socket < 0)
		rc = open_socket(&l->fd, conf->listen, e);
	else if (set_flags(options->socket) != 0)
		rc = err_sys(e, errno, "cannot use the listening socket that was handed over");
	else
		l->fd = options->socket;
	if (rc == 0) {
		l->port = bound_port(l->fd);
		rc = start_threads(l, conf, e);
	}
	live_drop(l->live, held);
	if (rc != 0) {
		if (options->socket >= 0)
			l->fd = -1; /* stays the caller's */
		destroy(l);
		return -1;
	}
	*out = l;
	return 0;
}

unsigned listener_port(const struct listener *l)
{
	return l->port;
}

/* Until `count` is 0, or the time is over; `until_ms` 0: however long it takes. */
static void wait_for(atomic_size_t *count, int64_t until_ms)
{
	const struct timespec pause = { .tv_nsec = STOP_POLL_MS * 1000000L };
	while (atomic_load(count) > 0 && (until_ms == 0 || clock_mono_ms() < until_ms))
		(void)nanosleep(&pause, NULL);
}

void listener_stop(struct listener *l, int64_t timeout_ms)
{
	if (l == NULL)
		return;
	int64_t until_ms = clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : 1);
	atomic_store(&l->stopping, 1);
	(void)MHD_quiesce_daemon(l->daemon);
	/* Who waits to be accepted is told at once; the number is freed when no thread can use it.
	 */
	(void)shutdown(l->fd, SHUT_RDWR);
	listener_conns_sweep(l, 1);
	wait_for(&l->flows, until_ms);
	/*
	 * Their time is over, but a suspended request is being written down, and the library aborts
	 * when it is stopped meanwhile: no more may begin, and those are waited for.
	 */
	atomic_store(&l->closed, 1);
	wait_for(&l->routed, 0);
	wait_for(&l->flows, clock_mono_ms() + (atomic_load(&l->flows) > 0 ? LAST_WORDS_MS : 0));
	listener_conns_sweep(l, 2);
	MHD_stop_daemon(l->daemon);
	end_sweeper(l);
	destroy(l);
}

void listener_stats(struct listener_stats *out, const struct listener *l)
{
	struct listener *m = (struct listener *)(uintptr_t)l; /* its lock is taken */
	*out = (struct listener_stats){ .requests = atomic_load(&m->requests),
					.refused = atomic_load(&m->refused),
					.timed_out = atomic_load(&m->timed_out),
					.over_capacity = atomic_load(&m->over_capacity),
					.inflight_bytes = atomic_load(&m->inflight_bytes) };
	(void)pthread_mutex_lock(&m->lock);
	out->connections = m->n_conns;
	(void)pthread_mutex_unlock(&m->lock);
}
