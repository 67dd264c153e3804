/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "db/db.h"
#include "db/postgres_sql.h"

/* What the files of the PostgreSQL driver share; libpq names these structs PGconn and so on. */
struct buf;
struct pg_conn;
struct pg_cancel;
struct pg_result;

/* What goes out behind a script's statements, in the same text: see postgres_after.c. */
enum postgres_after {
	POSTGRES_AFTER_NONE,
	POSTGRES_AFTER_CHECK, /* the proof alone: what it left in the session stays */
	POSTGRES_AFTER_CLEAN,
};
enum {
	POSTGRES_PROOF_MAX = 24,
	POSTGRES_SETTINGS = 5, /* statements of `settings` */
};

/* What the last statement of postgres_after_text answered: empty when it was not reached. */
struct postgres_proof {
	char transaction[POSTGRES_PROOF_MAX];
	char locked[POSTGRES_PROOF_MAX];
};

struct postgres {
	struct db base;
	struct pg_conn *conn;
	struct pg_cancel *cancel; /* how to reach the server beside the session */
	int wake;                 /* an eventfd: db_cancel writes, the session's wait reads */
	int cancelled;            /* the running call was cancelled */
	int64_t deadline;         /* of the answer to a cancel; -1: none */
	int lookup;               /* connecting may look up a name, and wait for that */
	int begin_pending;        /* BEGIN goes out with the next statement */
	int pooled;         /* a pooler is between: RESET ALL does not return to our settings */
	char *settings;     /* statements that set ours, without quotes; on the heap */
	int64_t connect_ms; /* how long a connection may take */
	int locked;         /* db_lock succeeded: a script must not let the lock go */
	char xid[24];       /* of the transaction in which the last script began */
	struct db_script *script; /* which gets the notices; NULL: they are dropped */
};

enum postgres_wait { POSTGRES_READY, POSTGRES_TIMEOUT, POSTGRES_CANCELLED };

/*
 * The one place where a session waits: for its socket (`events` of poll(2); 0: for the clock only),
 * until `deadline` of clock_mono_ms (-1: without end), or for db_cancel.
 */
enum postgres_wait postgres_wait(struct postgres *p, short events, int64_t deadline);

/* A call starts: a cancel that came before it does not count. */
void postgres_call_start(struct postgres *p);

/*
 * The next result of what was sent, or NULL when there is none, waiting for it; a cancel is passed
 * on to the server. ERR_LOST when the connection broke.
 */
int postgres_result(struct pg_result **out, struct postgres *p, struct err *e) MUST_CHECK;

/* Send text as one simple query; ERR_LOST when there is no connection any more. */
int postgres_send(struct postgres *p, const char *sql, struct err *e) MUST_CHECK;
/* Send it, take all results and drop them: the first error of the server, or 0. */
int postgres_simple(struct postgres *p, const char *sql, struct err *e) MUST_CHECK;

/* Add what follows a script to `b`; returns the number of its statements, of which the last gives
 * the proof. It holds no quotes, so that a text of the script which does not end cannot end in it.
 */
size_t postgres_after_text(struct buf *b, const struct postgres *p, enum postgres_after after);
/* The transaction and the lock are still ours: 0, or ERR_REFUSED. */
int postgres_after_check(struct postgres *p, const struct postgres_proof *proof,
			 struct err *e) MUST_CHECK;
/* What is said of a script that ended the transaction; returns -1. */
int postgres_after_refuse(struct err *e);
/* Cut what postgres_after_text added out of the server's message about a text that does not end. */
void postgres_after_hide(struct err *e);
/* The slot. */
int postgres_reset(struct db *db, struct err *e) MUST_CHECK;

/* End a COPY that a result says has begun: refused when data is asked for, dropped when it comes.
 */
int postgres_end_copy(struct postgres *p, const struct pg_result *result, struct err *e) MUST_CHECK;

/* ERR_LOST when a result says that a COPY began where no statement can begin one. */
int postgres_refuse_copy(const struct pg_result *result, struct err *e) MUST_CHECK;

/* Fill `e` from a failed result, or from the connection when it broke; returns -1. */
int postgres_fail(struct postgres *p, const struct pg_result *result, struct err *e);
int postgres_lost(struct postgres *p, struct err *e);
enum err_code postgres_code(const char *sqlstate);

/* Rows that a command inserted, updated, deleted or merged; 0 for any other. */
int64_t postgres_changed(struct pg_result *result);

/* The fields of the same names in the driver. */
extern const char postgres_ledger_ddl[];
extern const char postgres_ledger_close[];
extern const char *const postgres_ledger_upgrade[];
extern const char postgres_ledger_look[];
extern const char postgres_ledger_check[];
extern const char postgres_tables_named[];
extern const char postgres_tables_maybe[];

/* The key of the runner's lock: "tidegate" as a number, whole and as pg_locks shows it. The server
 * keeps it for each database. */
#define POSTGRES_LOCK_KEY "8388346167643173989"
#define POSTGRES_LOCK_IS_OURS                                                                      \
	"l.locktype operator(pg_catalog.=) 'advisory'::pg_catalog.text and l.granted"              \
	" and l.classid operator(pg_catalog.=) 1953064037::pg_catalog.oid"                         \
	" and l.objid operator(pg_catalog.=) 1734440037::pg_catalog.oid"                           \
	" and l.objsubid operator(pg_catalog.=) 1::pg_catalog.int2"

/* A second session with the same server, as the first one was opened. */
int postgres_twin(struct db **out, const struct postgres *p, struct err *e) MUST_CHECK;

/* The slots of the same names. */
int postgres_lock(struct db *db, int64_t wait_ms, struct err *e) MUST_CHECK;
int postgres_open(struct db **out, const struct db_options *options, struct err *e) MUST_CHECK;
void postgres_close(struct db *db);
int postgres_script(struct db *db, struct str text, struct db_script *script,
		    struct err *e) MUST_CHECK;
int postgres_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
		   struct arena *arena, struct err *e) MUST_CHECK;
int postgres_statement(struct db *db, const struct db_statement *statement,
		       struct db_script *script, struct err *e) MUST_CHECK;
int postgres_databases(struct db_database **out, size_t *n, const struct db_options *options,
		       struct arena *arena, struct err *e) MUST_CHECK;

#endif
