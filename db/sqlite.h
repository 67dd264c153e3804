/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "db/db.h"

#include <sqlite3.h>

#include <stdatomic.h>

/* What the files of the SQLite driver share. */

/* A prepared statement that is kept for the next call with the same text. */
struct sqlite_cached {
	sqlite3_stmt *st;
	const char *key; /* the caller's pointer, a hint only: the text is compared */
	uint64_t used;
	int busy;
};
enum { SQLITE_CACHED = 32 };

/* What the authorizer saw while a script runs. */
struct sqlite_guard {
	int on;
	int alone; /* the statement runs outside a transaction: what could break one may run */
	char refused[160]; /* why a statement was denied; empty: it was not */
	int made_temp;     /* temporary objects were made */
	int wants_keys;    /* "pragma foreign_keys = on" was met */
};

struct sqlite_session {
	struct db base;
	sqlite3 *conn;
	atomic_int cancelled;
	int64_t lock_ms;
	int64_t lock_since;
	int64_t statement_ms;
	int64_t deadline; /* of the running statement, when statement_ms > 0 */
	int bounded;      /* all its statements together may take `looks` at the progress */
	int64_t looks;
	uint64_t uses;
	struct sqlite_cached cache[SQLITE_CACHED];
	struct sqlite_guard guard;
};

/* A statement starts: its deadline. */
void sqlite_statement_start(struct sqlite_session *s);
/* A session with an empty database of its own, in memory, for about so many steps of SQLite's
 * virtual machine in all: what takes more is ended, on a loaded machine as on an idle one. */
int sqlite_open_memory(struct sqlite_session **out, int64_t steps, struct err *e) MUST_CHECK;
/* Fill `e` from the connection's last error `rc`; returns -1. */
int sqlite_fail(const struct sqlite_session *s, int rc, struct err *e);

/* sqlite3_set_authorizer's callback; its context is the session. */
int sqlite_authorize(void *session, int action, const char *a, const char *b, const char *schema,
		     const char *inner);

/* The fields of the same names in the driver. */
extern const char sqlite_ledger_ddl[];
extern const char *const sqlite_ledger_upgrade[];

/* The slots of the same names. */
int sqlite_screen(struct str text, struct db_script *script, struct err *e) MUST_CHECK;
int sqlite_script(struct db *db, struct str text, struct db_script *script,
		  struct err *e) MUST_CHECK;

int sqlite_inspect(struct db_inspection *out, struct str text,
		   const struct db_statement *statements, size_t n, struct arena *arena,
		   struct err *e) MUST_CHECK;
int sqlite_copy(struct db **out, struct db *db, struct err *e) MUST_CHECK;
int sqlite_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
		   struct err *e) MUST_CHECK;
int sqlite_count(int64_t *rows, struct db *db, struct str schema, struct str table,
		 struct err *e) MUST_CHECK;
int sqlite_databases(struct db_database **out, size_t *n, const struct db_options *options,
		     struct arena *arena, struct err *e) MUST_CHECK;
int sqlite_split(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
		 struct arena *arena, struct err *e) MUST_CHECK;
int sqlite_statement(struct db *db, const struct db_statement *statement, struct db_script *script,
		     struct err *e) MUST_CHECK;
int sqlite_reset(struct db *db, struct err *e) MUST_CHECK;

/* Whether a script that runs in one transaction may use the pragma. */
int sqlite_pragma_allowed(struct str name, int has_value);
/* Whether it may be given this value outside a transaction. */
int sqlite_pragma_allowed_alone(struct str name, struct str value);

/* For a script: drop its temporary objects, and what else it left. */
int sqlite_clean(struct sqlite_session *s, struct err *e) MUST_CHECK;

#endif
