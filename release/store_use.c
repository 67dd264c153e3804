/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules that keep something in a store share: a transaction that may be the caller's,
 * inserts of many rows, numbers, and copying rows to an arena.
 */

#include "base/buf.h"
#include "release/store.h"

#include <assert.h>
#include <string.h>

/* clang-format off */
static const char sql_number[] =
	"INSERT INTO counter(project, series, value) VALUES($1, $2, 1)"
	" ON CONFLICT(project, series) DO UPDATE SET value = counter.value + 1 RETURNING value";
static const char sql_number_start[] =
	"INSERT INTO counter(project, series, value) VALUES($1, $2, $3)"
	" ON CONFLICT(project, series) DO NOTHING";
/* clang-format on */

enum { INSERT_TEXT_MAX = 8192, LIST_FIRST = 16 };

int store_within(struct db *store, store_work_fn work, void *context, struct err *e)
{
	if (store->in_transaction)
		return work(store, context, e);
	if (db_begin(store, e) != 0)
		return -1;
	if (work(store, context, e) != 0) {
		db_rollback(store);
		return -1;
	}
	return db_commit(store, e);
}

/* "INTO VALUES($1,$2),($3,$4) TAIL" */
static int insert_text(struct buf *sql, const char *into, const char *tail, size_t columns,
		       size_t rows, struct err *e)
{
	buf_addf(sql, "%s VALUES", into);
	for (size_t i = 0; i < rows * columns; i++) {
		if (i % columns == 0)
			buf_adds(sql, i == 0 ? "(" : "),(");
		else
			buf_addc(sql, ',');
		buf_addf(sql, "$%zu", i + 1);
	}
	buf_addf(sql, ") %s", tail);
	return buf_check(sql, e);
}

int store_insert(struct db *store, const char *into, const char *tail,
		 const struct db_value *values, size_t columns, size_t rows, struct err *e)
{
	AUTO(buf) struct buf sql;
	buf_init(&sql, INSERT_TEXT_MAX);
	assert(columns > 0 && columns <= DB_PARAMS_MAX);
	const size_t most = DB_PARAMS_MAX / columns;
	size_t prepared = 0;
	for (size_t done = 0; done < rows;) {
		size_t now = rows - done < most ? rows - done : most;
		if (now != prepared) {
			buf_clear(&sql);
			if (insert_text(&sql, into, tail, columns, now, e) != 0)
				return -1;
			prepared = now;
		}
		if (db_exec(store, NULL, sql.p, values + done * columns, now * columns, e) != 0)
			return -1;
		done += now;
	}
	return 0;
}

int store_int(int64_t *out, struct db *store, const char *sql, const struct db_value *args,
	      size_t n, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql, args, n, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc == 1)
		*out = db_int(rows, 0);
	return rc;
}

int store_number(int64_t *out, struct db *store, struct str project, const char *series,
		 struct err *e)
{
	int rc = store_int(out, store, sql_number, DB_ARGS(DB_S(project), DB_S(str_of(series))), e);
	if (rc == 0)
		return err_set(e, ERR_DB, "the store gave no number for '%s'", series);
	return rc < 0 ? -1 : 0;
}

int store_number_start(struct db *store, struct str project, const char *series, int64_t value,
		       struct err *e)
{
	return db_exec(store, NULL, sql_number_start,
		       DB_ARGS(DB_S(project), DB_S(str_of(series)), DB_I(value)), e);
}

struct str store_text(struct str s, struct arena *arena)
{
	if (s.n == 0 || (str_is_utf8(s) && memchr(s.p, '\0', s.n) == NULL))
		return s;
	char *p = arena_alloc(arena, s.n);
	if (p == NULL)
		return STR_NULL;
	for (size_t i = 0; i < s.n;) {
		size_t n = str_utf8_len(str_from(s, i));
		if (n == 0 || s.p[i] == '\0') {
			p[i++] = '?';
			continue;
		}
		memcpy(p + i, s.p + i, n);
		i += n;
	}
	return (struct str){ p, s.n };
}

struct str store_read(struct store_reader *r, int column)
{
	struct str lent = db_text(r->rows, column);
	struct str copy = arena_str(r->arena, lent);
	if (lent.p != NULL && copy.p == NULL)
		r->failed = 1;
	return copy;
}

int store_read_check(const struct store_reader *r, struct err *e)
{
	return r->failed ? arena_err(r->arena, e) : 0;
}

/* An array of twice the room with what is in `old`. */
static char *grow(const char *old, size_t n, size_t *room, size_t size, struct arena *arena)
{
	size_t more = *room > 0 ? *room * 2 : LIST_FIRST;
	char *p = arena_array(arena, more, size);
	if (p == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, old, n * size);
	*room = more;
	return p;
}

int store_list(void *out, size_t *n, size_t size, store_read_fn read, struct db *store,
	       const char *sql, const struct db_value *args, size_t n_args, struct arena *arena,
	       struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	size_t count = 0;
	size_t room = 0;
	int rc;
	char *list = grow(NULL, 0, &room, size, arena);
	if (list == NULL)
		return arena_err(arena, e);
	if (db_query(&rows, store, sql, args, n_args, e) != 0)
		return -1;
	struct store_reader r = { .rows = rows, .arena = arena };
	while ((rc = db_next(rows, e)) == 1) {
		if (count == room)
			list = grow(list, count, &room, size, arena);
		if (list == NULL)
			return arena_err(arena, e);
		if (read(list + count * size, &r, e) != 0 || store_read_check(&r, e) != 0)
			return -1;
		count++;
	}
	if (rc != 0)
		return -1;
	memcpy(out, &list, sizeof list);
	*n = count;
	return 0;
}
