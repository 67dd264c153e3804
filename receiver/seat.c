/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the people who count, and the limit over it. Whether somebody is a person at all was
 * decided before (vcs/author.c).
 */

#include "receiver/seat.h"

#include "base/clock.h"
#include "release/store.h"

#include <inttypes.h>

enum {
	SHOWN_MAX = 64, /* bytes of a name in a message */
};

/* seat_turn has one row, which every claim updates first: on a server the others wait for it. */
static const char schema_1[] = "create table seat ("
			       " provider text not null,"
			       " host text not null,"
			       " user_id text not null,"
			       " other_id text,"
			       " email text,"
			       " login text,"
			       " name text,"
			       " first_seen bigint not null,"
			       " last_seen bigint not null,"
			       " primary key (provider, host, user_id));"
			       "create index seat_last_seen on seat (last_seen);"
			       "create table seat_turn ("
			       " id bigint primary key,"
			       " taken bigint not null);"
			       "insert into seat_turn (id, taken) values (1, 0);";

#define SEAT_COLUMNS "user_id, other_id, email, login, name, first_seen, last_seen"

static const char sql_turn[] = "update seat_turn set taken = taken + 1 where id = 1";
static const char sql_find[] =
    "select " SEAT_COLUMNS " from seat where provider = $1 and host = $2"
    " and (user_id in ($3, $4, $5) or other_id in ($6, $7)) order by last_seen desc";
static const char sql_find_email[] = "select " SEAT_COLUMNS " from seat"
				     " where provider = $1 and host = $2"
				     " and (user_id = $3 or (email = $4 and email <> ''))"
				     " order by last_seen desc limit 1";
static const char sql_count[] = "select count(*) from seat where last_seen >= $1";
static const char sql_oldest[] = "select min(last_seen) from seat where last_seen >= $1";
static const char sql_remove[] =
    "delete from seat where provider = $1 and host = $2 and user_id = $3";
static const char sql_add[] = "insert into seat (provider, host, " SEAT_COLUMNS ")"
			      " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_list[] =
    "select provider, host, user_id, login, name, first_seen, last_seen from seat"
    " where last_seen >= $1 order by last_seen desc, provider, host, user_id";
static const char sql_sweep[] = "delete from seat where last_seen < $1";

int seat_schema(struct db *store, struct err *e)
{
	static const struct store_schema schemas[] = { { "seat", 1, schema_1 } };
	return store_migrate(store, schemas, sizeof schemas / sizeof schemas[0], e);
}

/* --- claiming --- */

/* A row, or what will be one. */
struct row {
	struct str user_id, other_id, email, login, name;
	int64_t first_seen, last_seen;
};

static int read_row(void *element, struct store_reader *r, struct err *e)
{
	struct row *row = element;
	(void)e;
	row->user_id = store_read(r, 0);
	row->other_id = store_read(r, 1);
	row->email = store_read(r, 2);
	row->login = store_read(r, 3);
	row->name = store_read(r, 4);
	row->first_seen = db_int(r->rows, 5);
	row->last_seen = db_int(r->rows, 6);
	return 0;
}

/* The rows that are this person, the one seen last first. */
static int find(struct row **out, size_t *n, struct db *store, const struct seat_claim *c,
		const struct author *a, struct arena *arena, struct err *e)
{
	if (a->by_email)
		return store_list(
		    out, n, sizeof **out, read_row, store, sql_find_email,
		    DB_ARGS(DB_S(c->provider), DB_S(c->host), DB_S(a->id), DB_S(a->email)), arena,
		    e);
	struct str by_email = STR_NULL;
	if (a->email.n > 0) {
		by_email = str_of(arena_printf(arena, "email:%.*s", STR_ARG(a->email)));
		if (by_email.p == NULL)
			return arena_err(arena, e);
	}
	return store_list(out, n, sizeof **out, read_row, store, sql_find,
			  DB_ARGS(DB_S(c->provider), DB_S(c->host), DB_S(a->id), DB_S(a->other_id),
				  DB_S(by_email), DB_S(a->id), DB_S(a->other_id)),
			  arena, e);
}

static struct str shown(struct str s)
{
	struct str part = str_first(s, SHOWN_MAX);
	while (part.n > 0 && !str_is_utf8(part))
		part.n--;
	return part;
}

static int refuse(struct db *store, const struct seat_claim *c, const struct author *a,
		  int64_t active, struct err *e)
{
	char free_at[CLOCK_TEXT];
	int64_t oldest = 0;
	if (store_int(&oldest, store, sql_oldest, DB_ARGS(DB_I(c->now_ms - SEAT_WINDOW_MS)), e) < 0)
		return -1;
	(void)clock_format(free_at, oldest + SEAT_WINDOW_MS);
	const struct str who = shown(a->login.n > 0 ? a->login : a->id);
	const struct str id = shown(a->id);
	return err_set(e, ERR_REFUSED,
		       "the user limit is reached: user_limit is %" PRId64
		       ", active in the last %d days are %" PRId64
		       ", and '%.*s' (%.*s id '%.*s') is not one of them; raise user_limit, or "
		       "wait until a seat is free (the next at"
		       " %s), then run `tidegate replay %" PRId64 "`",
		       c->limit, SEAT_WINDOW_DAYS, active, STR_ARG(who), STR_ARG(c->provider),
		       STR_ARG(id), free_at, c->delivery);
}

static int need_seat(struct db *store, const struct seat_claim *c, const struct author *a,
		     struct err *e)
{
	int64_t active = 0;
	if (c->limit <= 0)
		return 0;
	if (seat_count(&active, store, c->now_ms, e) != 0)
		return -1;
	return active < c->limit ? 0 : refuse(store, c, a, active, e);
}

