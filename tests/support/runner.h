/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_RUNNER_H
#define TESTS_SUPPORT_RUNNER_H

/*
 * For tests of the runner on every driver: a target over the fixture's database, and scripts in its
 * dialect. Every insert is into a table without a unique key, so a statement that ran twice shows.
 */

#include "base/digest.h"
#include "release/resolve.h"
#include "release/runner.h"
#include "support/check.h"
#include "support/driver.h"

#include <stdatomic.h>
#include <string.h>

/* ---- a target ---- */

/* One run after the other over the fixture's database; the files are "PATH=CONTENT". */
struct target {
	const struct fixture *f;
	const char *const *files;
	struct arena arena;
	struct digest *digest;
	struct manifest manifest;
	struct runner_job job;
	struct runner_events events;
	struct runner_result result;
	struct buf log;
	atomic_int stop;
	struct err e;
};

DRIVER_HELPER int content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	const struct target *t = context;
	for (size_t i = 0; i < t->manifest.n; i++) {
		if (strcmp(t->manifest.files[i].sha256, sha256) != 0)
			continue;
		for (size_t k = 0; t->files[k] != NULL; k++) {
			struct str path =
			    str_first(str_of(t->files[k]), str_find(str_of(t->files[k]), '='));
			if (str_eq(path, t->manifest.files[i].path))
				buf_adds(out, strchr(t->files[k], '=') + 1);
		}
		return 0;
	}
	return err_set(e, ERR_NOTFOUND, "no such content");
}

DRIVER_HELPER void keep_log(void *context, const char *kind, struct str text)
{
	struct target *t = context;
	buf_addf(&t->log, "%s: %.*s\n", kind, STR_ARG(text));
}

DRIVER_HELPER int stop(void *context)
{
	struct target *t = context;
	return atomic_load(&t->stop);
}

DRIVER_HELPER void set_files(struct target *t, const char *const *files)
{
	struct manifest_file list[32];
	size_t n = 0;
	t->files = files;
	for (; files[n] != NULL; n++) {
		struct str all = str_of(files[n]);
		struct str text = str_from(all, str_find(all, '=') + 1);
		list[n].path = str_first(all, str_find(all, '='));
		list[n].size = text.n;
		must(digest_sha256(t->digest, list[n].sha256, text, &e));
	}
	must(manifest_build(&t->manifest, list, n, t->digest, &t->arena, &e));
}

DRIVER_HELPER void begin(struct target *t, const struct fixture *f, const char *const *files)
{
	*t = (struct target){ .f = f };
	arena_init(&t->arena, 1 << 26);
	t->digest = digest_new();
	assert_non_null(t->digest);
	buf_init(&t->log, 1 << 20);
	t->events = (struct runner_events){
		.content = content, .log = keep_log, .stop = stop, .context = t
	};
	t->job.target = (struct db_options){ .url = str_of(f->url),
					     .database = str_of(f->database),
					     .create = 1,
					     .lock_timeout_ms = 20000 };
	t->job.manifest = &t->manifest;
	t->job.release = STR("projects/shop/releases/r");
	t->job.task_run = STR("run-1");
	t->job.target_name = STR("instances/i/databases/d");
	t->job.applied_by = STR("tidegate test");
	t->job.lock_wait_ms = 20000;
	t->job.tries = 5;
	set_files(t, files);
}

DRIVER_HELPER void end(struct target *t)
{
	arena_free(&t->arena);
	digest_free(t->digest);
	buf_free(&t->log);
}

DRIVER_HELPER int run(struct target *t)
{
	t->e = (struct err){ .code = ERR_NONE };
	return runner_run(&t->result, &t->job, &t->events, &t->arena, &t->e);
}

DRIVER_HELPER void run_ok(struct target *t)
{
	if (run(t) != 0)
		fail_msg("%s\n%s", t->e.msg, t->log.p);
}

DRIVER_HELPER void run_refused(struct target *t, const char *message)
{
	assert_int_equal(run(t), -1);
	if (t->e.code != ERR_REFUSED || strstr(t->e.msg, message) == NULL)
		fail_msg("want '%s', got %s: %s", message, err_code_name(t->e.code), t->e.msg);
}

