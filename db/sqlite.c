/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite driver: a session is a connection to a file. Statements of the engine are prepared
 * once and kept. Scripts are in sqlite_script.c and sqlite_screen.c.
 */

#include "db/sqlite.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char sql_begin[] = "begin immediate";
static const char sql_commit[] = "commit";
static const char sql_rollback[] = "rollback";
static const char sql_is_store[] =
    "select 1 from main.sqlite_master where name = 'tidegate_schema' limit 1";

enum {
	LOCK_MS = 5000,           /* db_options.lock_timeout_ms when it is 0 */
	PROGRESS_STEPS = 10000,   /* virtual machine steps between two looks at the deadline */
	WAL_LARGE_FRAMES = 16384, /* 64 MiB of 4 KiB pages: then the log is begun anew */
	CHECKPOINT_WAIT_MS = 50,  /* how long that may hold up the writers */
	URL_SCHEME = 7,           /* "sqlite:" */
};

struct sqlite_rows {
	struct db_rows base;
	sqlite3_stmt *st;
	struct sqlite_cached *cached; /* whose statement it is; NULL: ours alone */
	int on_first;                 /* the first row was fetched by the query itself */
	int64_t *changed;             /* told when the statement is done; may be NULL */
	int64_t before;               /* changes of the connection before it */
};

static struct sqlite_session *session_of(struct db *db)
{
	return (struct sqlite_session *)db;
}

static enum err_code code_of(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return ERR_EXISTS;
	default:
		break;
	}
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
	case SQLITE_FULL:
	case SQLITE_CANTOPEN:
		return ERR_UNAVAILABLE;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
		return ERR_INPUT;
	default:
		return ERR_DB;
	}
}

int sqlite_fail(const struct sqlite_session *s, int rc, struct err *e)
{
	char native[16];
	(void)snprintf(native, sizeof native, "%d", rc);
	if (s->guard.refused[0] != '\0')
		(void)err_set(e, ERR_REFUSED, "%s", s->guard.refused);
	else if (atomic_load(&s->cancelled))
		(void)err_set(e, ERR_UNAVAILABLE, "the statement was cancelled");
	else if ((rc & 0xff) == SQLITE_INTERRUPT && s->bounded)
		(void)err_set(e, ERR_UNAVAILABLE, "it takes too long to be tried");
	else if ((rc & 0xff) == SQLITE_INTERRUPT)
		(void)err_set(e, ERR_UNAVAILABLE, "the statement took longer than %lld ms",
			      (long long)s->statement_ms);
	else if ((rc & 0xff) == SQLITE_BUSY)
		(void)err_set(e, ERR_UNAVAILABLE,
			      "the database is locked by another connection; waited %lld ms",
			      (long long)s->lock_ms);
	else
		(void)err_set(e, code_of(rc), "%s", sqlite3_errmsg(s->conn));
	err_native(e, native);
	return -1;
}

/* SQLite's own busy timeout does not look at a cancel while it sleeps. */
static int on_busy(void *context, int count)
{
	struct sqlite_session *s = context;
	static const unsigned char delays_ms[] = { 1, 1, 2, 5, 10, 15, 20, 25 };
	int64_t now = clock_mono_ms();
	if (count == 0)
		s->lock_since = now;
	if (atomic_load(&s->cancelled) || now - s->lock_since >= s->lock_ms)
		return 0;
	size_t last = sizeof delays_ms - 1;
	size_t at = (size_t)count < last ? (size_t)count : last;
	struct timespec pause = { .tv_nsec = delays_ms[at] * 1000000L };
	(void)nanosleep(&pause, NULL);
	return 1;
}

static int on_progress(void *context)
{
	struct sqlite_session *s = context;
	if (s->bounded && --s->looks <= 0)
		return 1;
	return s->deadline > 0 && clock_mono_ms() >= s->deadline;
}

void sqlite_statement_start(struct sqlite_session *s)
{
	s->deadline = s->statement_ms > 0 ? clock_mono_ms() + s->statement_ms : 0;
}

static void forget(struct sqlite_cached *c)
{
	(void)sqlite3_finalize(c->st);
	*c = (struct sqlite_cached){ .st = NULL };
}

