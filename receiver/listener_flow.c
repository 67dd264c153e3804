/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request, from its first line to the end of its answer: checked, routed, its body taken within
 * bounds, answered. Runs in the library's threads.
 */

#include "base/json_write.h"
#include "base/mem.h"
#include "receiver/http_check.h"
#include "receiver/listener_impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	ANSWER_MAX = 64 * 1024 * 1024,
	HEAD_MEMORY_MAX = 1024 * 1024, /* of the arena, before there is a body */
	MEMORY_PER_BODY_BYTE = 4,      /* what a route may use to read a body */
	BODY_AT_ONCE = 256 * 1024,     /* a known length up to this is allocated whole */
	BODY_FIRST = 16 * 1024,
	DRAIN_MS = 2000, /* how long a refused client may go on sending */
	RETRY_AFTER_S = 5,
	REFUSAL_MAX = 4096,
};

struct flow {
	struct exchange x; /* first: a route's exchange is its flow */
	struct listener *l;
	struct conn *conn;
	struct MHD_Connection *mhd;
	struct live_conf *held;
	const struct route *route;
	struct str target;
	struct http_framing framing;
	int expects_continue;
	int begun;
	int draining;  /* answered already; what still comes is dropped */
	int suspended; /* touched by the library's thread only */
	char *body;
	size_t body_n, body_cap;
	size_t reserved; /* of inflight_bytes */
};

static struct flow *flow_of(struct exchange *x)
{
	return (struct flow *)x;
}

/* --- answers --- */

void listener_error(struct exchange *x, int status, const char *error, const char *message)
{
	struct json_writer w;
	buf_clear(&x->answer);
	jw_init(&w, &x->answer, 0);
	jw_object(&w, NULL);
	jw_text(&w, "error", error);
	jw_text(&w, "message", message);
	jw_end_object(&w);
	buf_addc(&x->answer, '\n');
	x->status = status;
}

static void refuse(struct flow *f, int status, const char *error, const char *message)
{
	(void)atomic_fetch_add(&f->l->refused, 1);
	f->x.close = 1;
	listener_error(&f->x, status, error, message);
}

static void refuse_busy(struct flow *f, const char *message)
{
	(void)atomic_fetch_add(&f->l->over_capacity, 1);
	refuse(f, 503, "unavailable", message);
	f->x.retry_after_s = RETRY_AFTER_S;
}

static const char *content_type(const struct exchange *x)
{
	return x->content_type != NULL ? x->content_type : "application/json";
}

/* The answer's header fields, by whoever writes them down. */
static int each_field(const struct exchange *x, int (*put)(void *to, const char *, const char *),
		      void *to)
{
	char seconds[16];
	(void)snprintf(seconds, sizeof seconds, "%d", x->retry_after_s);
	if (put(to, "Content-Type", content_type(x)) != 0 ||
	    put(to, "Cache-Control", "no-store") != 0 ||
	    put(to, "X-Content-Type-Options", "nosniff") != 0)
		return -1;
	if (x->allow != NULL && put(to, "Allow", x->allow) != 0)
		return -1;
	if (x->retry_after_s > 0 && put(to, "Retry-After", seconds) != 0)
		return -1;
	return x->close ? put(to, "Connection", "close") : 0;
}

static int put_response(void *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES ? 0 : -1;
}

static int put_text(void *text, const char *name, const char *value)
{
	buf_addf(text, "%s: %s\r\n", name, value);
	return 0;
}

/* Through the library. */
static enum MHD_Result answer(struct flow *f)
{
	struct exchange *x = &f->x;
	if (atomic_load(&f->l->stopping))
		x->close = 1;
	if (buf_check(&x->answer, NULL) != 0) {
		buf_clear(&x->answer);
		refuse(f, 500, "internal", "the answer could not be made");
	}
	size_t n = x->answer.n;
	char *text = buf_take(&x->answer);
	if (text == NULL)
		return MHD_NO;
	struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
	if (r == NULL) {
		mem_free(text);
		return MHD_NO;
	}
	enum MHD_Result rc = MHD_NO;
	if (each_field(x, put_response, r) == 0)
		rc = MHD_queue_response(f->mhd, (unsigned)x->status, r);
	MHD_destroy_response(r);
	/* Who does not read the answer has as long as who does not write the request. */
	listener_conn_allow(f->conn, atomic_load(&f->l->request_ms));
	return rc;
}

/*
 * Past the library, which can answer in the middle of a body only by cutting the connection: the
 * client, busy sending, would see a reset and not the answer. So the answer goes out now, the
 * sending side is shut, and what still comes is dropped for a while.
 */
