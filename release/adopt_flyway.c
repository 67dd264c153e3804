/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flyway's flyway_schema_history: a row for each run, by installed_rank. A version's last row
 * decides: undone, deleted by repair, or there. Repeatable scripts have no version. The table is
 * made by org.flywaydb.core's createMetaDataTable.sql of each database.
 */

#include "release/adopt_read.h"

#include <string.h>

enum { VERSION_MAX = 50 }; /* varchar(50) */

static int has_word(struct str type, const char *word)
{
	const size_t n = strlen(word);
	for (size_t i = 0; i + n <= type.n; i++) {
		if (memcmp(type.p + i, word, n) == 0)
			return 1;
	}
	return 0;
}

/* "1_1" is "1.1" for Flyway. */
static struct str dotted(char out[VERSION_MAX + 1], struct str version)
{
	size_t n = version.n < VERSION_MAX ? version.n : VERSION_MAX;
	for (size_t i = 0; i < n; i++)
		out[i] = version.p[i] == '_' ? '.' : version.p[i];
	out[n] = '\0';
	return (struct str){ out, n };
}

static int read_row(struct adopt_reader *r, const struct db_rows *rows, struct err *e)
{
	char version[VERSION_MAX + 1];
	const struct str type = db_text(rows, 1);
	const struct str script = db_text(rows, 2);
	if (!db_int(rows, 4))
		return err_set(e, ERR_REFUSED,
			       "Flyway's '%.*s' failed and was not repaired: look at the database, "
			       "run `flyway repair`, then adopt again",
			       STR_ARG(str_first(script, 200)));
	if (str_eq_cstr(type, "SCHEMA"))
		return adopt_note(r, script, "made a schema: no version", e);
	if (db_is_null(rows, 0))
		return adopt_note(r, script,
				  "repeatable: there is no such thing here; what it makes belongs "
				  "into a versioned migration",
				  e);
	const struct adopt_event event = {
		.version = dotted(version, db_text(rows, 0)),
		.label = script,
		.applied_ms = adopt_time(db_text(rows, 3)),
		.undone = str_starts(type, STR("UNDO")) || str_eq_cstr(type, "DELETE"),
		.is_mark = has_word(type, "BASELINE"),
	};
	if (event.undone && adopt_note(r, script, "undone, or deleted by repair", e) != 0)
		return -1;
	return adopt_add(r, &event, e);
}

static int read_flyway(struct adopt_history *out, struct db *target, const char *table,
		       struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	if (adopt_select(&r, target,
			 "version, type, script, installed_on,"
			 " CASE WHEN success THEN 1 ELSE 0 END",
			 table, " ORDER BY installed_rank", read_row, e) != 0)
		return -1;
	*out = r.history;
	return 0;
}

const struct adopt_source adopt_flyway = {
	.name = "flyway",
	.tool = "Flyway",
	.table = "flyway_schema_history",
	.read = read_flyway,
};
