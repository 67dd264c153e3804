/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries in the store: the rows, the claim with its lease, and what became of each. The small
 * row that changes is parted from the request that never does, so that a state costs no copy of a
 * body.
 */

#include "receiver/delivery.h"

#include "base/digest.h"
#include "base/num.h"
#include "base/pack.h"
#include "release/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 1 << 30, HEADERS_TEXT_MAX = 256 * 1024 };

static const char schema_1[] =
    "create table delivery ("
    " id {identity},"
    " endpoint text not null,"
    " external_id text not null,"
    " provider text not null,"
    " event_type text,"
    " summary text,"
    " source text not null,"
    " origin bigint not null default 0,"
    " state text not null,"
    " reason text,"
    " release_name text,"
    " rollout_name text,"
    " attempts bigint not null default 0,"
    " received_at bigint not null,"
    " updated_at bigint not null,"
    " not_before bigint not null default 0,"
    " owner text,"
    " lease_until bigint not null default 0,"
    " body_bytes bigint not null,"
    " unique (endpoint, external_id));"
    "create table delivery_request ("
    " delivery bigint primary key,"
    " headers text not null,"
    " body {blob} not null);"
    "create index delivery_queued on delivery (id) where state = 'queued';"
    "create unique index delivery_processing on delivery (endpoint) where state = 'processing';"
    "create table git_blob ("
    " endpoint text not null,"
    " oid text not null,"
    " sha256 text not null,"
    " size bigint not null,"
    " primary key (endpoint, oid));";

#define DELIVERY_COLUMNS                                                                           \
	"id, endpoint, provider, external_id, event_type, summary, source, origin, state, reason," \
	" release_name, rollout_name, attempts, received_at, updated_at, not_before, body_bytes"

static const char sql_insert[] =
    "insert into delivery (endpoint, external_id, provider, event_type, summary, source, state,"
    " reason, received_at, updated_at, body_bytes)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    " on conflict (endpoint, external_id) do nothing returning id";
static const char sql_insert_request[] =
    "insert into delivery_request (delivery, headers, body) values ($1, $2, $3)";
static const char sql_find[] = "select id from delivery where endpoint = $1 and external_id = $2";
static const char sql_get[] = "select " DELIVERY_COLUMNS " from delivery where id = $1";
static const char sql_request[] =
    "select r.headers, r.body, d.body_bytes from delivery d join delivery_request r"
    " on r.delivery = case when d.origin > 0 then d.origin else d.id end where d.id = $1";
static const char sql_list[] =
    "select " DELIVERY_COLUMNS " from delivery"
    " where ($1 = '' or endpoint = $2) and ($3 = '' or state = $4) and received_at >= $5"
    " order by id desc limit $6";
static const char sql_replay[] =
    "insert into delivery (endpoint, external_id, provider, event_type, summary, source, origin,"
    " state, received_at, updated_at, body_bytes)"
    " select case when $1 = '' then endpoint else $2 end, $3, provider, event_type, summary,"
    " 'replay', case when origin > 0 then origin else id end, 'queued', $4, $5, body_bytes"
    " from delivery where id = $6 returning id";
static const char sql_next[] =
    "select id from delivery d where state = 'queued' and not_before <= $1"
    " and not exists (select 1 from delivery p where p.state = 'processing'"
    " and p.endpoint = d.endpoint) order by id limit 1";
static const char sql_due[] = "select min(not_before) from delivery where state = 'queued'";
static const char sql_claim[] =
    "update delivery set state = 'processing', owner = $1, lease_until = $2,"
    " attempts = attempts + 1, updated_at = $3 where id = $4 and state = 'queued'";
static const char sql_finish[] =
    "update delivery set state = $1, reason = $2, release_name = coalesce($3, release_name),"
    " rollout_name = coalesce($4, rollout_name), not_before = $5, updated_at = $6, owner = null,"
    " lease_until = 0 where id = $7 and state = 'processing' and owner = $8";
static const char sql_renew[] =
    "update delivery set lease_until = $1 where id = $2 and state = 'processing' and owner = $3";
static const char sql_take_back[] =
    "update delivery set state = 'queued', owner = null, lease_until = 0, not_before = 0"
    " where state = 'processing' and lease_until < $1";
static const char sql_blobs[] = "select oid, sha256, size from git_blob where endpoint = $1";
static const char sql_blob_add[] =
    "insert into git_blob (endpoint, oid, sha256, size) values ($1, $2, $3, $4)"
    " on conflict (endpoint, oid) do nothing";

