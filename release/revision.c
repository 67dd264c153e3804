/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger in the target database: read whole, in version order, and added to within a
 * migration's transaction. The table's name and making are the driver's.
 */

#include "release/revision.h"

#include "release/store.h"
#include "release/version.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_WITH(release, in_flight, probe)                                                    \
	"version, path, sha256, state, " release ", task_run, repository, commit_id, "             \
	"applied_by, applied_ms, duration_ms, statements, statements_done, " in_flight ", " probe
#define COLUMNS COLUMNS_WITH("release_name", "in_flight", "probe")
/* In the shape of version 0.1.0. */
#define COLUMNS_OLD COLUMNS_WITH("release", "0", "null")

enum { SQL_MAX = 1024 };

int revision_is_unfinished(const struct revision *revision)
{
	return str_eq_cstr(revision->state, "started");
}

int revision_prepare(struct db *target, struct err *e)
{
	return db_ledger_make(target, e);
}

static int read_revision(void *element, struct store_reader *r, struct err *e)
{
	struct revision *out = element;
	char canonical[VERSION_TEXT];
	*out = (struct revision){
		.version = store_read(r, 0),
		.path = store_read(r, 1),
		.sha256 = store_read(r, 2),
		.state = store_read(r, 3),
		.release = store_read(r, 4),
		.task_run = store_read(r, 5),
		.repository = store_read(r, 6),
		.commit = store_read(r, 7),
		.applied_by = store_read(r, 8),
		.applied_ms = db_int(r->rows, 9),
		.duration_ms = db_int(r->rows, 10),
		.statements = db_int(r->rows, 11),
		.statements_done = db_int(r->rows, 12),
		.in_flight = db_int(r->rows, 13),
		.probe = store_read(r, 14),
	};
	if (!revision_is_unfinished(out))
		out->statements_done = out->statements;
	if (store_read_check(r, e) != 0)
		return -1;
	/* A row that a person wrote by hand could otherwise hide a version from us. */
	if (version_canonical(canonical, out->version, e) != 0)
		return err_wrap(e, "the ledger has a damaged row");
	if (!str_eq_cstr(out->version, canonical))
		return err_set(e, ERR_INPUT,
			       "the ledger has a damaged row: version '%.*s' must be written '%s'",
			       STR_ARG(out->version), canonical);
	return 0;
}

static int by_version(const void *a, const void *b)
{
	const struct revision *x = a;
	const struct revision *y = b;
	return version_compare(x->version, y->version);
}

static int load(struct revision **out, size_t *n, struct db *target, const char *columns,
		struct arena *arena, struct err *e)
{
	char sql[SQL_MAX];
	struct revision *list;
	size_t count;
	(void)snprintf(sql, sizeof sql, "SELECT %s FROM %s", columns, db_ledger(target));
	if (store_list(&list, &count, sizeof *list, read_revision, target, sql, DB_NO_ARGS, arena,
		       e) != 0)
		return err_wrap(e, "cannot read the ledger");
	qsort(list, count, sizeof *list, by_version);
	*out = list;
	*n = count;
	return 0;
}

int revision_load(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e)
{
	return load(out, n, target, COLUMNS, arena, e);
}

int revision_list(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e)
{
	int there = db_ledger_look(target, e);
	if (there < 0)
		return -1;
	if (there > 0)
		return load(out, n, target, there == 3 ? COLUMNS_OLD : COLUMNS, arena, e);
	struct revision *none = arena_array(arena, 1, sizeof *none);
	if (none == NULL)
		return arena_err(arena, e);
	*out = none;
	*n = 0;
	return 0;
}

int revision_get(struct revision *out, struct db *target, struct str version, struct arena *arena,
		 struct err *e)
{
	char sql[SQL_MAX];
	struct revision *list;
	size_t n;
	(void)snprintf(sql, sizeof sql, "SELECT " COLUMNS " FROM %s WHERE version = $1",
		       db_ledger(target));
	if (store_list(&list, &n, sizeof *list, read_revision, target, sql, DB_ARGS(DB_S(version)),
		       arena, e) != 0)
		return err_wrap(e, "cannot read the ledger");
	if (n == 1)
		*out = list[0];
	return n == 1;
}

int revision_exists(struct db *target, struct str version, struct err *e)
{
	char sql[SQL_MAX];
	int64_t one;
	(void)snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE version = $1", db_ledger(target));
	return store_int(&one, target, sql, DB_ARGS(DB_S(version)), e);
}

int revision_count(size_t *out, struct db *target, struct err *e)
{
	char sql[SQL_MAX];
	int64_t n;
	(void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", db_ledger(target));
	int rc = store_int(&n, target, sql, DB_NO_ARGS, e);
	if (rc == 1)
		*out = (size_t)n;
	return rc < 0 ? -1 : 0;
}

int revision_insert(struct db *target, const struct revision *r, struct err *e)
{
	char sql[SQL_MAX];
	int64_t inserted;
	(void)snprintf(sql, sizeof sql,
		       "INSERT INTO %s(" COLUMNS
		       ") VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
		       db_ledger(target));
	if (db_exec(target, &inserted, sql,
		    DB_ARGS(DB_S(r->version), DB_S(r->path), DB_S(r->sha256), DB_S(r->state),
			    DB_S(r->release), DB_S(r->task_run), DB_S(r->repository),
			    DB_S(r->commit), DB_S(r->applied_by), DB_I(r->applied_ms),
			    DB_I(r->duration_ms), DB_I(r->statements), DB_I(r->statements_done),
			    DB_I(r->in_flight), DB_S(r->probe)),
		    e) != 0)
		return -1;
	/* A script that puts a trigger on every table has put one on the ledger. */
	return inserted == 1
		   ? 0
		   : err_set(e, ERR_REFUSED,
			     "the ledger %s did not take the row: a trigger or a rule is on it",
			     db_ledger(target));
}

int revision_move(struct db *target, const struct revision *before, const struct revision *r,
		  struct err *e)
{
	char sql[SQL_MAX];
	int64_t changed;
	(void)snprintf(sql, sizeof sql,
		       "UPDATE %s SET path = $1, sha256 = $2, state = $3, release_name = $4,"
		       " task_run = $5, repository = $6, commit_id = $7, applied_by = $8,"
		       " applied_ms = $9, duration_ms = $10, statements = $11,"
		       " statements_done = $12, in_flight = $13, probe = $14"
		       " WHERE version = $15 AND state = 'started' AND statements_done = $16"
		       " AND in_flight = $17",
		       db_ledger(target));
	if (db_exec(target, &changed, sql,
		    DB_ARGS(DB_S(r->path), DB_S(r->sha256), DB_S(r->state), DB_S(r->release),
			    DB_S(r->task_run), DB_S(r->repository), DB_S(r->commit),
			    DB_S(r->applied_by), DB_I(r->applied_ms), DB_I(r->duration_ms),
			    DB_I(r->statements), DB_I(r->statements_done), DB_I(r->in_flight),
			    DB_S(r->probe), DB_S(r->version), DB_I(before->statements_done),
			    DB_I(before->in_flight)),
		    e) != 0)
		return -1;
	return changed == 1;
}
