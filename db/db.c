/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of drivers and the thin wrappers around their slots: the only place that knows that
 * a slot can be absent, and that keeps transaction and gate in step.
 */

#include "db/db.h"

#include "base/num.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct db_driver *const drivers[] = { &db_sqlite, &db_postgres, &db_mysql, NULL };

const struct db_driver *const *db_drivers(void)
{
	return drivers;
}

static int has_scheme(const struct db_driver *driver, struct str url)
{
	for (const char *const *scheme = driver->schemes; *scheme != NULL; scheme++) {
		if (str_starts(url, str_of(*scheme)))
			return 1;
	}
	return 0;
}

const struct db_driver *db_find(struct str url)
{
	for (size_t i = 0; drivers[i] != NULL; i++) {
		if (has_scheme(drivers[i], url))
			return drivers[i];
	}
	return NULL;
}

struct db_value db_text_value(struct str s)
{
	return (struct db_value){ .type = s.p != NULL ? DB_TEXT : DB_NULL, .s = s };
}

static int fail_scheme(struct str url, struct err *e)
{
	/* Only the scheme is shown: the rest may hold a password. */
	struct str scheme = str_first(url, str_find(url, ':'));
	return err_set(e, ERR_INPUT,
		       "unknown kind of database '%.*s', want sqlite:, postgresql: or mysql:",
		       STR_ARG(str_first(scheme, 32)));
}

int db_databases(struct db_database **out, size_t *n, const struct db_options *options,
		 struct arena *arena, struct err *e)
{
	const struct db_driver *driver = db_find(options->url);
	if (driver == NULL)
		return fail_scheme(options->url, e);
	if (driver->databases == NULL)
		return err_set(e, ERR_INPUT, "the databases of %s cannot be listed", driver->name);
	return driver->databases(out, n, options, arena, e);
}

int db_open(struct db **out, const struct db_options *options, struct err *e)
{
	const struct db_driver *driver = db_find(options->url);
	if (driver == NULL)
		return fail_scheme(options->url, e);
	struct db *db = NULL;
	if (driver->open(&db, options, e) != 0)
		return -1;
	db->driver = driver;
	db->enter = options->enter;
	db->leave = options->leave;
	db->gate = options->gate;
	db->poll = options->poll;
	db->aside = options->aside;
	db->poll_context = options->poll_context;
	*out = db;
	return 0;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_rollback(db);
	db->driver->close(db);
}

const struct db_driver *db_driver_of(const struct db *db)
{
	return db->driver;
}

static int check_args(size_t n, struct err *e)
{
	if (n > DB_PARAMS_MAX)
		return err_set(e, ERR_LIMIT, "a statement has more than %d parameters",
			       DB_PARAMS_MAX);
	return 0;
}

int db_exec(struct db *db, int64_t *changed, const char *sql, const struct db_value *args, size_t n,
	    struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int64_t count = 0;
	if (check_args(n, e) != 0 || db->driver->query(&rows, db, sql, args, n, &count, e) != 0)
		return -1;
	int rc;
	while ((rc = db_next(rows, e)) == 1)
		continue;
	if (rc == 0 && changed != NULL)
		*changed = count;
	return rc;
}

int db_query(struct db_rows **out, struct db *db, const char *sql, const struct db_value *args,
	     size_t n, struct err *e)
{
	if (check_args(n, e) != 0)
		return -1;
	return db->driver->query(out, db, sql, args, n, NULL, e);
}

int db_next(struct db_rows *rows, struct err *e)
{
	return rows->db->driver->next(rows, e);
}

void db_rows_free(struct db_rows *rows)
{
	if (rows != NULL)
		rows->db->driver->rows_free(rows);
}

static struct db_value column_of(const struct db_rows *rows, int column)
{
	struct db_value v = DB_N;
	rows->db->driver->column(&v, rows, column);
	return v;
}

int64_t db_int(const struct db_rows *rows, int column)
{
	struct db_value v = column_of(rows, column);
	if (v.type == DB_INT)
		return v.i;
	/* Sums come as numeric, that is as text, from some servers. */
	int64_t i = 0;
	if (v.type == DB_TEXT)
		IGNORE(num_parse_i64(&i, v.s, INT64_MIN, INT64_MAX)); /* no number is 0 */
	return i;
}

