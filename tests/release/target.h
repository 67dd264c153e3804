/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RELEASE_TARGET_H
#define TESTS_RELEASE_TARGET_H

/*
 * A target for the runner, fresh for each test, on each database: what is applied comes from a
 * table of "PATH=CONTENT", and what is logged is kept.
 */

#include "release/revision.h"
#include "release/runner.h"
#include "tests/release/room.h"

struct target {
	struct room *room;
	const char *const *files; /* contents, for runner_events.content */
	struct manifest manifest;
	struct runner_job job;
	struct runner_events events;
	struct runner_result result;
	struct buf log; /* "kind: text" lines */
	int logged_retries;
	int stop_after;    /* calls of stop that answer 0; -1: all */
	const char *spoil; /* this path's content is answered wrong */
	void *extra;       /* a test's own */
	struct err e;
	char url[320];
	char database[64];
};

PG_HELPER int target_content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	const struct target *t = context;
	for (size_t i = 0; t->files[i] != NULL; i++) {
		const char *text = strchr(t->files[i], '=') + 1;
		struct manifest_file f = room_file(t->room, "x", text);
		char hex[SHA256_HEX];
		if (strcmp(hex_encode(hex, f.sha256, sizeof f.sha256), sha256) != 0)
			continue;
		buf_adds(out, text);
		if (t->spoil != NULL && strncmp(t->files[i], t->spoil, strlen(t->spoil)) == 0)
			out->p[0] = '#';
		return 0;
	}
	return err_set(e, ERR_NOTFOUND, "no such content");
}

PG_HELPER void target_log(void *context, const char *kind, struct str text)
{
	struct target *t = context;
	t->logged_retries += strcmp(kind, "retry") == 0;
	buf_addf(&t->log, "%s: %.*s\n", kind, STR_ARG(text));
}

PG_HELPER int target_stop(void *context)
{
	struct target *t = context;
	if (t->stop_after < 0)
		return 0;
	return t->stop_after-- == 0;
}

/* A new database of the room's kind, and a job for `files` on it. */
PG_HELPER void target_init(struct target *t, struct room *room, const char *const *files)
{
	static int number;
	*t = (struct target){ .room = room, .files = files, .stop_after = -1 };
	(void)snprintf(t->database, sizeof t->database, "target_%d_%d", (int)getpid(), number++);
	(void)snprintf(t->url, sizeof t->url, "sqlite:%s/%s.db", room->dir, t->database);
	t->job.target = (struct db_options){ .url = str_of(t->url), .create = 1 };
	if (room->pg != NULL) {
		(void)snprintf(t->url, sizeof t->url, "%s", room->pg->url);
		assert_int_equal(pg_database(room->pg, t->database), 0);
		t->job.target.url = str_of(t->url);
		t->job.target.database = str_of(t->database);
	}
	buf_init(&t->log, 1 << 20);
	t->events = (struct runner_events){
		.content = target_content, .log = target_log, .stop = target_stop, .context = t
	};
	t->manifest = room_manifest(room, files);
	t->job.manifest = &t->manifest;
	t->job.rules.project = STR("shop");
	t->job.release = STR("projects/shop/releases/r");
	t->job.task_run = STR("run-1");
	t->job.repository = STR("app");
	t->job.commit = STR("c1");
	t->job.applied_by = STR("tidegate test");
	t->job.lock_wait_ms = 10000;
	t->job.tries = 5;
}

/* Another release for the same target. */
PG_HELPER void target_files(struct target *t, const char *const *files)
{
	t->files = files;
	t->manifest = room_manifest(t->room, files);
}

PG_HELPER int target_run(struct target *t)
{
	t->e = (struct err){ .code = ERR_NONE };
	return runner_run(&t->result, &t->job, &t->events, &t->room->arena, &t->e);
}

PG_HELPER struct db *target_open(const struct target *t)
{
	struct db *db = NULL;
	struct db_options o = t->job.target;
	struct err e;
	if (t->room->pg != NULL)
		o.url = str_of(t->room->pg->url); /* never through a test's proxy */
	check_ok(db_open(&db, &o, &e), &e);
	return db;
}

PG_HELPER int64_t target_number(const struct target *t, const char *sql)
{
	int64_t n = -1;
	struct err e;
	struct db *db = target_open(t);
	if (store_int(&n, db, sql, DB_NO_ARGS, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	db_close(db);
	return n;
}

PG_HELPER void target_exec(const struct target *t, const char *sql)
{
	struct err e;
	struct db *db = target_open(t);
	check_ok(db_exec(db, NULL, sql, DB_NO_ARGS, &e), &e);
	db_close(db);
}

PG_HELPER size_t target_ledger(const struct target *t, struct revision **out)
{
	struct revision *list;
	size_t n;
	struct err e;
	struct db *db = target_open(t);
	check_ok(revision_list(&list, &n, db, &t->room->arena, &e), &e);
	db_close(db);
	if (out != NULL)
		*out = list;
	return n;
}

PG_HELPER void target_end(struct target *t)
{
	buf_free(&t->log);
}

#endif
