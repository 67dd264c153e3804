/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ADOPT_H
#define RELEASE_ADOPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "release/baseline.h"
#include "release/manifest.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The history that another tool kept of a database: read from its own table (or, Bytebase's, from
 * what its server says), and made into rows of our ledger. Nothing of the other tool is changed.
 */

/* What the other tool says of one version, in the order in which it said so. */
struct adopt_event {
	struct str version; /* as the tool writes it, or canonical */
	struct str label;   /* the tool's name of it: a script; or absent */
	struct str sha256;  /* of the content, where the tool knows it; or absent */
	int64_t applied_ms; /* 0: not known */
	int undone;         /* it was taken back */
	int is_mark;        /* all versions up to this one are there */
};

/* What was seen and is not taken over, and what a person should know. */
struct adopt_note {
	struct str what;
	struct str why;
};

struct adopt_history {
	struct adopt_event *events;
	size_t n;
	struct adopt_note *notes;
	size_t n_notes;
};

/* A tool. Each is one file, adopt_*.c. */
struct adopt_source {
	const char *name;  /* "flyway": what --from takes */
	const char *tool;  /* "Flyway" */
	const char *table; /* its default name; NULL: it keeps none in the database */
	/* Read `table` (as SQL). ERR_REFUSED when the history is not whole: a failed or dirty
	 * migration. NULL when there is no table. */
	int (*read)(struct adopt_history *out, struct db *target, const char *table,
		    struct arena *arena, struct err *e);
};

extern const struct adopt_source adopt_flyway;
extern const struct adopt_source adopt_goose;
extern const struct adopt_source adopt_golang_migrate;
extern const struct adopt_source adopt_dbmate;
extern const struct adopt_source adopt_bytebase;

/* By the name; NULL when there is none. All of them, NULL-ended. */
const struct adopt_source *adopt_find(struct str name);
const struct adopt_source *const *adopt_sources(void);

/*
 * Read a tool's table in `target`, which nothing else uses meanwhile. `table` is a name or
 * SCHEMA.NAME of [A-Za-z0-9_]; absent: the tool's own, wherever it is. ERR_NOTFOUND: there is none;
 * ERR_INPUT: it is in several schemas, or holds what is no version.
 */
int adopt_read(struct adopt_history *out, const struct adopt_source *source, struct db *target,
	       struct str table, struct arena *arena, struct err *e) MUST_CHECK;

/*
 * Bytebase's revisions of one database, as CSV with a header line (the column `version`, and
 * optional `file`, `sheet_sha256`, `create_time`, `type`, `delete_time`), or as the JSON of
 * ListRevisions; of JSON `*next_page` is the token of the next page, or absent. ERR_INPUT with the
 * line for what is malformed.
 */
int adopt_bytebase_csv(struct adopt_history *out, struct str text, struct arena *arena,
		       struct err *e) MUST_CHECK;
int adopt_bytebase_json(struct adopt_history *out, struct str *next_page, struct str text,
			struct arena *arena, struct err *e) MUST_CHECK;

/*
 * The items that a history comes to: the last event of a version decides; a file of that version
 * (`files` may be NULL) gives path and content; a mark becomes every file up to it. Notes are
 * added, also about files that would be out of order afterwards. ERR_REFUSED when the tool knows
 * another content than the file has.
 */
int adopt_items(struct baseline_item **out, size_t *n, struct adopt_history *history,
		const struct adopt_source *source, const struct manifest *files,
		struct arena *arena, struct err *e) MUST_CHECK;

#endif
