/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a C program does to bring PostgreSQL databases up to date: one poll loop over many
 * non-blocking connections, one round trip to look (lock, table, what is applied) and one for each
 * migration (begin, script, row, commit).
 *
 *	floor_postgres CONNINFO DIR WIDTH DATABASE...
 */

#include "tests/bench/floor_files.h"

#include <libpq-fe.h>

#include <poll.h>

enum { WIDTH_MAX = 256 };

struct target {
	const char *database;
	PGconn *conn;
	int connected;
	short want;
	size_t next;
	unsigned char applied[1025];
};

static const char look[] =
    "set client_min_messages = warning;"
    "select pg_try_advisory_lock(7310);"
    "create table if not exists revisions(name text primary key, sha text not null,"
    " at timestamptz not null default now());"
    "select name from revisions;";

static void fail(const struct target *t, const char *what)
{
	(void)fprintf(stderr, "floor_postgres: %s: %s: %s\n", t->database, what,
		      PQerrorMessage(t->conn));
	exit(1);
}

static void send_text(struct target *t, const char *sql)
{
	if (!PQsendQuery(t->conn, sql))
		fail(t, "send");
	t->want = PQflush(t->conn) ? POLLIN | POLLOUT : POLLIN;
}

static void start(struct target *t, const char *conninfo)
{
	char info[1024];
	(void)snprintf(info, sizeof info, "%s dbname=%s", conninfo, t->database);
	t->conn = PQconnectStart(info);
	if (t->conn == NULL || PQstatus(t->conn) == CONNECTION_BAD)
		fail(t, "connect");
	t->want = POLLOUT;
}

/* 0 when there is nothing left: the connection is closed. */
static int apply_next(struct target *t, const struct floor_files *files, size_t *applied)
{
	char sql[8192];
	while (t->next < files->n && t->applied[t->next])
		t->next++;
	if (t->next == files->n) {
		PQfinish(t->conn);
		t->conn = NULL;
		return 0;
	}
	const struct floor_file *f = &files->p[t->next++];
	(void)snprintf(sql, sizeof sql,
		       "begin;%s;insert into revisions(name, sha) values('%s', '');commit;", f->sql,
		       f->name);
	send_text(t, sql);
	++*applied;
	return 1;
}

static void connecting(struct target *t)
{
	switch ((int)PQconnectPoll(t->conn)) {
	case PGRES_POLLING_READING:
		t->want = POLLIN;
		return;
	case PGRES_POLLING_WRITING:
		t->want = POLLOUT;
		return;
	case PGRES_POLLING_OK:
		break;
	default:
		fail(t, "connect");
	}
	(void)PQsetnonblocking(t->conn, 1);
	t->connected = 1;
	send_text(t, look);
}

static void take(struct target *t, const struct floor_files *files, PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);
	if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK)
		fail(t, "query");
	if (s == PGRES_TUPLES_OK && strcmp(PQfname(r, 0), "name") == 0) {
		for (int i = 0; i < PQntuples(r); i++)
			t->applied[floor_find(files, PQgetvalue(r, i, 0))] = 1;
	}
	PQclear(r);
}

/* 0 when the target is done. */
static int ready(struct target *t, const struct floor_files *files, size_t *applied)
{
	if (!t->connected) {
		connecting(t);
		return 1;
	}
	int left = PQflush(t->conn);
	if (left < 0 || !PQconsumeInput(t->conn))
		fail(t, "read");
	t->want = left ? POLLIN | POLLOUT : POLLIN;
	while (!PQisBusy(t->conn)) {
		PGresult *r = PQgetResult(t->conn);
		if (r != NULL)
			take(t, files, r);
		else if (!apply_next(t, files, applied))
			return 0;
	}
	return 1;
}

static size_t run(struct target *targets, size_t n, const char *conninfo, size_t width,
		  const struct floor_files *files)
{
	struct target *live[WIDTH_MAX];
	struct pollfd fds[WIDTH_MAX];
	size_t n_live = 0, started = 0, applied = 0;
	while (n_live > 0 || started < n) {
		while (n_live < width && started < n)
			start(live[n_live++] = &targets[started++], conninfo);
		for (size_t i = 0; i < n_live; i++)
			fds[i] = (struct pollfd){ PQsocket(live[i]->conn), live[i]->want, 0 };
		if (poll(fds, n_live, -1) < 0)
			exit(1);
		for (size_t i = n_live; i-- > 0;) {
			if (fds[i].revents != 0 && !ready(live[i], files, &applied))
				live[i] = live[--n_live];
		}
	}
	return applied;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	struct floor_files files = floor_load(argv[2]);
	size_t n = (size_t)argc - 4;
	size_t width = (size_t)strtoul(argv[3], NULL, 10);
	struct target *targets = calloc(n, sizeof *targets);
	if (targets == NULL || width == 0 || width > WIDTH_MAX)
		return 2;
	for (size_t i = 0; i < n; i++)
		targets[i].database = argv[4 + i];
	double begin = floor_now();
	size_t applied = run(targets, n, argv[1], width, &files);
	floor_print(n, &files, applied, begin);
	free(targets);
	free(files.p);
	return 0;
}
