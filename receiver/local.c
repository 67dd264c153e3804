/* SPDX-License-Identifier: Apache-2.0 */
/* What git hooks ask over the daemon's socket: take a push, and tell how far it is. */

#include "receiver/local.h"

#include "base/json_write.h"
#include "base/num.h"
#include "receiver/handin.h"
#include "receiver/progress.h"
#include "release/store.h"

#include <inttypes.h>
#include <stdio.h>

enum { RETRY_AFTER_S = 5 };

static const char hooks_prefix[] = "/hooks/";
static const char deliveries_prefix[] = "/hooks/deliveries/";

static void unavailable(struct exchange *x, const char *why)
{
	listener_error(x, 503, "unavailable", why);
	x->retry_after_s = RETRY_AFTER_S;
}

/* --- handing in --- */

/* One push between `admit` and `end`; in the exchange's arena. */
struct push {
	struct inbox_entry entry; /* first: what the inbox gives back is its push */
	struct exchange *x;
	struct local *local;
	const struct conf_repository *repository;
	struct handin handin;
};

static int body_is_too_large(const struct exchange *x)
{
	struct str length;
	uint64_t n;
	struct err e;
	if (request_header(&length, &x->request, "Content-Length", &e) != 0 || length.p == NULL)
		return 0; /* a chunked one is measured when it is there */
	return num_parse_u64(&n, length, 0, HANDIN_BODY_MAX) != 0;
}

static void admit_push(void *context, struct exchange *x)
{
	struct str type;
	struct err e;
	const struct conf_repository *repository =
	    handin_repository(x->conf, str_from(x->path, sizeof hooks_prefix - 1));
	if (repository == NULL) {
		listener_error(x, 404, "not_found",
			       "the daemon's configuration has no such repository of provider git");
		return;
	}
	if (!str_eq_cstr(str_of(x->method), "POST")) {
		listener_error(x, 405, "method_not_allowed", "a push is handed in by POST");
		x->allow = "POST";
		return;
	}
	if (request_header(&type, &x->request, "Content-Type", &e) != 0 ||
	    !str_eq_nocase(str_trim(str_first(type, str_find(type, ';'))),
			   STR("application/json"))) {
		listener_error(x, 415, "unsupported_media_type", "only application/json is taken");
		return;
	}
	if (body_is_too_large(x)) {
		listener_error(x, 413, "too_large", "the body is larger than a push can be");
		return;
	}
	struct push *p = arena_alloc(&x->arena, sizeof *p);
	if (p == NULL) {
		unavailable(x, "out of memory");
		return;
	}
	p->x = x;
	p->local = context;
	p->repository = repository;
	x->state = p;
}

static void answer_taken(struct push *p)
{
	struct exchange *x = p->x;
	const struct inbox_entry *entry = &p->entry;
	const enum delivery_state state = entry->delivery.state;
	char id[24];
	struct json_writer w;
	(void)snprintf(id, sizeof id, "%" PRId64, entry->id);
	jw_init(&w, &x->answer, 0);
	jw_object(&w, NULL);
	jw_text(&w, "delivery", id);
	jw_text(&w, "status", entry->duplicate ? "duplicate" : delivery_state_name(state));
	if (!entry->duplicate && entry->delivery.reason.p != NULL)
		jw_str(&w, "reason", entry->delivery.reason);
	jw_end_object(&w);
	buf_addc(&x->answer, '\n');
	x->status = entry->duplicate || state == DELIVERY_IGNORED ? 200 : 202;
}

/* In the inbox's thread, once the store has it or has refused it. */
static void written(struct inbox_entry *entry)
{
	struct push *p = (struct push *)entry;
	if (entry->failed) {
		unavailable(p->x, "the store cannot take the delivery now");
	} else {
		log_line(p->local->log, LOG_INFO, "push handed in", LOG_INT("delivery", entry->id),
			 LOG_STR("endpoint", p->repository->id), LOG_TEXT("peer", p->x->peer),
			 LOG_STR("event", entry->delivery.summary));
		answer_taken(p);
	}
	listener_resume(p->x);
}

static void respond_push(void *context, struct exchange *x)
{
	struct local *local = context;
	struct push *p = x->state;
	struct err e = { .code = ERR_NONE };
	if (handin_prepare(&p->handin, p->repository, STR("hook"), HANDIN_BODY_MAX, &x->request,
			   x->digest, x->pack, &x->arena, &e) != 0) {
		if (e.code == ERR_LIMIT)
			listener_error(x, 413, "too_large", e.msg);
		else if (e.code == ERR_INPUT)
			listener_error(x, 422, "unreadable", e.msg);
		else
			unavailable(x, e.msg);
		return;
	}
	p->entry.delivery = p->handin.delivery;
	p->entry.done = written;
	/* First suspend: the inbox may be done before we are back. */
	listener_suspend(x);
	if (inbox_put(local->inbox, &p->entry, &e) == 0)
		return;
	unavailable(x, e.msg);
	listener_resume(x);
}

static void end_push(void *context, struct exchange *x)
{
	(void)context;
	struct push *p = x->state;
	if (p != NULL)
		handin_free(&p->handin);
	x->state = NULL;
}

/* --- how far it is --- */

static void admit_look(void *context, struct exchange *x)
{
	(void)context;
	if (str_eq_cstr(str_of(x->method), "GET"))
		return;
	listener_error(x, 405, "method_not_allowed", "a delivery is asked for by GET");
	x->allow = "GET";
}

/* A session for each look: pushers are few, and a broken one heals by itself. */
static int look(struct progress *out, struct exchange *x, int64_t id, struct err *e)
{
	const struct store_options options = { .create = 0 };
	AUTO(db) struct db *store = NULL;
	if (store_open(&store, x->conf, &options, e) != 0)
		return err_set(e, ERR_UNAVAILABLE, "the store cannot be read now");
	return progress_read(out, store, x->conf, id, &x->arena, e);
}

static void respond_look(void *context, struct exchange *x)
{
	(void)context;
	int64_t id;
	struct progress p;
	struct json_writer w;
	struct err e;
	if (num_parse_i64(&id, str_from(x->path, sizeof deliveries_prefix - 1), 1, INT64_MAX) !=
	    0) {
		listener_error(x, 404, "not_found", "a delivery's id is a number");
		return;
	}
	/* A rollout of many databases is more than the head's memory. */
	x->arena.max += 64U << 20;
	if (look(&p, x, id, &e) != 0) {
		if (e.code == ERR_NOTFOUND)
			listener_error(x, 404, "not_found", e.msg);
		else
			unavailable(x, e.msg);
		return;
	}
	jw_init(&w, &x->answer, 0);
	progress_write(&w, &p);
	buf_addc(&x->answer, '\n');
	x->status = 200;
}

void local_routes(struct route out[LOCAL_ROUTES], struct local *local)
{
	out[0] = (struct route){ .prefix = hooks_prefix,
				 .admit = admit_push,
				 .respond = respond_push,
				 .end = end_push,
				 .context = local };
	out[1] = (struct route){ .prefix = deliveries_prefix,
				 .admit = admit_look,
				 .respond = respond_look,
				 .context = local };
}