static struct str either(struct str first, struct str second)
{
	return first.n > 0 ? first : second;
}

/* The id that the person has beside `id`, of all that are known; absent: none. */
static struct str second_id(struct str id, const struct author *a, const struct row *rows, size_t n)
{
	if (a->other_id.n > 0 && !str_eq(a->other_id, id))
		return a->other_id;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].other_id.n > 0 && !str_eq(rows[i].other_id, id))
			return rows[i].other_id;
	}
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(rows[i].user_id, STR("email:")) && !str_eq(rows[i].user_id, id))
			return rows[i].user_id;
	}
	return STR_NULL;
}

/* What the person's one row shall be: what is known now, and else what was known. */
static struct row merged(const struct seat_claim *c, const struct author *a, const struct row *rows,
			 size_t n)
{
	struct row m = { .user_id = a->id,
			 .email = a->email,
			 .login = a->login,
			 .name = a->name,
			 .first_seen = c->seen_ms,
			 .last_seen = c->seen_ms };
	/* An address tells less than the account that it stands for. */
	if (a->by_email && n > 0 && !str_eq(rows[0].user_id, a->id)) {
		m.user_id = rows[0].user_id;
		m.login = m.name = STR_NULL;
	}
	m.other_id = second_id(m.user_id, a, rows, n);
	for (size_t i = 0; i < n; i++) {
		m.email = either(m.email, rows[i].email);
		m.login = either(m.login, rows[i].login);
		m.name = either(m.name, rows[i].name);
		if (rows[i].first_seen < m.first_seen)
			m.first_seen = rows[i].first_seen;
		if (rows[i].last_seen > m.last_seen)
			m.last_seen = rows[i].last_seen;
	}
	return m;
}

static int claim_one(struct db *store, const struct seat_claim *c, const struct author *a,
		     struct arena *arena, struct err *e)
{
	struct row *rows = NULL;
	size_t n = 0;
	if (find(&rows, &n, store, c, a, arena, e) != 0)
		return -1;
	const int active = n > 0 && rows[0].last_seen >= c->now_ms - SEAT_WINDOW_MS;
	if (!active && need_seat(store, c, a, e) != 0)
		return -1;
	const struct row m = merged(c, a, rows, n);
	for (size_t i = 0; i < n; i++) {
		if (db_exec(store, NULL, sql_remove,
			    DB_ARGS(DB_S(c->provider), DB_S(c->host), DB_S(rows[i].user_id)),
			    e) != 0)
			return -1;
	}
	return db_exec(store, NULL, sql_add,
		       DB_ARGS(DB_S(c->provider), DB_S(c->host), DB_S(m.user_id), DB_S(m.other_id),
			       DB_S(m.email), DB_S(m.login), DB_S(m.name), DB_I(m.first_seen),
			       DB_I(m.last_seen)),
		       e);
}

/* A claim and the memory that it may take. */
struct claiming {
	const struct seat_claim *claim;
	struct arena arena;
};

static int claim_all(struct db *store, void *context, struct err *e)
{
	struct claiming *k = context;
	if (db_exec(store, NULL, sql_turn, DB_NO_ARGS, e) != 0)
		return -1;
	for (size_t i = 0; i < k->claim->n; i++) {
		if (claim_one(store, k->claim, &k->claim->people[i], &k->arena, e) != 0)
			return -1;
	}
	return 0;
}

int seat_claim(struct db *store, const struct seat_claim *claim, struct err *e)
{
	struct claiming k = { .claim = claim };
	if (claim->n == 0)
		return 0;
	arena_init(&k.arena, (size_t)64 << 20);
	const int rc = store_within(store, claim_all, &k, e);
	arena_free(&k.arena);
	return rc;
}

/* --- the others --- */

int seat_is_active(const struct seat *s, int64_t now_ms)
{
	return s->last_seen_ms >= now_ms - SEAT_WINDOW_MS;
}

int seat_count(int64_t *out, struct db *store, int64_t now_ms, struct err *e)
{
	return store_int(out, store, sql_count, DB_ARGS(DB_I(now_ms - SEAT_WINDOW_MS)), e) < 0 ? -1
											       : 0;
}

static int read_seat(void *element, struct store_reader *r, struct err *e)
{
	struct seat *s = element;
	(void)e;
	s->provider = store_read(r, 0);
	s->host = store_read(r, 1);
	s->user_id = store_read(r, 2);
	s->login = store_read(r, 3);
	s->name = store_read(r, 4);
	s->first_seen_ms = db_int(r->rows, 5);
	s->last_seen_ms = db_int(r->rows, 6);
	return 0;
}

int seat_list(struct seat **out, size_t *n, struct db *store, int all, int64_t now_ms,
	      struct arena *arena, struct err *e)
{
	const int64_t since = all ? INT64_MIN : now_ms - SEAT_WINDOW_MS;
	return store_list(out, n, sizeof **out, read_seat, store, sql_list, DB_ARGS(DB_I(since)),
			  arena, e);
}

struct sweeping {
	int64_t before;
	int64_t removed;
};

static int sweep(struct db *store, void *context, struct err *e)
{
	struct sweeping *s = context;
	if (db_exec(store, NULL, sql_turn, DB_NO_ARGS, e) != 0)
		return -1;
	return db_exec(store, &s->removed, sql_sweep, DB_ARGS(DB_I(s->before)), e);
}

int seat_sweep(int64_t *removed, struct db *store, int64_t now_ms, struct err *e)
{
	struct sweeping s = { .before = now_ms - SEAT_WINDOW_MS };
	if (store_within(store, sweep, &s, e) != 0)
		return -1;
	*removed = s.removed;
	return 0;
}
