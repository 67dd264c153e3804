/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golang-migrate's schema_migrations: one row with the version that the database is at, and whether
 * its migration broke off. No history is kept, so everything up to it counts as applied. The table
 * is made by ensureVersionTable of each database/.
 */

#include "release/adopt_read.h"

#include <inttypes.h>
#include <stdio.h>

static int read_row(struct adopt_reader *r, const struct db_rows *rows, struct err *e)
{
	char text[24];
	const int64_t version = db_int(rows, 0);
	if (db_int(rows, 1))
		return err_set(e, ERR_REFUSED,
			       "golang-migrate's version %" PRId64
			       " is dirty: its migration broke off; look at the database, run "
			       "`migrate force`, then adopt again",
			       version);
	if (r->history.n > 0)
		return err_set(e, ERR_REFUSED,
			       "golang-migrate's table has more than one row: it is not what "
			       "golang-migrate keeps (dbmate's has many: --from dbmate)");
	if (version < 0) /* NilVersion: everything was taken down */
		return 0;
	(void)snprintf(text, sizeof text, "%" PRId64, version);
	const struct adopt_event event = { .version = str_of(text), .is_mark = 1 };
	return adopt_add(r, &event, e);
}

static int read_golang_migrate(struct adopt_history *out, struct db *target, const char *table,
			       struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	if (adopt_select(&r, target, "version, CASE WHEN dirty THEN 1 ELSE 0 END", table, "",
			 read_row, e) != 0)
		return err_wrap(e, "golang-migrate's columns are 'version' and 'dirty'");
	*out = r.history;
	return 0;
}

const struct adopt_source adopt_golang_migrate = {
	.name = "golang-migrate",
	.tool = "golang-migrate",
	.table = "schema_migrations",
	.read = read_golang_migrate,
};
