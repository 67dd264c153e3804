/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goose's goose_db_version: a row for each step up (is_applied) or down; the last row of a version
 * decides. Version 0 is the row that goose begins with. The table is made by the createTable of its
 * internal/dialects.
 */

#include "release/adopt_read.h"

static int read_row(struct adopt_reader *r, const struct db_rows *rows, struct err *e)
{
	char version[ADOPT_NUMBER_TEXT];
	const struct adopt_event event = {
		.version = adopt_version(version, rows, 0),
		.applied_ms = adopt_time(db_text(rows, 2)),
		.undone = !db_int(rows, 1),
	};
	if (str_eq_cstr(event.version, "0"))
		return 0;
	if (event.undone && adopt_note(r, event.version, "taken down", e) != 0)
		return -1;
	return adopt_add(r, &event, e);
}

static int read_goose(struct adopt_history *out, struct db *target, const char *table,
		      struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	if (adopt_select(&r, target, "version_id, CASE WHEN is_applied THEN 1 ELSE 0 END, tstamp",
			 table, " ORDER BY id", read_row, e) != 0)
		return -1;
	*out = r.history;
	return 0;
}

const struct adopt_source adopt_goose = {
	.name = "goose",
	.tool = "goose",
	.table = "goose_db_version",
	.read = read_goose,
};
