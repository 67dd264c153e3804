/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbmate's schema_migrations: a row for each version that is applied; taking one down deletes its
 * row. The table is made by CreateMigrationsTable of each pkg/driver.
 */

#include "release/adopt_read.h"

static int read_row(struct adopt_reader *r, const struct db_rows *rows, struct err *e)
{
	char version[ADOPT_NUMBER_TEXT];
	const struct adopt_event event = { .version = adopt_version(version, rows, 0) };
	return adopt_add(r, &event, e);
}

static int ignore_row(struct adopt_reader *r, const struct db_rows *rows, struct err *e)
{
	(void)r, (void)rows, (void)e;
	return 0;
}

/* golang-migrate's table has the same name, and one row that stands for many. */
static int refuse_dirty(struct db *target, const char *table, struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	struct err none = { .code = ERR_NONE };
	if (adopt_select(&r, target, "dirty", table, "", ignore_row, &none) == 0)
		return err_set(e, ERR_REFUSED,
			       "the table has a column 'dirty': it is golang-migrate's (--from "
			       "golang-migrate)");
	if (none.code == ERR_DB)
		return 0;
	if (e != NULL)
		*e = none;
	return -1;
}

static int read_dbmate(struct adopt_history *out, struct db *target, const char *table,
		       struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	if (refuse_dirty(target, table, arena, e) != 0 ||
	    adopt_select(&r, target, "version", table, " ORDER BY version", read_row, e) != 0)
		return -1;
	*out = r.history;
	return 0;
}

const struct adopt_source adopt_dbmate = {
	.name = "dbmate",
	.tool = "dbmate",
	.table = "schema_migrations",
	.read = read_dbmate,
};
