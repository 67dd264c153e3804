/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One session with a database: a target, or our own store. A session is used by one thread at a
 * time; only db_cancel may be called from another. Each kind of database is one driver: one .c file
 * that ends in a `const struct db_driver`, and one line of the table in db.c.
 *
 * Statements of the engine are written once, in the dialect that all drivers share: parameters are
 * $1, $2, ... in the order of their first appearance; what differs as a fact is a data field of the
 * driver.
 */
struct db;
struct db_rows;
struct db_driver;
struct db_inspection; /* db/inspect.h */

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

/* A parameter; made by the macros. The bytes are lent for the call. */
struct db_value {
	enum db_type type;
	int64_t i;
	struct str s;
};
#define DB_I(v) ((struct db_value){ .type = DB_INT, .i = (int64_t)(v) })
/* An absent str is NULL. */
#define DB_S(v) db_text_value(v)
#define DB_B(v) ((struct db_value){ .type = DB_BLOB, .s = (v) })
#define DB_N ((struct db_value){ .type = DB_NULL })
struct db_value db_text_value(struct str s);

/* How to reach a database. All strings are lent for the call. */
struct db_options {
	/* "sqlite:PATH" (the file itself), "postgresql://user@host:port/?k=v", "mysql://user@host"
	 */
	struct str url;
	struct str database; /* a server's database; absent for sqlite, whose url is the file */
	const struct secret *password; /* NULL: none */
	const char *application;       /* shown by the server; NULL: "tidegate" */
	int create;                    /* sqlite: make the file when it is missing */
	int durable; /* sqlite: 1 = fdatasync at each commit, 0 = at checkpoints */
	/*
	 * sqlite: the file is our own store, not a target: write-ahead log whatever the file had,
	 * no overwriting of deleted pages, readable by its owner alone when it is made, and no
	 * checkpoint inside a commit: somebody calls db_checkpoint on another session. A target
	 * keeps its own settings; only a file that we make gets a write-ahead log.
	 */
	int store;
	int64_t connect_timeout_ms;   /* 0: 10 s */
	int64_t lock_timeout_ms;      /* waiting for a row, a table or the file; 0: 5 s */
	int64_t statement_timeout_ms; /* 0: none of ours; a server's own stays */
	/*
	 * Sessions of one process that write to one embedded store pass a gate: `enter` is called
	 * before a write transaction begins and `leave` after it ended, so that they queue instead
	 * of polling the file's lock. NULL: none.
	 */
	void (*enter)(void *gate);
	void (*leave)(void *gate);
	void *gate;
	/*
	 * How a session waits for its server: as poll(2), with the same answer. A scheduler of many
	 * sessions puts its own here, which lets others work meanwhile. NULL: poll(2).
	 */
	int (*poll)(void *poll_context, struct pollfd *fds, size_t n, int timeout_ms);
	/*
	 * How work is done that would hold up the thread, such as looking up a host's name: some
	 * thread calls `work(argument)`, and this returns when that is done. NULL: it is called at
	 * once.
	 */
	void (*aside)(void *poll_context, void (*work)(void *argument), void *argument);
	void *poll_context;
};

/*
 * Open a session; the driver is found by the url's scheme. ERR_INPUT: unknown scheme or malformed
 * url; ERR_NOTFOUND: no such file or database; ERR_UNAVAILABLE: cannot be reached or is not ready;
 * ERR_AUTH: the login was refused; ERR_REFUSED: a target that is a symbolic link, or a store of
 * ours (sqlite). No message holds the password.
 */
int db_open(struct db **out, const struct db_options *options, struct err *e) MUST_CHECK;
/* Ends the session; an open transaction is rolled back. NULL is allowed. */
void db_close(struct db *db);
AUTO_DEFINE(db, struct db *, db_close);

/* A database of an instance. */
struct db_database {
	struct str name;
	struct str why_not; /* it is none of the users': a template, ...; absent: it is */
};

/* More are refused. */
enum { DB_DATABASES_MAX = 100000 };

/*
 * The databases that the server or directory of `options->url` has, by name (bytewise), in `arena`;
 * options->database does not count. One short session of its own. ERR_NOTFOUND: there is no such
 * directory; ERR_LIMIT: more than DB_DATABASES_MAX; else as db_open and db_query.
 */
