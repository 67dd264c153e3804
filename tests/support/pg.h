/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PG_H
#define TESTS_SUPPORT_PG_H

#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * A running PostgreSQL for a test program: the one that TIDEGATE_TEST_PG names (a postgresql:// url
 * without a database, of a superuser), or one of its own in a temporary directory, on a free port
 *of 127.0.0.1, that dies with the program. Everybody may log in without a password, but for the
 *role "locked", which needs one. Several programs can have one each.
 *
 *	static struct pg pg;
 *	if (pg_start(&pg) != 0) return 77;      (no PostgreSQL on this machine)
 *	... pg_database(&pg, "mine"); options.url = str_of(pg.url), options.database = STR("mine")
 *... pg_stop(&pg);
 */
struct pg {
	char url[256];
	char dir[64]; /* empty: the server is not ours */
	char bin[256];
	int port;
	pid_t pid;
};

#define PG_HELPER static __attribute__((unused))

PG_HELPER void pg_pause(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	(void)nanosleep(&t, NULL);
}

/* Run a program of the server's, as the user "postgres" when we are root (the server refuses root).
 */
PG_HELPER pid_t pg_spawn(const struct pg *pg, char *const *program)
{
	static char setpriv[] = "setpriv", user[] = "--reuid=postgres",
		    group[] = "--regid=postgres", clear[] = "--clear-groups",
		    death[] = "--pdeathsig=SIGQUIT";
	char *argv[32] = { setpriv, user, group, clear, death };
	size_t n = geteuid() == 0 ? 5 : 0;
	char log[128];
	(void)snprintf(log, sizeof log, "%s/log", pg->dir);
	for (size_t i = 0; program[i] != NULL && n < 31; i++)
		argv[n++] = program[i];
	argv[n] = NULL;
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)!chdir(pg->dir);
	(void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
	(void)execvp(argv[0], argv);
	_exit(127);
}

PG_HELPER int pg_wait(pid_t pid)
{
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The newest installed server. */
PG_HELPER int pg_find(struct pg *pg)
{
	glob_t g;
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) != 0)
		return -1;
	(void)snprintf(pg->bin, sizeof pg->bin, "%s", g.gl_pathv[g.gl_pathc - 1]);
	*strrchr(pg->bin, '/') = '\0';
	globfree(&g);
	return 0;
}

PG_HELPER int pg_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 &&
		 getsockname(fd, (struct sockaddr *)&a, &n) == 0;
	(void)close(fd);
	return ok ? ntohs(a.sin_port) : -1;
}

PG_HELPER struct db *pg_open(const struct pg *pg, const char *database, struct err *e)
{
	struct db *db = NULL;
	struct db_options o = { .url = str_of(pg->url), .database = str_of(database) };
	return db_open(&db, &o, e) == 0 ? db : NULL;
}

/* Make a database; 0 or -1. */
PG_HELPER int pg_database(const struct pg *pg, const char *name)
{
	struct err e = { .code = ERR_NONE };
	char sql[128];
	(void)snprintf(sql, sizeof sql, "create database \"%s\"", name);
	struct db *db = pg_open(pg, "postgres", &e);
	int rc = db != NULL ? db_exec(db, NULL, sql, DB_NO_ARGS, &e) : -1;
	if (rc != 0)
		(void)fprintf(stderr, "%s: %s\n", sql, e.msg);
	db_close(db);
	return rc;
}

/* A small program of the system, such as rm. */
PG_HELPER int pg_tool(char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	return pg_wait(pid);
}

PG_HELPER int pg_init(struct pg *pg)
{
	char program[300], data[128], hba[160];
	(void)snprintf(pg->dir, sizeof pg->dir, "/tmp/tidegate-pg-XXXXXX");
	if (mkdtemp(pg->dir) == NULL)
		return -1;
	if (geteuid() == 0) {
		char command[] = "chown", owner[] = "postgres";
		if (pg_tool((char *[]){ command, owner, pg->dir, NULL }) != 0)
			return -1;
	}
	(void)snprintf(program, sizeof program, "%s/initdb", pg->bin);
	(void)snprintf(data, sizeof data, "%s/data", pg->dir);
	char d[] = "-D", e[] = "-EUTF8", l[] = "--locale=C", u[] = "-Upostgres", a[] = "-Atrust",
	     s[] = "--no-sync";
	char *argv[] = { program, d, data, e, l, u, a, s, NULL };
	if (pg_wait(pg_spawn(pg, argv)) != 0)
		return -1;
	(void)snprintf(hba, sizeof hba, "%s/data/pg_hba.conf", pg->dir);
	FILE *f = fopen(hba, "w");
	if (f == NULL)
		return -1;
	(void)fputs("host all locked 127.0.0.1/32 scram-sha-256\n"
		    "host all all 127.0.0.1/32 trust\nlocal all all trust\n",
		    f);
	return fclose(f);
}

/* Start it on a port that was free a moment ago; another program may have taken it since. */
PG_HELPER int pg_run(struct pg *pg)
{
	char program[300], data[128], port[16], sockets[128];
	pg->port = pg_free_port();
	(void)snprintf(program, sizeof program, "%s/postgres", pg->bin);
	(void)snprintf(data, sizeof data, "%s/data", pg->dir);
	(void)snprintf(port, sizeof port, "-p%d", pg->port);
	(void)snprintf(sockets, sizeof sockets, "-cunix_socket_directories=%s", pg->dir);
	(void)snprintf(pg->url, sizeof pg->url, "postgresql://postgres@127.0.0.1:%d", pg->port);
	char d[] = "-D", listen_on[] = "-clisten_addresses=127.0.0.1", fsync_off[] = "-cfsync=off";
	char *argv[] = { program, d, data, port, sockets, listen_on, fsync_off, NULL };
	pg->pid = pg_spawn(pg, argv);
	for (int i = 0; i < 600; i++) {
		struct err e;
		struct db *db = pg_open(pg, "postgres", &e);
		if (db != NULL) {
			db_close(db);
			return 0;
		}
		if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid)
			break;
		pg_pause(50);
	}
	pg->pid = 0;
	return -1;
}

PG_HELPER void pg_stop(struct pg *pg)
{
	char rm[] = "rm", flags[] = "-rf";
	if (pg->pid > 0) {
		(void)kill(pg->pid, SIGQUIT);
		(void)pg_wait(pg->pid);
	}
	if (pg->dir[0] != '\0')
		(void)pg_tool((char *[]){ rm, flags, pg->dir, NULL });
	*pg = (struct pg){ .pid = 0 };
}

PG_HELPER int pg_start(struct pg *pg)
{
	*pg = (struct pg){ .pid = 0 };
	const char *running = getenv("TIDEGATE_TEST_PG");
	if (running != NULL && running[0] != '\0') {
		(void)snprintf(pg->url, sizeof pg->url, "%s", running);
		return 0;
	}
	if (pg_find(pg) != 0)
		return -1;
	int rc = pg_init(pg);
	for (int i = 0; rc == 0 && i < 5; i++) {
		if (pg_run(pg) == 0)
			return 0;
	}
	(void)fprintf(stderr, "PostgreSQL does not start; see %s/log\n", pg->dir);
	return -1;
}

#endif