static struct sqlite_cached *find_cached(struct sqlite_session *s, const char *sql)
{
	/* The same pointer nearly always means the same text, but a buffer may have been reused. */
	for (size_t i = 0; i < SQLITE_CACHED; i++) {
		struct sqlite_cached *c = &s->cache[i];
		if (c->st != NULL && c->key == sql && !c->busy &&
		    strcmp(sqlite3_sql(c->st), sql) == 0)
			return c;
	}
	for (size_t i = 0; i < SQLITE_CACHED; i++) {
		struct sqlite_cached *c = &s->cache[i];
		if (c->st != NULL && !c->busy && strcmp(sqlite3_sql(c->st), sql) == 0)
			return c;
	}
	return NULL;
}

/* A free place, or the one that was not used for the longest time; NULL when all are running. */
static struct sqlite_cached *oldest_cached(struct sqlite_session *s)
{
	struct sqlite_cached *oldest = NULL;
	for (size_t i = 0; i < SQLITE_CACHED; i++) {
		struct sqlite_cached *c = &s->cache[i];
		if (!c->busy && (oldest == NULL || c->used < oldest->used))
			oldest = c;
	}
	return oldest;
}

static int prepare(struct sqlite_session *s, struct sqlite_rows *rows, const char *sql,
		   struct err *e)
{
	struct sqlite_cached *c = find_cached(s, sql);
	if (c == NULL) {
		const char *tail = NULL;
		sqlite3_stmt *st = NULL;
		int rc =
		    sqlite3_prepare_v3(s->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, &tail);
		if (rc != SQLITE_OK)
			return sqlite_fail(s, rc, e);
		struct str rest = str_of(tail);
		if (st == NULL || place_skip_blank(rest, 0, PLACE_SQLITE) != rest.n) {
			(void)sqlite3_finalize(st);
			return err_set(e, ERR_INPUT, "want one SQL statement, got none or several");
		}
		c = oldest_cached(s);
		if (c == NULL) {
			rows->st = st;
			return 0;
		}
		forget(c);
		c->st = st;
	}
	c->key = sql;
	c->used = ++s->uses;
	c->busy = 1;
	rows->st = c->st;
	rows->cached = c;
	return 0;
}

static int bind_one(sqlite3_stmt *st, int index, const struct db_value *v, void (*keep)(void *))
{
	const char *p = v->s.p != NULL ? v->s.p : "";
	switch (v->type) {
	case DB_NULL:
		return sqlite3_bind_null(st, index);
	case DB_INT:
		return sqlite3_bind_int64(st, index, v->i);
	case DB_TEXT:
		return sqlite3_bind_text64(st, index, p, v->s.n, keep, SQLITE_UTF8);
	case DB_BLOB:
		if (v->s.p == NULL)
			return sqlite3_bind_null(st, index);
		return sqlite3_bind_blob64(st, index, p, v->s.n, keep);
	}
	return SQLITE_MISUSE;
}

static int bind(struct sqlite_session *s, sqlite3_stmt *st, const struct db_value *args, size_t n,
		int copy, struct err *e)
{
	if ((size_t)sqlite3_bind_parameter_count(st) != n)
		return err_set(e, ERR_INPUT, "the statement takes %d parameters, %zu were given",
			       sqlite3_bind_parameter_count(st), n);
	for (size_t i = 0; i < n; i++) {
		char name[24];
		(void)snprintf(name, sizeof name, "$%zu", i + 1);
		int index = sqlite3_bind_parameter_index(st, name);
		if (index == 0)
			return err_set(e, ERR_INPUT, "the statement has no parameter %s", name);
		int rc = bind_one(st, index, &args[i], copy ? SQLITE_TRANSIENT : SQLITE_STATIC);
		if (rc != SQLITE_OK)
			return sqlite_fail(s, rc, e);
	}
	return 0;
}

/* The statement has given all it had: its locks go, and it no longer points to lent bytes. */
static void release(struct sqlite_rows *rows)
{
	if (rows->cached != NULL) {
		(void)sqlite3_reset(rows->st);
		(void)sqlite3_clear_bindings(rows->st);
		rows->cached->busy = 0;
	} else {
		(void)sqlite3_finalize(rows->st);
	}
	rows->cached = NULL;
	rows->st = NULL;
}

static void sqlite_rows_free(struct db_rows *rows)
{
	struct sqlite_rows *r = (struct sqlite_rows *)rows;
	if (r->st != NULL)
		release(r);
	mem_free(r);
}

