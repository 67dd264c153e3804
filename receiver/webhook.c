/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook route: cheap refusals by the head, then the signature over the raw bytes, then what
 * the delivery says, then the inbox; the answer waits until the store has it.
 */

#include "receiver/webhook.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "base/num.h"
#include "base/pack.h"
#include "receiver/intake.h"

#include <stdio.h>

enum {
	EXTERNAL_ID_MAX = 255,
	HEADERS_MAX_BYTES = 128 * 1024, /* more than a connection's memory holds */
	PACKED_SLACK = 64 * 1024,       /* a frame may be a little larger than its content */
	READING_MIN = 1024 * 1024,      /* memory for reading a small body */
	READING_PER_BYTE = 4,           /* and for each byte of it */
	RETRY_AFTER_S = 10,
	LOG_WINDOW_MS = 10 * 1000,
	LOG_WINDOW_LINES = 20, /* refusals that are logged in that time */
};

static const char prefix[] = "/webhooks/";

/* One delivery between `admit` and `end`; in the exchange's arena. */
struct hook {
	struct inbox_entry entry; /* first: what the inbox gives back is its hook */
	struct exchange *x;
	const struct conf_repository *repository;
	const struct provider *provider;
	enum intake_verdict verdict;
	int unreadable;
	char digest_id[sizeof "sha256:" + SHA256_HEX];
};

/* --- refusing --- */

/* A line for the operator, at most LOG_WINDOW_LINES in LOG_WINDOW_MS. */
static void log_refusal(struct webhook *w, const struct exchange *x, struct str endpoint,
			const char *msg, const char *why)
{
	int64_t now = clock_mono_ms();
	int64_t begun = atomic_load(&w->window_ms);
	if ((begun == 0 || now - begun >= LOG_WINDOW_MS) &&
	    atomic_compare_exchange_strong(&w->window_ms, &begun, now))
		atomic_store(&w->window_lines, 0);
	if (atomic_fetch_add(&w->window_lines, 1) >= LOG_WINDOW_LINES) {
		(void)atomic_fetch_add(&w->not_logged, 1);
		return;
	}
	log_line(w->log, LOG_WARN, msg, LOG_STR("endpoint", endpoint), LOG_TEXT("peer", x->peer),
		 LOG_TEXT("reason", why),
		 LOG_INT("not_logged", atomic_exchange(&w->not_logged, 0)));
}

static void unavailable(struct exchange *x, const char *why)
{
	listener_error(x, 503, "unavailable", why);
	x->retry_after_s = RETRY_AFTER_S;
}

/* --- by the head --- */

static int charset_is_utf8(struct str type)
{
	struct str part, rest = str_from(type, str_find(type, ';') + 1);
	while (str_split(&part, &rest, ';')) {
		size_t eq = str_find(part, '=');
		struct str value = str_trim(str_from(part, eq + 1));
		if (!str_eq_nocase(str_trim(str_first(part, eq)), STR("charset")))
			continue;
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = str_first(str_from(value, 1), value.n - 2);
		if (!str_eq_nocase(value, STR("utf-8")))
			return 0;
	}
	return 1;
}

static int takes_type(const struct provider *provider, struct str type)
{
	struct str media = str_trim(str_first(type, str_find(type, ';')));
	int json = str_eq_nocase(media, STR("application/json"));
	int form = str_eq_nocase(media, STR("application/x-www-form-urlencoded"));
	return (json || (form && provider->takes_form)) && charset_is_utf8(type);
}

/* -1: answered. */
static int check_type(struct exchange *x, const struct provider *provider)
{
	struct str type, encoding;
	struct err e = { .code = ERR_NONE };
	if (request_header(&type, &x->request, "Content-Type", &e) != 0 ||
	    request_header(&encoding, &x->request, "Content-Encoding", &e) != 0) {
		listener_error(x, 400, "bad_request", e.msg);
		return -1;
	}
	if (encoding.n > 0 && !str_eq_nocase(encoding, STR("identity"))) {
		listener_error(x, 415, "unsupported_media_type",
			       "an encoded body is not taken (send it without Content-Encoding)");
		return -1;
	}
	if (!takes_type(provider, type)) {
		listener_error(
		    x, 415, "unsupported_media_type",
		    "the content type is not taken (set the webhook to application/json)");
		return -1;
	}
	return 0;
}