int db_databases(struct db_database **out, size_t *n, const struct db_options *options,
		 struct arena *arena, struct err *e) MUST_CHECK;

const struct db_driver *db_driver_of(const struct db *db);
/* By the scheme of a url; NULL when there is none. */
const struct db_driver *db_find(struct str url);
/* All drivers, NULL-ended: for help texts and tests. */
const struct db_driver *const *db_drivers(void);

/* Parameters of one statement, at most. */
enum { DB_PARAMS_MAX = 64 };

/*
 * Run one statement. `changed` (may be NULL) gets the number of rows inserted, updated or deleted.
 * Errors of the server: ERR_DB with its code in `native`; ERR_EXISTS when a unique key collides;
 * ERR_UNAVAILABLE for a lock or busy timeout, a deadlock, a cancelled statement; ERR_LOST when the
 * connection broke.
 */
int db_exec(struct db *db, int64_t *changed, const char *sql, const struct db_value *args, size_t n,
	    struct err *e) MUST_CHECK;

/* Run one statement that gives rows. Free the rows before the next call on the session. */
int db_query(struct db_rows **out, struct db *db, const char *sql, const struct db_value *args,
	     size_t n, struct err *e) MUST_CHECK;
/* 1: stands on a row; 0: no more; -1: failed. */
int db_next(struct db_rows *rows, struct err *e) MUST_CHECK;
void db_rows_free(struct db_rows *rows);
AUTO_DEFINE(db_rows, struct db_rows *, db_rows_free);

/* A column of the row, from 0. Text and bytes are lent until db_next or db_rows_free; SQL NULL is 0
 * or absent. */
int64_t db_int(const struct db_rows *rows, int column);
struct str db_text(const struct db_rows *rows, int column);
struct str db_blob(const struct db_rows *rows, int column);
int db_is_null(const struct db_rows *rows, int column);

/* The parameters of a call: DB_ARGS(DB_I(1), DB_S(name)) stands for `args, n`. */
#define DB_ARGS(...)                                                                               \
	(const struct db_value[]){ __VA_ARGS__ },                                                  \
	    sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value)
#define DB_NO_ARGS NULL, 0

/*
 * A write transaction: sqlite takes the file's lock at once (BEGIN IMMEDIATE) and passes the gate;
 * a server is told together with the first statement, so a broken connection shows there. A commit
 * answers 0 (durable), ERR_LOST (the connection broke: the outcome is unknown; look again in a new
 * session), or another code (rolled back). After a failed commit or statement call db_rollback; it
 * is safe when nothing is open.
 */
int db_begin(struct db *db, struct err *e) MUST_CHECK;
int db_commit(struct db *db, struct err *e) MUST_CHECK;
void db_rollback(struct db *db);

/* Where in a script something is: all from 1; 0 = unknown. Columns count characters, not bytes. */
struct db_place {
	size_t statement;
	size_t line;
	size_t column;
};

/* What a script did. */
struct db_script {
	/* in */
	void (*notice)(void *context,
		       struct str text); /* a server's NOTICE or WARNING; may be NULL */
	void *context;
	/* out */
	size_t statements; /* finished */
	int64_t changed;   /* rows changed by all of them */
	struct db_place failed;
};

/*
 * Look at a script before it is run: ERR_REFUSED, with `script->failed` telling where, when it
 * holds what would break the transaction around it (BEGIN, COMMIT, ROLLBACK, ...), data for COPY,
 * or a client's own command (psql's backslash). `script->statements` is their number. A syntax
 * error is left to the server.
 */
int db_script_screen(const struct db_driver *driver, struct str text, struct db_script *script,
		     struct err *e) MUST_CHECK;

/*
 * Run the statements of `text` one after the other inside the caller's transaction, as the
 * database's own shell would. At the first that fails: the server's message, and where it is.
 * ERR_REFUSED when it broke out of the transaction or let the runner's lock go; this may also be
 * the answer to the next statement, or to the commit.
 */
int db_script_run(struct db *db, struct str text, struct db_script *script,
		  struct err *e) MUST_CHECK;