struct str db_text(const struct db_rows *rows, int column)
{
	struct db_value v = column_of(rows, column);
	return v.type == DB_TEXT ? v.s : STR_NULL;
}

struct str db_blob(const struct db_rows *rows, int column)
{
	struct db_value v = column_of(rows, column);
	return v.type == DB_TEXT || v.type == DB_BLOB ? v.s : STR_NULL;
}

int db_is_null(const struct db_rows *rows, int column)
{
	return column_of(rows, column).type == DB_NULL;
}

/* The transaction is over, whatever its end was. */
static void leave(struct db *db)
{
	db->in_transaction = 0;
	if (db->leave != NULL)
		db->leave(db->gate);
}

int db_begin(struct db *db, struct err *e)
{
	assert(!db->in_transaction);
	if (db->enter != NULL)
		db->enter(db->gate);
	db->in_transaction = 1;
	if (db->driver->begin(db, e) == 0)
		return 0;
	leave(db);
	return -1;
}

static int isolate(struct db *db, enum db_isolation isolation, struct err *e)
{
	static const char *const names[] = { "", "read uncommitted", "read committed",
					     "repeatable read", "serializable" };
	char sql[96];
	(void)snprintf(sql, sizeof sql, "%s%s", db->driver->isolation, names[isolation]);
	return db_exec(db, NULL, sql, DB_NO_ARGS, e);
}

int db_begin_isolated(struct db *db, enum db_isolation isolation, struct err *e)
{
	if (isolation == DB_ISOLATION_DEFAULT || db->driver->isolation == NULL)
		return db_begin(db, e);
	int first = (db->driver->flags & DB_ISOLATION_FIRST) != 0;
	if (first && isolate(db, isolation, e) != 0)
		return -1;
	if (db_begin(db, e) != 0)
		return -1;
	if (first || isolate(db, isolation, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

int db_as_self(struct db *db, struct err *e)
{
	const char *sql = db->driver->as_self;
	return sql != NULL ? db_exec(db, NULL, sql, DB_NO_ARGS, e) : 0;
}

int db_commit(struct db *db, struct err *e)
{
	assert(db->in_transaction);
	int rc = db->driver->commit(db, e);
	if (rc != 0)
		db->driver->rollback(db);
	leave(db);
	return rc;
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	db->driver->rollback(db);
	leave(db);
}

static void script_reset(struct db_script *script)
{
	script->statements = 0;
	script->changed = 0;
	script->failed = (struct db_place){ 0, 0, 0 };
}

int db_script_screen(const struct db_driver *driver, struct str text, struct db_script *script,
		     struct err *e)
{
	script_reset(script);
	return driver->screen != NULL ? driver->screen(text, script, e) : 0;
}

int db_script_run(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	assert(db->in_transaction);
	script_reset(script);
	return db->driver->script(db, text, script, e);
}

int db_script_split(struct db_statement **out, size_t *n, struct db_place *failed,
		    const struct db_driver *driver, struct str text, struct arena *arena,
		    struct err *e)
{
	*failed = (struct db_place){ 0, 0, 0 };
	return driver->split(out, n, failed, text, arena, e);
}

int db_statement_run(struct db *db, const struct db_statement *statement, struct db_script *script,
		     struct err *e)
{
	return db->driver->statement(db, statement, script, e);
}

int db_session_reset(struct db *db, struct err *e)
{
	assert(!db->in_transaction);
	return db->driver->reset != NULL ? db->driver->reset(db, e) : 0;
}

int db_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
	     struct arena *arena, struct err *e)
{
	*out = (struct db_probe){ .state = STR_NULL };
	return db->driver->probe != NULL ? db->driver->probe(out, db, statement, arena, e) : 0;
}

int db_poll(const struct db *db, struct pollfd *fds, size_t n, int timeout_ms)
{
	if (db->poll != NULL)
		return db->poll(db->poll_context, fds, n, timeout_ms);
	return poll(fds, n, timeout_ms);
}

void db_aside(const struct db *db, void (*work)(void *argument), void *argument)
{
	if (db->aside != NULL)
		db->aside(db->poll_context, work, argument);
	else
		work(argument);
}

void db_rest(const struct db_options *options, int ms)
{
	if (options->poll != NULL)
		(void)options->poll(options->poll_context, NULL, 0, ms);
	else
		(void)poll(NULL, 0, ms);
}

static int is_native(const struct err *e, const char *const *codes)
{
	while (codes != NULL && *codes != NULL && strcmp(*codes, e->native) != 0)
		codes++;
	return codes != NULL && *codes != NULL;
}

int db_is_lock_timeout(const struct db *db, const struct err *e)
{
	return e->code == ERR_UNAVAILABLE && is_native(e, db->driver->lock_codes);
}

int db_is_transaction_in_the_way(const struct db *db, const struct err *e)
{
	return e->code == ERR_DB && is_native(e, db->driver->alone_codes);
}

const char *db_ledger(const struct db *db)
{
	return db->ledger != NULL ? db->ledger : db->driver->ledger;
}

int db_lock(struct db *db, int64_t wait_ms, struct err *e)
{
	return db->driver->lock != NULL ? db->driver->lock(db, wait_ms, e) : 0;
}

void db_cancel(struct db *db)
{
	db->driver->cancel(db);
}

int db_checkpoint(struct db *db, struct err *e)
{
	return db->driver->checkpoint != NULL ? db->driver->checkpoint(db, e) : 0;
}

/* What the query says: 0 to 3, or -1. */
static int look(struct db *db, const char *sql, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql, DB_NO_ARGS, e) != 0)
		return err_wrap(e, "cannot look for the ledger");
	int rc = db_next(rows, e);
	if (rc < 0)
		return err_wrap(e, "cannot look for the ledger");
	if (rc == 0)
		return 0;
	if (!db_is_null(rows, 1))
		return err_set(e, ERR_REFUSED, "the ledger %s cannot be trusted: %.*s",
			       db_ledger(db), STR_ARG(db_text(rows, 1)));
	return (int)db_int(rows, 0);
}