static const char *const state_names[] = {
	[DELIVERY_QUEUED] = "queued",     [DELIVERY_PROCESSING] = "processing",
	[DELIVERY_RELEASED] = "released", [DELIVERY_IGNORED] = "ignored",
	[DELIVERY_REFUSED] = "refused",   [DELIVERY_FAILED] = "failed",
};
enum { STATES = sizeof state_names / sizeof state_names[0] };

const char *delivery_state_name(enum delivery_state s)
{
	return state_names[s];
}

int delivery_state_parse(enum delivery_state *out, struct str name, struct err *e)
{
	for (size_t i = 0; i < STATES; i++) {
		if (str_eq_cstr(name, state_names[i])) {
			*out = (enum delivery_state)i;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT,
		       "unknown state '%.*s' (one of: queued, processing, released, ignored,"
		       " refused, failed)",
		       STR_ARG(name));
}

int delivery_schema(struct db *store, struct err *e)
{
	static const struct store_schema schemas[] = { { "inbox", 1, schema_1 } };
	return store_migrate(store, schemas, sizeof schemas / sizeof schemas[0], e);
}

static int carries_credential(struct str name)
{
	static const char *const names[] = { "authorization", "proxy-authorization", "cookie",
					     "x-gitlab-token" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (str_eq_nocase(name, str_of(names[i])))
			return 1;
	}
	static const char *const endings[] = { "-token", "-secret", "-password", "-api-key" };
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		struct str ending = str_of(endings[i]);
		if (name.n > ending.n && str_eq_nocase(str_from(name, name.n - ending.n), ending))
			return 1;
	}
	return 0;
}

int delivery_pack_headers(struct buf *out, const struct request *request, struct err *e)
{
	for (size_t i = 0; i < request->n_headers; i++) {
		const struct header *h = &request->headers[i];
		/* A line end inside would make two headers of one. */
		if (str_has_control(h->name) ||
		    (h->value.n > 0 && str_find(h->value, '\n') < h->value.n))
			return err_set(e, ERR_INPUT, "a header holds a control character");
		buf_add(out, h->name);
		buf_adds(out, ": ");
		buf_add(out, carries_credential(h->name) ? STR("[removed]") : h->value);
		buf_addc(out, '\n');
	}
	return buf_check(out, e);
}

/* The id that a one-column query gives; 1, 0 when it gives no row, or -1. */
static int query_id(int64_t *id, struct db *store, const char *sql, const struct db_value *args,
		    size_t n, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql, args, n, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc == 1)
		*id = db_int(rows, 0);
	return rc;
}

int delivery_insert(int64_t *id, int *duplicate, struct db *store, const struct delivery_new *d,
		    struct err *e)
{
	int64_t row = 0;
	int rc = query_id(&row, store, sql_insert,
			  DB_ARGS(DB_S(d->endpoint), DB_S(d->external_id), DB_S(d->provider),
				  DB_S(d->event_type), DB_S(d->summary), DB_S(d->source),
				  DB_S(str_of(delivery_state_name(d->state))), DB_S(d->reason),
				  DB_I(d->received_ms), DB_I(d->received_ms), DB_I(d->body_bytes)),
			  e);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		if (db_exec(store, NULL, sql_insert_request,
			    DB_ARGS(DB_I(row), DB_S(d->headers), DB_B(d->body_packed)), e) != 0)
			return -1;
		*id = row;
		*duplicate = 0;
		return 0;
	}
	rc = query_id(&row, store, sql_find, DB_ARGS(DB_S(d->endpoint), DB_S(d->external_id)), e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_DB, "the delivery was neither written nor found");
	*id = row;
	*duplicate = 1;
	return 0;
}

/* A column's text, kept in `arena`. */
static struct str keep(struct arena *arena, const struct db_rows *rows, int column)
{
	return arena_str(arena, db_text(rows, column));
}

static int read_row(struct delivery *out, const struct db_rows *rows, struct arena *arena,
		    struct err *e)
{
	struct delivery d = {
		.id = db_int(rows, 0),
		.endpoint = keep(arena, rows, 1),
		.provider = keep(arena, rows, 2),
		.external_id = keep(arena, rows, 3),
		.event_type = keep(arena, rows, 4),
		.summary = keep(arena, rows, 5),
		.source = keep(arena, rows, 6),
		.origin = db_int(rows, 7),
		.reason = keep(arena, rows, 9),
		.release = keep(arena, rows, 10),
		.rollout = keep(arena, rows, 11),
		.attempts = db_int(rows, 12),
		.received_ms = db_int(rows, 13),
		.updated_ms = db_int(rows, 14),
		.not_before_ms = db_int(rows, 15),
		.body_bytes = db_int(rows, 16),
	};
	if (delivery_state_parse(&d.state, db_text(rows, 8), e) != 0)
		return err_wrap(e, "delivery %" PRId64 " in the store", d.id);
	if (d.endpoint.p == NULL || d.provider.p == NULL || d.external_id.p == NULL)
		return arena_err(arena, e);
	*out = d;
	return 0;
}