/* What is known of a statement of a script before it is run. */
enum db_statement_flags {
	/* Cannot run inside a transaction, or ends the one that it runs in (implicit commit). */
	DB_OUTSIDE = 1 << 0,
	/* Begins, ends or prepares a transaction by itself: BEGIN, COMMIT, ROLLBACK, ... */
	DB_CONTROL = 1 << 1,
	/* Changes only the session (SET, USE): done again when a run resumes behind it. */
	DB_SESSION = 1 << 2,
	/* Changes no data: harmless to run once more when its outcome is unknown (VACUUM). */
	DB_REPEATABLE = 1 << 3,
	/* With DB_OUTSIDE: when it fails, what it did until then may stay (CALL). */
	DB_PARTIAL = 1 << 4,
};

struct db_statement {
	struct str text; /* from its first token to its end, without terminator; lent */
	struct db_place place;
	unsigned flags;   /* enum db_statement_flags */
	const char *kind; /* "CREATE INDEX CONCURRENTLY", static; NULL: of no interest here */
};

/*
 * The statements of a script, in their order, in `arena`; their texts point into `text`, which is
 * lent as long as they are. Refuses what never runs (data for COPY, a client's own command, a NUL
 * byte) as db_script_screen does, with `*failed` telling where; transaction control is only
 * flagged.
 */
int db_script_split(struct db_statement **out, size_t *n, struct db_place *failed,
		    const struct db_driver *driver, struct str text, struct arena *arena,
		    struct err *e) MUST_CHECK;

/*
 * Run one statement of db_script_split: in the transaction that is open, else by itself. What it
 * leaves in the session stays there for the next one, until db_session_reset. Counts into `script`,
 * and sets script->failed to the statement's place when it fails. Errors as db_script_run; after
 * ERR_LOST and ERR_UNAVAILABLE by a cancel, the outcome of a DB_OUTSIDE statement is unknown.
 */
int db_statement_run(struct db *db, const struct db_statement *statement, struct db_script *script,
		     struct err *e) MUST_CHECK;
/* Take away what the statements of a script left in the session; the runner's lock stays. Outside a
 * transaction. ERR_REFUSED when they let the lock go. */
int db_session_reset(struct db *db, struct err *e) MUST_CHECK;

/* The state, in the target, of what a statement makes, changes or drops. */
struct db_probe {
	/* "index public.t_a: absent"; absent: this cannot be told. Before the colon stands what the
	 * names of the statement mean in this session. */
	struct str state;
	int broken; /* half of it was done: an invalid index */
	/* a statement that takes the half away, before it is run again; or absent */
	struct str mend;
	int finishes; /* `mend` does the other half instead */
};

/*
 * Look at it, outside a transaction. Who compares the states before and after a statement whose
 * outcome is unknown has a proof: equal means not applied, different and not broken means applied.
 * States of different things prove nothing.
 * The texts are in `arena`, and the state is at most 1,000 bytes.
 */
int db_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
	     struct arena *arena, struct err *e) MUST_CHECK;

/*
 * One runner at a time works on a target: a lock that lives exactly as long as its session. Returns
 * 0 when it is held; ERR_UNAVAILABLE, saying who holds it where that is known, when it was not free
 * within `wait_ms`. Never waits inside the server. Where the transaction itself is the lock
 * (sqlite) it only succeeds.
 */
int db_lock(struct db *db, int64_t wait_ms, struct err *e) MUST_CHECK;

/*
 * From any thread, while the session is open: make the running call fail soon with ERR_UNAVAILABLE.
 * Nothing happens when no call is running, so who cancels raises a flag of its own first.
 */
void db_cancel(struct db *db);

/*
 * Make the ledger in the target when it is missing; one look-up when it is there. Outside a
 * transaction, with db_lock held: two sessions that make a schema at once collide in the server.
 */
int db_ledger_make(struct db *db, struct err *e) MUST_CHECK;
/*
 * 1: the ledger is there; 0: it is not; 3: it is, in the shape of an older version, which
 * db_ledger_make gives today's. ERR_REFUSED when what is there under its name is not ours
 * to trust: others own it or may write to it, or it runs code when it is written.
 */
int db_ledger_look(struct db *db, struct err *e) MUST_CHECK;

