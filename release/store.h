/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_STORE_H
#define RELEASE_STORE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Our own store: deliveries, releases, plans, rollouts. It is a database behind the same driver
 * interface as the targets; the SQL of each module is written once, in the dialect that the drivers
 * share.
 */

struct store_options {
	int create;                /* make an embedded store that is missing */
	int durable;               /* see db_options */
	void (*enter)(void *gate); /* see db_options; NULL: none */
	void (*leave)(void *gate);
	void *gate;
};

/* Open a session with the configured store and bring its tables up to date. ERR_NOTFOUND: no store
 * yet (start `tidegate serve`); ERR_REFUSED: a newer version of Tidegate made it. */
int store_open(struct db **out, const struct conf *conf, const struct store_options *options,
	       struct err *e) MUST_CHECK;

/* One version of one module's tables. `ddl` is a script in which {identity} and {blob} stand for
 * the driver's column types. */
struct store_schema {
	const char *module; /* "release", "inbox" */
	int version;        /* from 1, counting up */
	const char *ddl;
};

/* Apply each entry that the store does not have yet, in order, in one transaction. */
int store_migrate(struct db *store, const struct store_schema *schemas, size_t n,
		  struct err *e) MUST_CHECK;

/* ---- what the modules that keep something in a store share ---- */

/*
 * Run `work` within a write transaction: the caller's when one is open on `store`, else one of its
 * own, which is committed, or rolled back when `work` fails.
 */
typedef int (*store_work_fn)(struct db *store, void *context, struct err *e);
int store_within(struct db *store, store_work_fn work, void *context, struct err *e) MUST_CHECK;

/*
 * Insert many rows. `into` is "INSERT INTO t(a, b)", `values` has `columns` values for each of the
 * `rows` rows, `tail` ("" or "ON CONFLICT DO NOTHING") ends each statement. Several statements are
 * sent when there are many rows: call it within a transaction.
 */
int store_insert(struct db *store, const char *into, const char *tail,
		 const struct db_value *values, size_t columns, size_t rows,
		 struct err *e) MUST_CHECK;

/* The first column of the first row: 1, or 0 when there is no row, or -1. */
int store_int(int64_t *out, struct db *store, const char *sql, const struct db_value *args,
	      size_t n, struct err *e) MUST_CHECK;

/* Text as every store takes it: bytes that are not UTF-8, and NUL, become '?'. It is `s` itself
 * when nothing is wrong with it; absent stays absent, and is the answer without memory. */
struct str store_text(struct str s, struct arena *arena);

/* The next number of a series within a project, from 1. Whoever else draws from the same series
 * waits until the caller's transaction ends. */
int store_number(int64_t *out, struct db *store, struct str project, const char *series,
		 struct err *e) MUST_CHECK;

/* Let a series go on behind `value` when nobody has drawn from it yet: in a store that lives for
 * one command only, so that its numbers are not those of the one before. */
int store_number_start(struct db *store, struct str project, const char *series, int64_t value,
		       struct err *e) MUST_CHECK;

/* A column of a row, copied to `arena`. A reader that ran out of memory remembers it. */
struct store_reader {
	const struct db_rows *rows;
	struct arena *arena;
	int failed;
};
struct str store_read(struct store_reader *r, int column);
/* -1 with the reason when a store_read failed. */
int store_read_check(const struct store_reader *r, struct err *e) MUST_CHECK;

/*
 * All rows of a query, read one by one into an array of `size` bytes each, which grows in `arena`.
 * `read` fills one element.
 */
typedef int (*store_read_fn)(void *element, struct store_reader *r, struct err *e);
int store_list(void *out, size_t *n, size_t size, store_read_fn read, struct db *store,
	       const char *sql, const struct db_value *args, size_t n_args, struct arena *arena,
	       struct err *e) MUST_CHECK;

#endif