static void admit(void *context, struct exchange *x)
{
	(void)context;
	struct str id = str_from(x->path, sizeof prefix - 1);
	const struct conf_repository *repository = conf_repository(x->conf, id);
	const struct provider *provider =
	    repository != NULL ? provider_find(repository->provider) : NULL;
	/* A git server's deliveries come through receiver/local.h alone. */
	if (provider == NULL || provider == &provider_git) {
		listener_error(x, 404, "not_found", "there is no such endpoint");
		return;
	}
	if (!str_eq_cstr(str_of(x->method), "POST")) {
		listener_error(x, 405, "method_not_allowed", "a webhook is sent by POST");
		x->allow = "POST";
		return;
	}
	if (check_type(x, provider) != 0)
		return;
	struct hook *h = arena_alloc(&x->arena, sizeof *h);
	if (h == NULL) {
		unavailable(x, "out of memory");
		return;
	}
	h->x = x;
	h->repository = repository;
	h->provider = provider;
	x->state = h;
}

/* --- the answer --- */

static void answer_taken(struct hook *h)
{
	struct exchange *x = h->x;
	const struct inbox_entry *entry = &h->entry;
	const char *status = delivery_state_name(entry->delivery.state);
	int code = entry->delivery.state == DELIVERY_IGNORED ? 200 : 202;
	if (h->verdict == INTAKE_PING)
		status = "pong";
	if (h->unreadable) {
		status = "unreadable";
		code = 422;
	}
	if (entry->duplicate) {
		status = "duplicate";
		code = 200;
	}
	char id[24];
	struct json_writer w;
	(void)snprintf(id, sizeof id, "%lld", (long long)entry->id);
	jw_init(&w, &x->answer, 0);
	jw_object(&w, NULL);
	jw_text(&w, "delivery", id);
	jw_text(&w, "status", status);
	if (!entry->duplicate && entry->delivery.reason.p != NULL)
		jw_str(&w, "reason", entry->delivery.reason);
	jw_end_object(&w);
	buf_addc(&x->answer, '\n');
	x->status = code;
}

/* In the inbox's thread, once the store has it or has refused it. */
static void written(struct inbox_entry *entry)
{
	struct hook *h = (struct hook *)entry;
	if (entry->failed)
		unavailable(h->x, "the store cannot take the delivery now");
	else
		answer_taken(h);
	listener_resume(h->x);
}

/* --- by the body --- */

/* The provider's id of the delivery, or the body's digest where it has none. -1: answered. */
static int name_delivery(struct hook *h)
{
	struct exchange *x = h->x;
	struct delivery_new *d = &h->entry.delivery;
	struct err e = { .code = ERR_NONE };
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	struct str id = STR_NULL, type = STR_NULL;
	if (request_header(&id, &x->request, h->provider->delivery_header, &e) != 0 ||
	    (h->provider->event_header != NULL &&
	     request_header(&type, &x->request, h->provider->event_header, &e) != 0)) {
		listener_error(x, 400, "bad_request", e.msg);
		return -1;
	}
	if (id.n > EXTERNAL_ID_MAX) {
		listener_error(x, 400, "bad_request", "the delivery's id is too long");
		return -1;
	}
	if (id.n == 0) {
		if (digest_sha256(x->digest, sum, x->request.body, &e) != 0) {
			unavailable(x, e.msg);
			return -1;
		}
		(void)snprintf(h->digest_id, sizeof h->digest_id, "sha256:%s",
			       hex_encode(hex, sum, sizeof sum));
		id = str_of(h->digest_id);
	}
	d->external_id = id;
	d->event_type = type;
	return 0;
}

/* What is kept while the delivery is written is little, and copied out of what its reading took:
 * that memory is still warm in the processor when the next delivery is read. -1: answered. */
static int keep(struct exchange *x, struct str *text)
{
	if (text->p == NULL)
		return 0;
	*text = arena_str(&x->arena, *text);
	if (text->p != NULL)
		return 0;
	unavailable(x, "out of memory");
	return -1;
}

static enum delivery_state state_of(enum intake_verdict verdict)
{
	switch (verdict) {
	case INTAKE_RELEASE:
		return DELIVERY_QUEUED;
	case INTAKE_IGNORE:
	case INTAKE_PING:
		return DELIVERY_IGNORED;
	case INTAKE_REFUSE:
		return DELIVERY_REFUSED;
	}
	return DELIVERY_REFUSED;
}

