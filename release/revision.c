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

#define COLUMNS                                                                                    \
	"version, path, sha256, state, release_name, task_run, repository, commit_id, "            \
	"applied_by, "                                                                             \
	"applied_ms, duration_ms, statements"

enum { SQL_MAX = 512 };

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
	};
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

int revision_load(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e)
{
	char sql[SQL_MAX];
	struct revision *list;
	size_t count;
	(void)snprintf(sql, sizeof sql, "SELECT " COLUMNS " FROM %s", db_ledger(target));
	if (store_list(&list, &count, sizeof *list, read_revision, target, sql, DB_NO_ARGS, arena,
		       e) != 0)
		return err_wrap(e, "cannot read the ledger");
	qsort(list, count, sizeof *list, by_version);
	*out = list;
	*n = count;
	return 0;
}

int revision_list(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e)
{
	int there = db_ledger_look(target, e);
	if (there < 0)
		return -1;
	if (there == 1)
		return revision_load(out, n, target, arena, e);
	struct revision *none = arena_array(arena, 1, sizeof *none);
	if (none == NULL)
		return arena_err(arena, e);
	*out = none;
	*n = 0;
	return 0;
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
	(void)snprintf(sql, sizeof sql,
		       "INSERT INTO %s(" COLUMNS
		       ") VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		       db_ledger(target));
	return db_exec(target, NULL, sql,
		       DB_ARGS(DB_S(r->version), DB_S(r->path), DB_S(r->sha256), DB_S(r->state),
			       DB_S(r->release), DB_S(r->task_run), DB_S(r->repository),
			       DB_S(r->commit), DB_S(r->applied_by), DB_I(r->applied_ms),
			       DB_I(r->duration_ms), DB_I(r->statements)),
		       e);
}
