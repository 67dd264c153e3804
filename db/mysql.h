/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_MYSQL_H
#define DB_MYSQL_H

#include "base/arena.h"
#include "db/db.h"
#include "db/mysql_sql.h"
#include "db/mysql_url.h"

/*
 * What the files of the driver for MySQL and MariaDB share. Its functions are called mydb_, because
 * those of the library are called mysql_; the library names these structs MYSQL and MYSQL_RES.
 */
struct st_mysql;
struct st_mysql_res;

/* Bytes of a ledger's name: `database`.tidegate_revision, each backtick doubled. */
enum { MYDB_LEDGER_MAX = 600, MYDB_LOCK_NAME = 64, MYDB_MARK = 48 };

struct mydb {
	struct db base;
	struct arena arena;      /* the strings of `where` and the two below */
	struct mydb_where where; /* how to connect: a cancel and a clean session need it again */
	const char *database;    /* NULL: none */
	const char *application; /* shown by the server */
	struct secret *password; /* a copy; NULL: none */
	int64_t connect_ms;
	int64_t lock_ms;
	int64_t statement_ms; /* 0: none */
	struct st_mysql *conn;
	int wake;          /* an eventfd: db_cancel writes, the session's wait reads */
	int cancelled;     /* the running call was cancelled */
	int timed_out;     /* the running call was cancelled because it took too long */
	int lost;          /* the connection broke, or was given up */
	int begin_pending; /* START TRANSACTION goes out before the next statement */
	int scripted;      /* a whole script ran in the transaction that is open */
	int dirty;         /* a script changed what the next one would see */
	int renew;         /* it must be gone before the next call */
	int unproved;      /* statements ran since the lock was seen to be ours */
	int locked;        /* db_lock succeeded: a script must not let the lock go */
	char ledger[MYDB_LEDGER_MAX];
	char lock_name[MYDB_LOCK_NAME];
	char mark[MYDB_MARK]; /* the savepoint that proves a transaction */
};

/* A call starts: a cancel that came before it does not count; what a script left is cleaned. */
int mydb_call_start(struct mydb *m, struct err *e) MUST_CHECK;
/* Wait until `until` of clock_mono_ms, or for db_cancel: 1 when that came. */
int mydb_pause(struct mydb *m, int64_t until);

/*
 * Send one statement and take what follows. With `out`, its rows (NULL when it gives none), which
 * the caller frees by mysql_free_result; without, all results are dropped as they come. `changed`
 * (may be NULL) gets the rows changed. Errors as db_exec.
 */
int mydb_run(struct st_mysql_res **out, struct mydb *m, struct str sql, int64_t *changed,
	     struct err *e) MUST_CHECK;
/* The same for a text without a result, on a statement of ours. */
int mydb_simple(struct mydb *m, const char *sql, struct err *e) MUST_CHECK;
/* Bits of the server's status after the last statement. */
int mydb_in_transaction(const struct mydb *m);
int mydb_ignores_backslashes(const struct mydb *m);

/* Fill `e` from what the connection says; returns -1. ERR_LOST also sets m->lost. */
int mydb_fail(struct mydb *m, struct st_mysql *conn, struct err *e);
/* The same while connecting, where nothing can be lost. */
int mydb_fail_connect(struct st_mysql *conn, struct err *e);
enum err_code mydb_code(unsigned number);
/* Where in a statement the server's last error is, for syntax errors; else where it begins. */
struct db_place mydb_error_place(const struct db_statement *s, const struct mydb *m);

/* START TRANSACTION, when it is pending. */
int mydb_send_begin(struct mydb *m, struct err *e) MUST_CHECK;

/*
 * The proof that a script left its transaction alone: _mark sets a savepoint with a name that
 * nobody can guess, _prove releases it; and that it left the runner's lock alone.
 */
int mydb_mark(struct mydb *m, struct err *e) MUST_CHECK;
int mydb_prove(struct mydb *m, struct err *e) MUST_CHECK;
int mydb_prove_lock(struct mydb *m, struct err *e) MUST_CHECK;
/* What is said of a script that ended the transaction; returns -1. */
int mydb_refuse_ended(struct err *e);

/* A clean session in place of the one that a script has changed; the lock is handed over. */
int mydb_renew(struct mydb *m, struct err *e) MUST_CHECK;

/* The fields of the same names in the driver. */
extern const char mydb_ledger_ddl[];
extern const char mydb_ledger_look[];
extern const char *const mydb_ledger_upgrade[];
extern const char mydb_tables_named[];
extern const char mydb_lasting[];
extern const char mydb_lasting[];

/* The slots of the same names. */
int mydb_databases(struct db_database **out, size_t *n, const struct db_options *options,
		   struct arena *arena, struct err *e) MUST_CHECK;
int mydb_open(struct db **out, const struct db_options *options, struct err *e) MUST_CHECK;
void mydb_close(struct db *db);
int mydb_script(struct db *db, struct str text, struct db_script *script, struct err *e) MUST_CHECK;
int mydb_statement(struct db *db, const struct db_statement *statement, struct db_script *script,
		   struct err *e) MUST_CHECK;
int mydb_reset(struct db *db, struct err *e) MUST_CHECK;
int mydb_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
	       struct arena *arena, struct err *e) MUST_CHECK;

/* The slots of the same names: what the server tells of a script without running it. */
int mydb_inspect(struct db_inspection *out, struct str text, const struct db_statement *statements,
		 size_t n, struct arena *arena, struct err *e) MUST_CHECK;
int mydb_parse(struct db_place *failed, struct db *db, const struct db_statement *statement,
	       struct err *e) MUST_CHECK;
int mydb_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
		 struct err *e) MUST_CHECK;
int mydb_count(int64_t *rows, struct db *db, struct str schema, struct str table,
	       struct err *e) MUST_CHECK;

#endif