static enum MHD_Result answer_and_drain(struct flow *f)
{
	struct exchange *x = &f->x;
	AUTO(buf) struct buf text;
	buf_init(&text, REFUSAL_MAX);
	buf_addf(&text, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", x->status,
		 MHD_get_reason_phrase_for((unsigned)x->status), x->answer.n);
	(void)each_field(x, put_text, &text);
	buf_adds(&text, "\r\n");
	if (strcmp(x->method, "HEAD") != 0)
		buf_add(&text, buf_str(&x->answer));
	if (buf_check(&text, NULL) != 0)
		return MHD_NO;
	/* Nothing else is in the socket's buffer, so this fits; if not, the client is not there. */
	(void)send(f->conn->fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(f->conn->fd, SHUT_WR);
	f->draining = 1;
	listener_conn_allow(f->conn, DRAIN_MS);
	return MHD_YES;
}

/* An answer before the body was read: the connection cannot go on. */
static enum MHD_Result answer_early(struct flow *f)
{
	int body = f->framing.chunked || f->framing.length > 0;
	if (!body && !f->x.close)
		return MHD_YES; /* the library would close if it had the answer in this call */
	if (!body)
		return answer(f);
	f->x.close = 1;
	/* A client that waits for 100 has sent nothing that could be in the way. */
	return f->expects_continue ? answer(f) : answer_and_drain(f);
}

/* --- the head --- */

struct collect {
	struct header *headers;
	size_t n;
};

static enum MHD_Result collect_header(void *to, enum MHD_ValueKind kind, const char *name,
				      size_t name_n, const char *value, size_t value_n)
{
	(void)kind;
	struct collect *c = to;
	c->headers[c->n].name = (struct str){ name, name_n };
	c->headers[c->n].value = value != NULL ? (struct str){ value, value_n } : STR("");
	c->n++;
	return MHD_YES;
}

/* The headers into the arena. -1: there are too many, or no memory; answered. */
static int read_headers(struct flow *f)
{
	int n = MHD_get_connection_values(f->mhd, MHD_HEADER_KIND, NULL, NULL);
	if (n < 0 || n > REQUEST_HEADERS_MAX) {
		refuse(f, 400, "bad_request", "there are too many headers");
		return -1;
	}
	struct collect c = { arena_array(&f->x.arena, (size_t)n, sizeof *c.headers), 0 };
	if (c.headers == NULL) {
		refuse_busy(f, "out of memory");
		return -1;
	}
	(void)MHD_get_connection_values_n(f->mhd, MHD_HEADER_KIND, collect_header, &c);
	f->x.request.headers = c.headers;
	f->x.request.n_headers = c.n;
	return 0;
}

static size_t head_size(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return info != NULL ? info->header_size : 0;
}

/* `url` and what follows are the library's own strings. -1: answered. */
static int check_head(struct flow *f, const char *url, const char *method, const char *version)
{
	struct err e = { .code = ERR_NONE };
	struct header *headers = (struct header *)(uintptr_t)f->x.request.headers;
	struct http_head head = { .method = str_of(method),
				  .target = f->target,
				  .version = str_of(version),
				  .headers = headers,
				  .n_headers = f->x.request.n_headers,
				  .size = head_size(f->mhd) };
	int rc = http_check(&f->framing, &head, &e);
	if (rc == 0 && f->l->layout_known) {
		head.target.p = url;
		rc = http_check_layout(&head, &e);
	}
	if (rc != 0) {
		f->framing = (struct http_framing){ .chunked = 0 };
		refuse(f, 400, "bad_request", e.msg);
		return -1;
	}
	for (size_t i = 0; i < head.n_headers; i++) {
		headers[i].value = str_trim(headers[i].value);
		f->expects_continue |= str_eq_nocase(headers[i].name, STR("Expect"));
	}
	return 0;
}

static void find_route(struct flow *f)
{
	const struct listener *l = f->l;
	size_t best = 0;
	for (size_t i = 0; i < l->n_routes; i++) {
		struct str prefix = str_of(l->routes[i].prefix);
		if (str_starts(f->x.path, prefix) && (f->route == NULL || prefix.n > best)) {
			f->route = &l->routes[i];
			best = prefix.n;
		}
	}
}

/* --- the body --- */

/* Count `n` more bytes as in memory. -1: over the bound, nothing counted. */
static int reserve(struct flow *f, size_t n)
{
	size_t max = (size_t)f->x.conf->limits.max_inflight_bytes;
	size_t before = atomic_fetch_add(&f->l->inflight_bytes, n);
	if (before > max || n > max - before) {
		(void)atomic_fetch_sub(&f->l->inflight_bytes, n);
		return -1;
	}
	f->reserved += n;
	return 0;
}

static void drop_body(struct flow *f)
{
	mem_free(f->body);
	f->body = NULL;
	f->body_n = f->body_cap = 0;
	(void)atomic_fetch_sub(&f->l->inflight_bytes, f->reserved);
	f->reserved = 0;
}

void listener_drop_body(struct exchange *x)
{
	drop_body(flow_of(x));
	x->request.body = STR_NULL;
}

static size_t body_max(const struct flow *f)
{
	return (size_t)f->x.conf->limits.max_body_bytes;
}

/* Room for `n` more bytes: doubled each time, never over the bound. -1: answered. */
static int grow_body(struct flow *f, size_t n)
{
	size_t bound = f->framing.chunked ? body_max(f) : (size_t)f->framing.length;
	if (n > bound || f->body_n > bound - n) {
		refuse(f, 413, "too_large", "the body is larger than this endpoint takes");
		return -1;
	}
	size_t want = f->body_n + n;
	if (want <= f->body_cap)
		return 0;
	size_t cap = f->body_cap > bound / 2 ? bound : f->body_cap * 2;
	if (cap < BODY_FIRST)
		cap = BODY_FIRST;
	if (!f->framing.chunked && bound <= BODY_AT_ONCE)
		cap = bound;
	if (cap < want)
		cap = want;
	if (cap > bound)
		cap = bound;
	/* What has come counts, not what was announced: announcing costs an attacker nothing. */
	if (reserve(f, cap - f->body_cap) != 0) {
		refuse_busy(f, "too many bytes are in flight");
		return -1;
	}
	char *body = mem_resize(f->body, cap);
	if (body == NULL) {
		refuse_busy(f, "out of memory");
		return -1;
	}
	f->body = body;
	f->body_cap = cap;
	return 0;
}

static enum MHD_Result take_body(struct flow *f, const char *data, size_t *size)
{
	size_t n = *size;
	*size = 0;
	if (f->draining)
		return MHD_YES;
	if (grow_body(f, n) != 0) {
		drop_body(f);
		return answer_and_drain(f);
	}
	memcpy(f->body + f->body_n, data, n);
	f->body_n += n;
	return MHD_YES;
}

/* --- the course of it --- */

/* What the head alone decides; sets a status when it decides against. */
static void admit(struct flow *f, const char *url, const char *method, const char *version)
{
	struct exchange *x = &f->x;
	if (read_headers(f) != 0 || check_head(f, url, method, version) != 0)
		return;
	x->path = str_first(f->target, str_find(f->target, '?'));
	if (x->path.n < f->target.n)
		x->query = str_from(f->target, x->path.n + 1);
	if (f->conn->over) {
		refuse_busy(f, "too many connections");
		return;
	}
	find_route(f);
	if (f->route == NULL) {
		listener_error(x, 404, "not_found", "there is nothing at this path");
		return;
	}
	f->route->admit(f->route->context, x);
	if (x->status != 0)
		return;
	if (f->framing.length > body_max(f))
		refuse(f, 413, "too_large", "the body is larger than this endpoint takes");
}

static enum MHD_Result begin(struct flow *f, const char *url, const char *method,
			     const char *version)
{
	f->begun = 1;
	(void)atomic_fetch_add(&f->l->requests, 1);
	f->x.method = method;
	admit(f, url, method, version);
	/*
	 * How the library reads chunks is too lenient (line ends, extensions) and cannot be seen
	 * from here, so nothing behind a chunked body is ever taken for a request.
	 */
	f->x.close |= f->framing.chunked;
	return f->x.status != 0 ? answer_early(f) : MHD_YES;
}

void listener_flow_free_kit(struct kit kit)
{
	digest_free(kit.digest);
	pack_context_free(kit.pack);
}

/* -1 without memory. */
static int take_kit(struct listener *l, struct exchange *x)
{
	struct kit kit = { .digest = NULL };
	(void)pthread_mutex_lock(&l->lock);
	if (l->n_kits > 0)
		kit = l->kits[--l->n_kits];
	(void)pthread_mutex_unlock(&l->lock);
	if (kit.digest == NULL) {
		kit.digest = digest_new();
		kit.pack = pack_context_new();
	}
	if (kit.digest == NULL || kit.pack == NULL) {
		listener_flow_free_kit(kit);
		return -1;
	}
	x->digest = kit.digest;
	x->pack = kit.pack;
	return 0;
}

/* Again is allowed. */
static void give_kit(struct listener *l, struct exchange *x)
{
	struct kit kit = { TAKE(x->digest), TAKE(x->pack) };
	if (kit.digest == NULL)
		return;
	int full;
	(void)pthread_mutex_lock(&l->lock);
	full = l->n_kits == KITS;
	if (!full)
		l->kits[l->n_kits++] = kit;
	(void)pthread_mutex_unlock(&l->lock);
	if (full)
		listener_flow_free_kit(kit);
}

/* The request is whole: the route's turn. */
static enum MHD_Result respond(struct flow *f)
{
	struct exchange *x = &f->x;
	struct listener *l = f->l;
	x->request.body = f->body != NULL ? (struct str){ f->body, f->body_n } : STR("");
	x->arena.max += f->body_n * MEMORY_PER_BODY_BYTE;
	/* listener_stop waits for `routed` to become 0 after it has set `closed`. */
	(void)atomic_fetch_add(&l->routed, 1);
	if (atomic_load(&l->closed)) {
		(void)atomic_fetch_sub(&l->routed, 1);
		refuse_busy(f, "the receiver is stopping");
		return answer(f);
	}
	if (take_kit(l, x) == 0)
		f->route->respond(f->route->context, x);
	else
		refuse_busy(f, "out of memory");
	give_kit(l, x);
	/* A suspended one may be resumed at any time, but is not entered again before we return. */
	if (f->suspended)
		return MHD_YES;
	(void)atomic_fetch_sub(&l->routed, 1);
	assert(x->status != 0);
	return answer(f);
}

void listener_suspend(struct exchange *x)
{
	struct flow *f = flow_of(x);
	give_kit(f->l, x);
	f->suspended = 1;
	listener_conn_allow(f->conn, 0);
	MHD_suspend_connection(f->mhd);
}

void listener_resume(struct exchange *x)
{
	/* The exchange may be gone as soon as the library knows. */
	struct listener *l = flow_of(x)->l;
	MHD_resume_connection(flow_of(x)->mhd);
	(void)atomic_fetch_sub(&l->routed, 1);
}

void *listener_flow_start(void *listener, const char *target, struct MHD_Connection *mhd)
{
	struct listener *l = listener;
	struct conn *conn = listener_conn_of(mhd);
	struct flow *f = conn != NULL ? mem_array(1, sizeof *f) : NULL;
	if (f == NULL)
		return NULL;
	f->l = l;
	f->conn = conn;
	f->mhd = mhd;
	f->held = live_hold(l->live);
	f->x.conf = live_conf(f->held);
	f->x.peer = conn->peer;
	arena_init(&f->x.arena, HEAD_MEMORY_MAX);
	buf_init(&f->x.answer, ANSWER_MAX);
	f->target = target != NULL ? arena_str(&f->x.arena, str_of(target)) : STR("");
	(void)atomic_fetch_add(&l->flows, 1);
	atomic_store(&conn->busy, 1);
	listener_conn_allow(conn, atomic_load(&l->request_ms));
	return f;
}

enum MHD_Result listener_flow_handle(void *listener, struct MHD_Connection *mhd, const char *url,
				     const char *method, const char *version, const char *data,
				     size_t *size, void **flow)
{
	(void)listener;
	(void)mhd;
	struct flow *f = *flow;
	if (f == NULL || f->target.p == NULL)
		return MHD_NO; /* out of memory: the connection is closed */
	if (!f->begun)
		return begin(f, url, method, version);
	if (*size > 0)
		return take_body(f, data, size);
	if (f->draining)
		return MHD_NO; /* all was said */
	if (!f->suspended && f->x.status == 0)
		return respond(f);
	f->suspended = 0;
	assert(f->x.status != 0);
	return answer(f);
}

void listener_flow_end(void *listener, struct MHD_Connection *mhd, void **flow,
		       enum MHD_RequestTerminationCode why)
{
	(void)mhd;
	(void)why;
	struct listener *l = listener;
	struct flow *f = *flow;
	if (f == NULL)
		return;
	*flow = NULL;
	assert(!f->suspended || f->x.status != 0);
	if (f->route != NULL && f->route->end != NULL)
		f->route->end(f->route->context, &f->x);
	listener_conn_allow(f->conn, atomic_load(&l->idle_ms));
	atomic_store(&f->conn->busy, 0);
	drop_body(f);
	buf_free(&f->x.answer);
	arena_free(&f->x.arena);
	live_drop(l->live, f->held);
	mem_free(f);
	(void)atomic_fetch_sub(&l->flows, 1);
}
