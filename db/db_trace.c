/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that wraps a session and tells each call. It copies the inner driver's table and
 * replaces the slots that talk to the database; rows belong to the inner session.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "db/db.h"

#include <stdio.h>

struct trace {
	struct db base;
	struct db_driver driver; /* the inner one's, with our slots */
	struct db *inner;
	void (*line)(void *context, const char *text);
	void *context;
};

enum { LINE_MAX_BYTES = 4096 };

static struct trace *trace_of(struct db *db)
{
	return (struct trace *)db;
}

/* Tell "what detail" or "what detail: failure". */
static int tell(struct trace *t, const char *what, struct str detail, int rc, const struct err *e)
{
	AUTO(buf) struct buf b;
	buf_init(&b, LINE_MAX_BYTES);
	buf_adds(&b, what);
	if (detail.n > 0)
		buf_addc(&b, ' ');
	buf_add(&b, str_first(detail, LINE_MAX_BYTES / 2));
	if (rc != 0 && e != NULL)
		buf_addf(&b, ": %s: %s", err_code_name(e->code), e->msg);
	t->line(t->context, b.p);
	return rc;
}

static void trace_close(struct db *db)
{
	struct trace *t = trace_of(db);
	(void)tell(t, "close", STR_NULL, 0, NULL);
	db_close(t->inner);
	mem_free(t);
}

static int trace_query(struct db_rows **out, struct db *db, const char *sql,
		       const struct db_value *args, size_t n, int64_t *changed, struct err *e)
{
	struct trace *t = trace_of(db);
	int rc = t->inner->driver->query(out, t->inner, sql, args, n, changed, e);
	return tell(t, changed != NULL ? "exec" : "query", str_of(sql), rc, e);
}

static int trace_begin(struct db *db, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "begin", STR_NULL, db_begin(t->inner, e), e);
}

static int trace_commit(struct db *db, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "commit", STR_NULL, db_commit(t->inner, e), e);
}

static void trace_rollback(struct db *db)
{
	struct trace *t = trace_of(db);
	(void)tell(t, "rollback", STR_NULL, 0, NULL);
	db_rollback(t->inner);
}

static int trace_script(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "script", text, db_script_run(t->inner, text, script, e), e);
}

static int trace_statement(struct db *db, const struct db_statement *statement,
			   struct db_script *script, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "statement", statement->text,
		    db_statement_run(t->inner, statement, script, e), e);
}

static int trace_reset(struct db *db, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "reset", STR_NULL, db_session_reset(t->inner, e), e);
}

static int trace_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
		       struct arena *arena, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "probe", statement->text, db_probe(out, t->inner, statement, arena, e), e);
}

static int trace_lock(struct db *db, int64_t wait_ms, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "lock", STR_NULL, db_lock(t->inner, wait_ms, e), e);
}

static void trace_cancel(struct db *db)
{
	db_cancel(trace_of(db)->inner);
}

static int trace_checkpoint(struct db *db, struct err *e)
{
	struct trace *t = trace_of(db);
	return tell(t, "checkpoint", STR_NULL, db_checkpoint(t->inner, e), e);
}

int db_trace(struct db **out, struct db *inner, void (*line)(void *context, const char *text),
	     void *context, struct err *e)
{
	struct trace *t = mem_array(1, sizeof *t);
	if (t == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->driver = *inner->driver;
	t->driver.close = trace_close;
	t->driver.query = trace_query;
	t->driver.begin = trace_begin;
	t->driver.commit = trace_commit;
	t->driver.rollback = trace_rollback;
	t->driver.script = trace_script;
	t->driver.statement = trace_statement;
	t->driver.reset = trace_reset;
	t->driver.probe = trace_probe;
	t->driver.lock = trace_lock;
	t->driver.cancel = trace_cancel;
	t->driver.checkpoint = trace_checkpoint;
	t->base.driver = &t->driver;
	t->inner = inner;
	t->line = line;
	t->context = context;
	*out = &t->base;
	return 0;
}