/* A number from the target, in a session of its own; -1 when the query fails. */
DRIVER_HELPER int64_t number(const struct fixture *f, const char *sql)
{
	struct err e;
	AUTO(db) struct db *db = connect_to(f);
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql, DB_NO_ARGS, &e) != 0 || db_next(rows, &e) != 1)
		return -1;
	return db_int(rows, 0);
}

DRIVER_HELPER int has_row(struct revision *out, struct target *t, const char *version)
{
	AUTO(db) struct db *db = connect_to(t->f);
	struct err why;
	must(revision_prepare(db, &e));
	int rc = revision_get(out, db, str_of(version), &t->arena, &why);
	check_ok(rc < 0, &why);
	return rc;
}

DRIVER_HELPER void resolve(struct target *t, const char *version, enum resolve_how how,
			   int64_t from)
{
	AUTO(db) struct db *db = connect_to(t->f);
	struct revision before, after;
	const struct resolve r = { .how = how, .from = from, .by = STR("mary on here") };
	must(db_lock(db, 20000, &e));
	must(resolve_revision(&before, &after, db, str_of(version), &r, &t->arena, &e));
}

/* A clean target: no tables of the tests, an empty ledger. */
DRIVER_HELPER void clean(const struct fixture *f)
{
	static const char *const tables[] = { "ran", "held", "nowhere", "other" };
	AUTO(db) struct db *db = connect_to(f);
	char sql[128];
	must(revision_prepare(db, &e));
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		(void)snprintf(sql, sizeof sql, "drop table if exists %s", tables[i]);
		run_sql(db, sql);
	}
	(void)snprintf(sql, sizeof sql, "delete from %s", db_ledger(db));
	run_sql(db, sql);
}

DRIVER_HELPER void check_rows(const struct fixture *f, int64_t n)
{
	assert_int_equal(number(f, "select count(*) from ran"), n);
	assert_int_equal(number(f, "select count(distinct v) from ran"), n);
}

/* ---- scripts ---- */

#define TABLE "create table ran (v varchar(20));\n"
#define ADD(v) "insert into ran values ('" v "');\n"
#define FIRST "m/1_init.sql=" TABLE ADD("1")
#define FILE_OF(v) "m/" v "_x.sql=" ADD(v)

/* Ten statements of all sorts, of which four add a row; what differs are the third, which is
 * outside a transaction, and the fourth and ninth. */
#define SORTS(third, fourth, ninth)                                                                \
	"m/1_sorts.sql=-- txn-mode = off\n" TABLE ADD("2") third                                   \
	    ";\n" fourth ";\n" ADD("5") "begin;\n" ADD("7") "commit;\n" ninth ";\n" ADD("10")

static const struct dialect {
	const char *driver;
	const char *sorts;
	const char *third_is_done; /* query: 1 when it is */
	const char *outside;       /* one that cannot be in a transaction and is harmless */
} dialects[] = {
	{ "postgresql",
	  SORTS("create index concurrently ran_v on ran (v)", "set work_mem = '5MB'", "vacuum ran"),
	  "select count(*) from pg_index where indexrelid = to_regclass('ran_v') and indisvalid",
	  "vacuum" },
	{ "sqlite", SORTS("vacuum", "pragma foreign_keys = on", "pragma page_size = 4096"),
	  "select 1", "vacuum" },
	{ "mysql",
	  SORTS("create index ran_v on ran (v)", "set @tidegate_test = 1", "optimize table ran"),
	  "select count(*) from information_schema.statistics where index_name = 'ran_v'"
	  " and table_schema = database()",
	  "optimize table ran" },
};

DRIVER_HELPER const struct dialect *dialect(const struct fixture *f)
{
	AUTO(db) struct db *db = connect_to(f);
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
		if (strcmp(dialects[i].driver, db_driver_of(db)->name) == 0)
			return &dialects[i];
	}
	fail_msg("no scripts for driver '%s'", db_driver_of(db)->name);
	return NULL;
}

#endif