int db_ledger_look(struct db *db, struct err *e)
{
	int there = look(db, db->driver->ledger_look, e);
	if (there != 2)
		return there;
	return look(db, db->driver->ledger_check, e);
}

/* 1: it was made, and is nobody else's; else as `look`. */
static int make(struct db *db, struct err *e)
{
	const struct db_driver *driver = db->driver;
	struct db_script script = { .notice = NULL };
	/* Where DDL commits by itself, it is one statement. */
	int rc = driver->flags & DB_DDL_IN_TX
		     ? db_script_run(db, str_of(driver->ledger_ddl), &script, e)
		     : db_exec(db, NULL, driver->ledger_ddl, DB_NO_ARGS, e);
	if (rc != 0)
		return -1;
	int there = look(db, driver->ledger_look, e);
	if (there != 2)
		return there;
	if (driver->ledger_close != NULL &&
	    db_script_run(db, str_of(driver->ledger_close), &script, e) != 0)
		return -1;
	return db_ledger_look(db, e);
}

static int upgrade(struct db *db, struct err *e)
{
	for (const char *const *sql = db->driver->ledger_upgrade; *sql != NULL; sql++) {
		if (db_exec(db, NULL, *sql, DB_NO_ARGS, e) != 0)
			return -1;
	}
	return db_ledger_look(db, e);
}

/* Within a transaction, where it takes DDL back. Somebody else may have made what "if not exists"
 * then found. */
static int make_ledger(struct db *db, int there, struct err *e)
{
	there = there == 0 ? make(db, e) : upgrade(db, e);
	if (there < 0)
		return -1;
	return there == 1 ? 0 : err_set(e, ERR_DB, "it was not made");
}

int db_ledger_make(struct db *db, struct err *e)
{
	int there = db_ledger_look(db, e);
	if (there < 0 || there == 1)
		return there < 0 ? -1 : 0;
	int within = (db->driver->flags & DB_DDL_IN_TX) != 0;
	if (within && db_begin(db, e) != 0)
		return err_wrap(e, "cannot make the ledger %s", db_ledger(db));
	if (make_ledger(db, there, e) != 0) {
		db_rollback(db);
		return err_wrap(e, "cannot make the ledger %s", db_ledger(db));
	}
	return within ? db_commit(db, e) : 0;
}
