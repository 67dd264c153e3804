/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables whose content outlives a rollback (MyISAM, Aria, MEMORY, ...): what a script writes there
 * stays when its connection breaks, and its ledger row does not. Such a script must not be taken to
 * run in one transaction. A statement can reach them by a trigger, a view or a function, so it is
 * not looked at what it names: one such table in the database counts for all that writes.
 */

#include "release/runner_impl.h"

enum { LASTING_MAX = 1024, LASTING_BYTES = 1 << 20 };

void runner_lasting_forget(struct runner *r)
{
	arena_free(&r->lasting_arena);
	r->lasting = NULL;
	r->n_lasting = 0;
	r->lasting_known = 0;
}

static int keep(struct runner *r, const struct db_rows *rows, struct err *e)
{
	struct runner_lasting *l = &r->lasting[r->n_lasting];
	/* More databases than are looked for one by one: any script may write there. */
	int many = r->n_lasting == LASTING_MAX - 1;
	l->database = many ? STR_NULL : arena_str(&r->lasting_arena, db_text(rows, 0));
	l->table = arena_str(&r->lasting_arena, db_text(rows, 1));
	if (l->table.p == NULL || (l->database.p == NULL && !many && !db_is_null(rows, 0)))
		return arena_err(&r->lasting_arena, e);
	r->n_lasting++;
	return 0;
}

static int look(struct runner *r, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	const char *sql = db_driver_of(r->db)->lasting;
	int rc = 0;
	runner_lasting_forget(r);
	arena_init(&r->lasting_arena, LASTING_BYTES);
	if (sql != NULL) {
		r->lasting = arena_array(&r->lasting_arena, LASTING_MAX, sizeof *r->lasting);
		if (r->lasting == NULL)
			return arena_err(&r->lasting_arena, e);
		if (db_query(&rows, r->db, sql, DB_ARGS(DB_S(r->job->target.database)), e) != 0)
			return err_wrap(e, "cannot look for tables without transactions");
	}
	while (rows != NULL && r->n_lasting < LASTING_MAX && (rc = db_next(rows, e)) == 1) {
		if (keep(r, rows, e) != 0)
			return -1;
	}
	r->lasting_known = rc >= 0;
	return rc < 0 ? -1 : 0;
}

/* A name that may be written in more than one way. */
static int is_odd(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c >= 0x80 || c == '`' || c == '"')
			return 1;
	}
	return 0;
}

/* Anywhere, also in a longer word or a comment. */
static int names(struct str text, struct str name)
{
	if (is_odd(name))
		return 1;
	for (size_t i = 0; i + name.n <= text.n; i++) {
		if (str_eq_nocase((struct str){ text.p + i, name.n }, name))
			return 1;
	}
	return 0;
}

int runner_lasting(struct str *table, struct runner *r, struct str text, struct err *e)
{
	if (!r->lasting_known && look(r, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n_lasting; i++) {
		const struct runner_lasting *l = &r->lasting[i];
		if (l->database.p != NULL && !names(text, l->database))
			continue;
		*table = l->table;
		return 1;
	}
	return 0;
}