int delivery_get(struct delivery *out, struct db *store, int64_t id, struct arena *arena,
		 struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_get, DB_ARGS(DB_I(id)), e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND, "there is no delivery '%" PRId64 "'", id);
	return read_row(out, rows, arena, e);
}

/* "Name: value" lines into headers. */
static int read_headers(struct request *out, struct str text, struct arena *arena, struct err *e)
{
	struct header *headers = arena_array(arena, REQUEST_HEADERS_MAX, sizeof *headers);
	if (headers == NULL)
		return arena_err(arena, e);
	size_t n = 0;
	struct str line, rest = text;
	while (str_split(&line, &rest, '\n')) {
		size_t colon = str_find(line, ':');
		if (colon == line.n || n == REQUEST_HEADERS_MAX)
			continue;
		headers[n].name = str_first(line, colon);
		headers[n].value = str_trim(str_from(line, colon + 1));
		n++;
	}
	out->headers = headers;
	out->n_headers = n;
	return 0;
}

int delivery_request(struct request *out, struct db *store, int64_t id, struct arena *arena,
		     struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_request, DB_ARGS(DB_I(id)), e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND, "there is no delivery '%" PRId64 "'", id);

	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX);
	if (pack_expand(&body, db_blob(rows, 1), BODY_MAX, e) != 0)
		return err_wrap(e, "body of delivery %" PRId64, id);
	struct request r = { .body = arena_str(arena, buf_str(&body)) };
	struct str headers = keep(arena, rows, 0);
	if (r.body.p == NULL || headers.p == NULL)
		return arena_err(arena, e);
	if (read_headers(&r, headers, arena, e) != 0)
		return -1;
	*out = r;
	return 0;
}

int delivery_list(struct delivery **out, size_t *n, struct db *store,
		  const struct delivery_filter *filter, struct arena *arena, struct err *e)
{
	struct str endpoint = filter->endpoint.p != NULL ? filter->endpoint : STR("");
	struct str state = filter->by_state ? str_of(delivery_state_name(filter->state)) : STR("");
	struct delivery *list = arena_array(arena, filter->limit, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_list,
		     DB_ARGS(DB_S(endpoint), DB_S(endpoint), DB_S(state), DB_S(state),
			     DB_I(filter->since_ms), DB_I(filter->limit)),
		     e) != 0)
		return -1;
	size_t count = 0;
	int rc;
	while ((rc = db_next(rows, e)) == 1 && count < filter->limit) {
		if (read_row(&list[count], rows, arena, e) != 0)
			return -1;
		count++;
	}
	if (rc < 0)
		return -1;
	*out = list;
	*n = count;
	return 0;
}

struct replay {
	int64_t id;
	struct str endpoint;
	struct str external_id;
	int64_t now_ms;
	int64_t row;
};

static int replay(struct db *store, void *context, struct err *e)
{
	struct replay *r = context;
	int rc = query_id(&r->row, store, sql_replay,
			  DB_ARGS(DB_S(r->endpoint), DB_S(r->endpoint), DB_S(r->external_id),
				  DB_I(r->now_ms), DB_I(r->now_ms), DB_I(r->id)),
			  e);
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND, "there is no delivery '%" PRId64 "'", r->id);
	return rc < 0 ? -1 : 0;
}

int delivery_replay(int64_t *out, struct db *store, int64_t id, struct str endpoint, int64_t now_ms,
		    struct err *e)
{
	unsigned char random[8];
	char hex[2 * sizeof random + 1];
	char external_id[64];
	if (digest_random(random, sizeof random, e) != 0)
		return -1;
	(void)snprintf(external_id, sizeof external_id, "replay:%" PRId64 ":%s", id,
		       hex_encode(hex, random, sizeof random));
	struct replay r = { .id = id,
			    .endpoint = endpoint.p != NULL ? endpoint : STR(""),
			    .external_id = str_of(external_id),
			    .now_ms = now_ms };
	if (store_within(store, replay, &r, e) != 0)
		return -1;
	*out = r.row;
	return 0;
}

