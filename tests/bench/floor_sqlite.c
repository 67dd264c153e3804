/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a C program does to bring SQLite files up to date, one after the other:
 *write-ahead log, synchronous=FULL, each migration in a transaction with its row.
 *
 *	floor_sqlite DIR FILE...
 */

#include "tests/bench/floor_files.h"

#include <sqlite3.h>

static void run(sqlite3 *db, const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
		return;
	(void)fprintf(stderr, "floor_sqlite: %s\n", message);
	exit(1);
}

static void read_applied(sqlite3 *db, const struct floor_files *files, unsigned char *applied)
{
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v2(db, "select name from revisions", -1, &st, NULL) != SQLITE_OK)
		exit(1);
	while (sqlite3_step(st) == SQLITE_ROW)
		applied[floor_find(files, (const char *)sqlite3_column_text(st, 0))] = 1;
	(void)sqlite3_finalize(st);
}

static size_t migrate(const char *path, const struct floor_files *files)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	unsigned char applied[1025] = { 0 };
	size_t n = 0;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	run(db, "pragma journal_mode=wal");
	run(db, "pragma synchronous=full");
	run(db, "create table if not exists revisions(name text primary key, sha text not null)"
		" without rowid");
	read_applied(db, files, applied);
	(void)sqlite3_prepare_v2(db, "insert into revisions values(?, '')", -1, &st, NULL);
	for (size_t i = 0; i < files->n; i++) {
		if (applied[i])
			continue;
		run(db, "begin immediate");
		run(db, files->p[i].sql);
		(void)sqlite3_bind_text(st, 1, files->p[i].name, -1, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			exit(1);
		(void)sqlite3_reset(st);
		run(db, "commit");
		n++;
	}
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	struct floor_files files = floor_load(argv[1]);
	size_t applied = 0;
	double start = floor_now();
	for (int i = 2; i < argc; i++)
		applied += migrate(argv[i], &files);
	floor_print((size_t)argc - 2, &files, applied, start);
	free(files.p);
	return 0;
}