/* What it says, and so what becomes of it. -1: answered. */
static int read_delivery(struct webhook *w, struct hook *h)
{
	struct exchange *x = h->x;
	struct delivery_new *d = &h->entry.delivery;
	struct err e = { .code = ERR_NONE };
	struct intake in = { .verdict = INTAKE_REFUSE };
	AUTO(arena) struct arena reading;
	arena_init(&reading, READING_MIN + x->request.body.n * READING_PER_BYTE);
	if (intake_read(&in, h->repository, h->provider, &x->request, &reading, &e) != 0) {
		if (e.code == ERR_NOMEM) {
			unavailable(x, "out of memory");
			return -1;
		}
		/* Nothing authentic is lost: who repairs the reader can replay it. */
		h->unreadable = 1;
		in = (struct intake){ .verdict = INTAKE_REFUSE, .reason = str_of(e.msg) };
	}
	h->verdict = in.verdict;
	d->state = state_of(in.verdict);
	d->summary = in.summary;
	d->reason = in.reason;
	if (keep(x, &d->summary) != 0 || keep(x, &d->reason) != 0)
		return -1;
	if (in.verdict == INTAKE_REFUSE)
		log_refusal(w, x, h->repository->id,
			    h->unreadable ? "delivery is unreadable" : "delivery is refused",
			    d->reason.p);
	return 0;
}

/* Whether a header's value is one of the endpoint's secrets, or what stands behind "Name: " in it.
 */
static int is_secret(const struct conf_repository *repository, struct str value)
{
	const struct conf_secret *secrets = repository->secrets.items;
	for (size_t i = 0; value.n > 0 && i < repository->secrets.n; i++) {
		const struct str secret = secret_reveal(secrets[i].value);
		const struct str behind = str_trim(str_from(secret, str_find(secret, ':') + 1));
		if (str_eq(value, secret) || str_eq(value, behind))
			return 1;
	}
	return 0;
}

/* The request with no secret of ours in it, under whatever name it came. */
static int hide_secrets(struct request *out, const struct hook *h, struct err *e)
{
	struct exchange *x = h->x;
	struct header *headers = arena_array(&x->arena, x->request.n_headers, sizeof *headers);
	if (headers == NULL)
		return arena_err(&x->arena, e);
	for (size_t i = 0; i < x->request.n_headers; i++) {
		headers[i] = x->request.headers[i];
		if (is_secret(h->repository, headers[i].value))
			headers[i].value = STR("[removed]");
	}
	*out = x->request;
	out->headers = headers;
	return 0;
}

/* As the store keeps it. -1: answered. */
static int pack_delivery(struct hook *h)
{
	struct request kept;
	struct exchange *x = h->x;
	struct delivery_new *d = &h->entry.delivery;
	struct err e = { .code = ERR_NONE };
	AUTO(buf) struct buf headers;
	AUTO(buf) struct buf packed;
	buf_init(&headers, HEADERS_MAX_BYTES);
	buf_init(&packed, (size_t)x->conf->limits.max_body_bytes + PACKED_SLACK);
	if (hide_secrets(&kept, h, &e) != 0 || delivery_pack_headers(&headers, &kept, &e) != 0 ||
	    pack_compress_with(&packed, x->pack, x->request.body, &e) != 0) {
		unavailable(x, e.msg);
		return -1;
	}
	d->endpoint = h->repository->id;
	d->provider = str_of(h->provider->name);
	d->source = STR("webhook");
	d->received_ms = clock_unix_ms();
	d->headers = buf_str(&headers);
	d->body_packed = buf_str(&packed);
	d->body_bytes = num_clamp_i64(x->request.body.n);
	if (keep(x, &d->headers) != 0 || keep(x, &d->body_packed) != 0)
		return -1;
	listener_drop_body(x);
	return 0;
}

static void hand_over(struct webhook *w, struct hook *h)
{
	struct err e = { .code = ERR_NONE };
	h->entry.done = written;
	/* First suspend: the inbox may be done before we are back. */
	listener_suspend(h->x);
	if (inbox_put(w->inbox, &h->entry, &e) == 0)
		return;
	unavailable(h->x, e.msg);
	listener_resume(h->x);
}

static void respond(void *context, struct exchange *x)
{
	struct webhook *w = context;
	struct hook *h = x->state;
	struct err e = { .code = ERR_NONE };
	if (intake_authenticate(h->repository, h->provider, &x->request, clock_unix_ms() / 1000,
				x->digest, &e) != 0) {
		if (e.code != ERR_AUTH) {
			unavailable(x, e.msg);
			return;
		}
		log_refusal(w, x, h->repository->id, "delivery is not authentic", e.msg);
		listener_error(x, 401, "unauthenticated", e.msg);
		return;
	}
	if (name_delivery(h) != 0 || read_delivery(w, h) != 0 || pack_delivery(h) != 0)
		return;
	hand_over(w, h);
}

struct route webhook_route(struct webhook *webhook)
{
	/* All that a hook has lies in the exchange's arena: there is nothing to end. */
	return (struct route){
		.prefix = prefix, .admit = admit, .respond = respond, .context = webhook
	};
}