/* When the next queued delivery becomes due: its time, or 0. */
static int next_due(int64_t *next_ms, struct db *store, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_due, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	*next_ms = rc == 1 ? db_int(rows, 0) : 0;
	return rc < 0 ? -1 : 0;
}

/* Take `id` in a transaction of its own: 1, or 0 when somebody else was first. */
static int take(struct db *store, int64_t id, struct str owner, int64_t now_ms, int64_t lease_ms,
		struct err *e)
{
	if (db_begin(store, e) != 0)
		return -1;
	int64_t changed = 0;
	struct err why;
	if (db_exec(store, &changed, sql_claim,
		    DB_ARGS(DB_S(owner), DB_I(now_ms + lease_ms), DB_I(now_ms), DB_I(id)),
		    &why) != 0) {
		db_rollback(store);
		/* Another worker took a delivery of the same endpoint. */
		if (why.code == ERR_EXISTS)
			return 0;
		*e = why;
		return -1;
	}
	if (db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	return changed == 1;
}

int delivery_claim(struct delivery *out, int64_t *next_ms, struct db *store, struct str owner,
		   int64_t now_ms, int64_t lease_ms, struct arena *arena, struct err *e)
{
	/* Looking needs no lock; only a find is worth a transaction. */
	int64_t id = 0;
	int rc = query_id(&id, store, sql_next, DB_ARGS(DB_I(now_ms)), e);
	if (rc == 1)
		rc = take(store, id, owner, now_ms, lease_ms, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return next_due(next_ms, store, e);
	return delivery_get(out, store, id, arena, e) == 0 ? 1 : -1;
}

/* One statement in a transaction of its own; ERR_REFUSED when it changed no row. */
static int change_leased(struct db *store, int64_t id, const char *sql, const struct db_value *args,
			 size_t n, struct err *e)
{
	int64_t changed = 0;
	if (db_begin(store, e) != 0)
		return -1;
	if (db_exec(store, &changed, sql, args, n, e) != 0 || db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	if (changed != 1)
		return err_set(e, ERR_REFUSED,
			       "delivery %" PRId64 " is no longer this worker's: its lease ended",
			       id);
	return 0;
}

int delivery_finish(struct db *store, const struct delivery *d, struct str owner,
		    const struct delivery_outcome *outcome, int64_t now_ms, struct err *e)
{
	return change_leased(store, d->id, sql_finish,
			     DB_ARGS(DB_S(str_of(delivery_state_name(outcome->state))),
				     DB_S(outcome->reason), DB_S(outcome->release),
				     DB_S(outcome->rollout), DB_I(outcome->not_before_ms),
				     DB_I(now_ms), DB_I(d->id), DB_S(owner)),
			     e);
}

int delivery_renew(struct db *store, const struct delivery *d, struct str owner,
		   int64_t lease_until_ms, struct err *e)
{
	return change_leased(store, d->id, sql_renew,
			     DB_ARGS(DB_I(lease_until_ms), DB_I(d->id), DB_S(owner)), e);
}

int delivery_take_back(size_t *n, struct db *store, int64_t now_ms, struct err *e)
{
	int64_t changed = 0;
	if (db_begin(store, e) != 0)
		return -1;
	if (db_exec(store, &changed, sql_take_back, DB_ARGS(DB_I(now_ms)), e) != 0 ||
	    db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	*n = (size_t)changed;
	return 0;
}

int delivery_blobs_load(struct db *store, struct str endpoint, delivery_blob_fn each, void *context,
			struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_blobs, DB_ARGS(DB_S(endpoint)), e) != 0)
		return -1;
	int rc;
	while ((rc = db_next(rows, e)) == 1) {
		unsigned char oid[20];
		unsigned char sha256[SHA256_BYTES];
		if (hex_decode(oid, sizeof oid, db_text(rows, 0), e) != 0 ||
		    hex_decode(sha256, sizeof sha256, db_text(rows, 1), e) != 0)
			return err_wrap(e, "blob index of '%.*s'", STR_ARG(endpoint));
		if (each(context, oid, sha256, (size_t)db_int(rows, 2), e) != 0)
			return -1;
	}
	return rc;
}

int delivery_blob_add(struct db *store, struct str endpoint, const unsigned char oid[20],
		      const unsigned char sha256[32], size_t size, struct err *e)
{
	char oid_hex[41];
	char sha_hex[SHA256_HEX];
	return db_exec(store, NULL, sql_blob_add,
		       DB_ARGS(DB_S(endpoint), DB_S(str_of(hex_encode(oid_hex, oid, 20))),
			       DB_S(str_of(hex_encode(sha_hex, sha256, SHA256_BYTES))), DB_I(size)),
		       e);
}