/* 1: a row; 0: done and released; -1: failed and released. */
static int step(struct sqlite_session *s, struct sqlite_rows *rows, struct err *e)
{
	sqlite_statement_start(s);
	int rc = sqlite3_step(rows->st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		(void)sqlite_fail(s, rc, e);
	/* Of a statement that changed nothing sqlite3_changes keeps the one before it. */
	else if (rows->changed != NULL && sqlite3_total_changes64(s->conn) != rows->before)
		*rows->changed = sqlite3_changes64(s->conn);
	release(rows);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int sqlite_query(struct db_rows **out, struct db *db, const char *sql,
			const struct db_value *args, size_t n, int64_t *changed, struct err *e)
{
	struct sqlite_session *s = session_of(db);
	atomic_store(&s->cancelled, 0);
	AUTO(db_rows) struct db_rows *base = NULL;
	struct sqlite_rows *rows = mem_array(1, sizeof *rows);
	if (rows == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rows->base.db = db;
	base = &rows->base;
	if (prepare(s, rows, sql, e) != 0 || bind(s, rows->st, args, n, changed == NULL, e) != 0)
		return -1;
	/* The first step is where SQLite does all writing, so errors show here. */
	rows->changed = changed;
	rows->before = sqlite3_total_changes64(s->conn);
	if (changed != NULL)
		*changed = 0;
	int rc = step(s, rows, e);
	if (rc < 0)
		return -1;
	rows->on_first = rc;
	*out = TAKE(base);
	return 0;
}

static int sqlite_next(struct db_rows *rows, struct err *e)
{
	struct sqlite_rows *r = (struct sqlite_rows *)rows;
	if (r->st == NULL)
		return 0;
	if (r->on_first) {
		r->on_first = 0;
		return 1;
	}
	return step(session_of(rows->db), r, e);
}

static void sqlite_column(struct db_value *out, const struct db_rows *rows, int column)
{
	sqlite3_stmt *st = ((const struct sqlite_rows *)rows)->st;
	*out = DB_N;
	if (st == NULL || column < 0 || column >= sqlite3_column_count(st))
		return;
	switch (sqlite3_column_type(st, column)) {
	case SQLITE_NULL:
		return;
	case SQLITE_INTEGER:
		*out = DB_I(sqlite3_column_int64(st, column));
		return;
	case SQLITE_BLOB:
		out->type = DB_BLOB;
		out->s.p = sqlite3_column_blob(st, column);
		break;
	default:
		out->type = DB_TEXT;
		out->s.p = (const char *)sqlite3_column_text(st, column);
		break;
	}
	out->s.n = (size_t)sqlite3_column_bytes(st, column);
	/* An empty blob is a NULL pointer there; it is not absent. */
	if (out->s.p == NULL)
		out->s = STR("");
}

/* A statement of our own, without parameters and rows. */
static int run(struct sqlite_session *s, const char *sql, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int64_t changed;
	return sqlite_query(&rows, &s->base, sql, DB_NO_ARGS, &changed, e);
}

static int sqlite_begin(struct db *db, struct err *e)
{
	return run(session_of(db), sql_begin, e);
}

static int sqlite_commit(struct db *db, struct err *e)
{
	struct sqlite_session *s = session_of(db);
	if (run(s, sql_commit, e) == 0)
		return 0;
	/* The log may hold the commit or not: only a new look tells. */
	if ((sqlite3_extended_errcode(s->conn) & 0xff) == SQLITE_IOERR && e != NULL)
		e->code = ERR_LOST;
	return -1;
}

static void sqlite_rollback(struct db *db)
{
	struct sqlite_session *s = session_of(db);
	/* Some failures (full disk, no memory) have rolled back already. */
	if (!sqlite3_get_autocommit(s->conn))
		IGNORE(run(s, sql_rollback, NULL)); /* what fails here ends with the session */
}

static void sqlite_cancel(struct db *db)
{
	struct sqlite_session *s = session_of(db);
	atomic_store(&s->cancelled, 1);
	sqlite3_interrupt(s->conn);
}

static int sqlite_checkpoint(struct db *db, struct err *e)
{
	struct sqlite_session *s = session_of(db);
	atomic_store(&s->cancelled, 0);
	int frames = 0, done = 0;
	int rc =
	    sqlite3_wal_checkpoint_v2(s->conn, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		return sqlite_fail(s, rc, e);
	if (frames < WAL_LARGE_FRAMES)
		return 0;
	/*
	 * A log that is never idle is never begun anew: hold the writers for the rest of it, which
	 * is little after the first pass, and try again next time when readers are in the way. The
	 * file keeps its size: writing over blocks that it has costs a third less than growing.
	 */
	int64_t lock_ms = s->lock_ms;
	if (db->enter != NULL)
		db->enter(db->gate);
	s->lock_ms = CHECKPOINT_WAIT_MS;
	rc = sqlite3_wal_checkpoint_v2(s->conn, NULL, SQLITE_CHECKPOINT_RESTART, &frames, &done);
	s->lock_ms = lock_ms;
	if (db->leave != NULL)
		db->leave(db->gate);
	return rc == SQLITE_OK || rc == SQLITE_BUSY ? 0 : sqlite_fail(s, rc, e);
}

static void sqlite_close(struct db *db)
{
	struct sqlite_session *s = session_of(db);
	for (size_t i = 0; i < SQLITE_CACHED; i++)
		forget(&s->cache[i]);
	(void)sqlite3_close_v2(s->conn);
	mem_free(s);
}

/* Run a pragma at open; another connection may be making the same file at this moment. */
static int pragma(struct sqlite_session *s, const char *sql, struct err *e)
{
	int64_t since = clock_mono_ms();
	for (;;) {
		int rc = sqlite3_exec(s->conn, sql, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			return 0;
		if ((rc & 0xff) != SQLITE_BUSY || clock_mono_ms() - since >= s->lock_ms)
			return sqlite_fail(s, rc, e);
		struct timespec pause = { .tv_nsec = 5 * 1000000L };
		(void)nanosleep(&pause, NULL);
	}
}

/* A target must not be the file of a store, by a hard link or by a slip in the configuration. */
static int refuse_store(struct sqlite_session *s, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (sqlite_query(&rows, &s->base, sql_is_store, DB_NO_ARGS, NULL, e) != 0)
		return -1;
	int rc = sqlite_next(rows, e);
	if (rc <= 0)
		return rc;
	return err_set(e, ERR_REFUSED,
		       "it is a store of Tidegate's own (it has a table 'tidegate_schema'), which "
		       "cannot be a target");
}

static int configure(struct sqlite_session *s, const struct db_options *o, int made, struct err *e)
{
	(void)sqlite3_extended_result_codes(s->conn, 1);
	(void)sqlite3_busy_handler(s->conn, on_busy, s);
	(void)sqlite3_set_authorizer(s->conn, sqlite_authorize, s);
	if (s->statement_ms > 0 || s->bounded)
		sqlite3_progress_handler(s->conn, PROGRESS_STEPS, on_progress, s);
	/* The first look at the file: whether it is a database at all. */
	if (pragma(s, "pragma schema_version", e) != 0)
		return -1;
	if (!o->store && !made && refuse_store(s, e) != 0)
		return -1;
	if ((made || o->store) && pragma(s, "pragma journal_mode = wal", e) != 0)
		return -1;
	if (o->store && pragma(s, "pragma secure_delete = off; pragma wal_autocheckpoint = 0", e))
		return -1;
	return pragma(s, o->durable ? "pragma synchronous = full" : "pragma synchronous = normal",
		      e);
}

/* The path, and whether a file is there with something in it. */
static int look(char **path, int *made, const struct db_options *o, struct err *e)
{
	AUTO(free) char *p = str_to_cstr(str_from(o->url, URL_SCHEME), e);
	if (p == NULL)
		return -1;
	if (p[0] == '\0' || strcmp(p, ":memory:") == 0)
		return err_set(e, ERR_INPUT, "url '%.*s' names no file, want sqlite:PATH",
			       STR_ARG(o->url));
	struct stat st;
	/* Who owns a target's directory must not send us to a file that is not theirs. */
	int missing = (o->store ? stat(p, &st) : lstat(p, &st)) != 0;
	if (missing && errno != ENOENT)
		return err_sys(e, errno, "cannot open database '%s'", p);
	if (missing && !o->create)
		return err_set(e, ERR_NOTFOUND, "no database file '%s'", p);
	if (!missing && S_ISLNK(st.st_mode))
		return err_set(e, ERR_REFUSED,
			       "database '%s' is a symbolic link; name the file itself", p);
	if (!missing && !S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "database '%s' is not a regular file", p);
	*made = missing || st.st_size == 0;
	*path = TAKE(p);
	return 0;
}

/* A session without a connection; NULL without memory. */
static struct sqlite_session *session_new(const struct db_options *o)
{
	struct sqlite_session *s = mem_array(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->base.driver = &db_sqlite;
	s->lock_ms = o->lock_timeout_ms > 0 ? o->lock_timeout_ms : LOCK_MS;
	s->statement_ms = o->statement_timeout_ms;
	atomic_init(&s->cancelled, 0);
	return s;
}

int sqlite_open_memory(struct sqlite_session **out, int64_t steps, struct err *e)
{
	const struct db_options o = { .statement_timeout_ms = 0 };
	struct sqlite_session *s = session_new(&o);
	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->bounded = 1;
	s->looks = steps / PROGRESS_STEPS;
	int rc = sqlite3_open_v2(":memory:", &s->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				 NULL);
	if (rc != SQLITE_OK)
		(void)sqlite_fail(s, rc, e);
	else
		rc = configure(s, &o, 1, e);
	if (rc != SQLITE_OK) {
		sqlite_close(&s->base);
		return -1;
	}
	*out = s;
	return 0;
}

static int sqlite_open(struct db **out, const struct db_options *o, struct err *e)
{
	AUTO(free) char *path = NULL;
	int made = 0;
	if (look(&path, &made, o, e) != 0)
		return -1;
	struct sqlite_session *s = session_new(o);
	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (o->create ? SQLITE_OPEN_CREATE : 0);
	int rc = sqlite3_open_v2(path, &s->conn, flags, NULL);
	if (rc != SQLITE_OK) {
		(void)sqlite_fail(s, rc, e);
	} else {
		/* Never by a descriptor of our own: closing one drops the process's file locks. */
		if (made && o->store)
			(void)chmod(path, S_IRUSR | S_IWUSR);
		rc = configure(s, o, made, e);
	}
	if (rc != SQLITE_OK) {
		sqlite_close(&s->base);
		return err_wrap(e, "cannot open database '%s'", path);
	}
	*out = &s->base;
	return 0;
}

static const char *const schemes[] = { "sqlite:", NULL };

/* SQLITE_BUSY, SQLITE_LOCKED, and BUSY_RECOVERY, LOCKED_SHAREDCACHE, BUSY_SNAPSHOT, BUSY_TIMEOUT */
static const char *const lock_codes[] = { "5", "6", "261", "262", "517", "773", NULL };

const struct db_driver db_sqlite = {
	.name = "sqlite",
	.schemes = schemes,
	.flags = DB_DDL_IN_TX | DB_ONE_WRITER | DB_FILE | DB_BLOCKS,
	.identity = "integer primary key autoincrement",
	.blob = "blob",
	.skip_locked = "",
	.ledger = "main.tidegate_revision",
	.ledger_look =
	    "select case when exists (select 1 from pragma_table_info('tidegate_revision')"
	    " where name = 'in_flight') then 1 else 3 end, null from main.sqlite_master"
	    " where type = 'table' and name = 'tidegate_revision'",
	.ledger_ddl = sqlite_ledger_ddl,
	.ledger_upgrade = sqlite_ledger_upgrade,
	.lock_codes = lock_codes,
	.tables_named = "select null, name from main.sqlite_master where type = 'table'"
			" and name in ($1, $2, $3, $4) order by name",
	.open = sqlite_open,
	.close = sqlite_close,
	.query = sqlite_query,
	.next = sqlite_next,
	.column = sqlite_column,
	.rows_free = sqlite_rows_free,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.screen = sqlite_screen,
	.script = sqlite_script,
	.split = sqlite_split,
	.statement = sqlite_statement,
	.reset = sqlite_reset,
	.cancel = sqlite_cancel,
	.checkpoint = sqlite_checkpoint,
	.databases = sqlite_databases,
	.inspect = sqlite_inspect,
	.copy = sqlite_copy,
	.explain = sqlite_explain,
	.count = sqlite_count,
};