/*
 * Move what the store's write-ahead log holds into its file, on a session that does nothing else.
 * Writers go on meanwhile, but for a moment when the log has grown large. Only succeeds where the
 * database does this by itself.
 */
int db_checkpoint(struct db *db, struct err *e) MUST_CHECK;

/* Wait as db_options.poll says; for drivers. A driver that waits before db_open returns sets
 * db->poll, db->aside and db->poll_context itself first. */
int db_poll(const struct db *db, struct pollfd *fds, size_t n, int timeout_ms);
/* Do what cannot wait by db_poll, as db_options.aside says; for drivers and the runner. */
void db_aside(const struct db *db, void (*work)(void *argument), void *argument);
/* Wait for the clock alone in the same way, between two sessions; it may end early. */
void db_rest(const struct db_options *options, int ms);

/*
 * Whether the database answered that a statement waited too long for a lock, or was chosen to end a
 * deadlock: it was not done, and the same can succeed later.
 */
int db_is_lock_timeout(const struct db *db, const struct err *e);

/* Whether the database answered that a statement cannot be in the transaction around it: PostgreSQL
 * says so of a CALL that commits. Nothing was done; by itself it may succeed. */
int db_is_transaction_in_the_way(const struct db *db, const struct err *e);

/* How one transaction sees those beside it; DB_ISOLATION_DEFAULT is the database's own choice. */
enum db_isolation {
	DB_ISOLATION_DEFAULT,
	DB_READ_UNCOMMITTED,
	DB_READ_COMMITTED,
	DB_REPEATABLE_READ,
	DB_SERIALIZABLE,
};
/* In a transaction: take back the role that a script has given itself, for the rest of it. */
int db_as_self(struct db *db, struct err *e) MUST_CHECK;
/* db_begin with the isolation that is asked for, or a stronger one. */
int db_begin_isolated(struct db *db, enum db_isolation isolation, struct err *e) MUST_CHECK;

/* The ledger's table in this session, as SQL. */
const char *db_ledger(const struct db *db);

/*
 * For tests and debugging: a session that tells `line` each call ("exec insert ...", "commit") and
 * its failure, and hands it to `inner`, which it owns from then on. The text is lent for the call.
 */
int db_trace(struct db **out, struct db *inner, void (*line)(void *context, const char *text),
	     void *context, struct err *e) MUST_CHECK;

enum db_flags {
	DB_DDL_IN_TX = 1 << 0,  /* a failed transaction takes DDL back too */
	DB_ONE_WRITER = 1 << 1, /* writers of the whole database queue: pass the gate */
	DB_FILE = 1 << 2,       /* a database is a file: its name becomes a path below the url */
	DB_BLOCKS = 1 << 3,     /* works in the calling thread: never waits by db_options.poll */
	/* db_driver.isolation is told before a transaction begins, not as its first statement */
	DB_ISOLATION_FIRST = 1 << 4,
};

/*
 * A driver. Slots marked MAY can be NULL, which only the wrappers in db.c test. Each slot has the
 * contract of the function above with its name.
 */
struct db_driver {
	const char *name;           /* "postgresql" */
	const char *const *schemes; /* NULL-ended, each with its colon: "postgresql:" */
	unsigned flags;             /* enum db_flags */
	const char *identity;       /* type and key of a column that the database counts up */
	const char *blob;           /* column type of bytes */
	const char *skip_locked;    /* behind a SELECT that claims rows; "" where writers queue */
	const char *ledger;         /* the ledger's table name, as SQL */
	/* query that gives a row (is the ledger there: 1; 0: it is not; 3: in the shape of an older
	 * version; why it must not be used, or NULL) when there is something of that name */
	const char *ledger_look;
	const char *ledger_check; /* the same, when that answered 2: look closer */
	/* script that makes it when it is missing; one statement without DB_DDL_IN_TX */
	const char *ledger_ddl;
	/* script that takes from others what they may do to a ledger just made, for which
	 * ledger_look answered 2; NULL: nobody may do anything */
	const char *ledger_close;
	/* statements that give an older one today's shape; NULL-ended */
	const char *const *ledger_upgrade;
	/* native codes of db_is_lock_timeout; NULL-ended */
	const char *const *lock_codes;
	/* native codes of db_is_transaction_in_the_way; NULL: never */
	const char *const *alone_codes;
	/* statement that makes the rest of the open transaction run as the session's own user,
	 * whatever role a script has taken; NULL: there is none */
	const char *as_self;
	/* statement that takes an isolation level behind it ("set transaction isolation level ");
	 * NULL: every transaction is serializable */
	const char *isolation;
	/* query that gives a row (schema or NULL, name) for each table that is named $1, $2, $3 or
	 * $4, in the schemas that a session sees */
	const char *tables_named;
	/* query with the same parameters that costs the server less, and gives no row where
	 * tables_named would give none; NULL: there is none */
	const char *tables_maybe;
	/*
	 * query that gives, of each database of the server that has tables whose content outlives a
	 * rollback, a row (the database, or NULL when every script on database $1 may write there;
	 * one of the tables with its engine, to be shown); NULL: there are none
	 */
	const char *lasting;

	int (*open)(struct db **out, const struct db_options *options, struct err *e); /* MUST */
	void (*close)(struct db *db);                                                  /* MUST */
	/* MUST; rows even where there are none. With `changed`, the caller takes all rows before
	 * `args` go away; without, the driver keeps what it needs of them. */
	int (*query)(struct db_rows **out, struct db *db, const char *sql,
		     const struct db_value *args, size_t n, int64_t *changed, struct err *e);
	int (*next)(struct db_rows *rows, struct err *e); /* MUST */
	/* MUST; `i` counts for DB_INT, `s` for DB_TEXT and DB_BLOB. */
	void (*column)(struct db_value *out, const struct db_rows *rows, int column);
	void (*rows_free)(struct db_rows *rows);                                 /* MUST */
	int (*begin)(struct db *db, struct err *e);                              /* MUST */
	int (*commit)(struct db *db, struct err *e);                             /* MUST */
	void (*rollback)(struct db *db);                                         /* MUST */
	int (*screen)(struct str text, struct db_script *script, struct err *e); /* MAY */
	int (*script)(struct db *db, struct str text, struct db_script *script,
		      struct err *e); /* MUST */
	int (*split)(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
		     struct arena *arena, struct err *e); /* MUST */
	int (*statement)(struct db *db, const struct db_statement *statement,
			 struct db_script *script, struct err *e); /* MUST */
	int (*reset)(struct db *db, struct err *e);                /* MAY */
	int (*probe)(struct db_probe *out, struct db *db, const struct db_statement *statement,
		     struct arena *arena, struct err *e);           /* MAY: nothing can be told */
	int (*lock)(struct db *db, int64_t wait_ms, struct err *e); /* MAY: the transaction locks */
	void (*cancel)(struct db *db);                              /* MUST */
	int (*checkpoint)(struct db *db, struct err *e); /* MAY: the database does it itself */
	int (*databases)(struct db_database **out, size_t *n, const struct db_options *options,
			 struct arena *arena, struct err *e); /* MAY: they cannot be listed */
	/* of db/inspect.h and db/db_rehearse.h: all MAY */
	int (*inspect)(struct db_inspection *out, struct str text,
		       const struct db_statement *statements, size_t n, struct arena *arena,
		       struct err *e);
	int (*copy)(struct db **out, struct db *db, struct err *e);
	int (*is_newer)(struct db *db, struct err *e);
	int (*parse)(struct db_place *failed, struct db *db, const struct db_statement *statement,
		     struct err *e);
	int (*explain)(int64_t *rows, struct db *db, const struct db_statement *statement,
		       struct err *e);
	int (*count)(int64_t *rows, struct db *db, struct str schema, struct str table,
		     struct err *e);
};

extern const struct db_driver db_sqlite;
extern const struct db_driver db_postgres;
extern const struct db_driver db_mysql; /* and MariaDB */

/* What every session starts with; a driver embeds it first. For drivers only. */
struct db {
	const struct db_driver *driver;
	const char *ledger; /* NULL: the driver's */
	int in_transaction;
	void (*enter)(void *gate);
	void (*leave)(void *gate);
	void *gate;
	int (*poll)(void *poll_context, struct pollfd *fds, size_t n, int timeout_ms);
	void (*aside)(void *poll_context, void (*work)(void *argument), void *argument);
	void *poll_context;
};
struct db_rows {
	struct db *db;
};

#endif
