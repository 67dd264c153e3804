/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MY_H
#define TESTS_SUPPORT_MY_H

#include "support/pg.h"

/*
 * A running MariaDB for a test program, as support/pg.h has PostgreSQL: the one that
 * TIDEGATE_TEST_MYSQL names (a mysql:// url of a user who may do everything, without a password),
 * or one of its own in a temporary directory, on a free port of 127.0.0.1, that dies with the
 * program.
 *
 *	static struct my my;
 *	if (my_start(&my) != 0) return 77;      (no MariaDB on this machine)
 *	... my_database(&my, "mine"); options.url = str_of(my.url), options.database = STR("mine")
 *	... my_stop(&my);
 */
struct my {
	char url[256];
	char dir[64]; /* empty: the server is not ours */
	int port;
	pid_t pid;
};

/* Run a program of the server's, as the user "mysql" when we are root. */
PG_HELPER pid_t my_spawn(const struct my *my, char *const *program)
{
	static char setpriv[] = "setpriv", user[] = "--reuid=mysql", group[] = "--regid=mysql",
		    clear[] = "--clear-groups", death[] = "--pdeathsig=SIGKILL";
	char *argv[32] = { setpriv, user, group, clear, death };
	size_t n = geteuid() == 0 ? 5 : 0;
	char log[128];
	(void)snprintf(log, sizeof log, "%s/log", my->dir);
	for (size_t i = 0; program[i] != NULL && n < 31; i++)
		argv[n++] = program[i];
	argv[n] = NULL;
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)!chdir(my->dir);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execvp(argv[0], argv);
	_exit(127);
}

PG_HELPER struct db *my_open(const struct my *my, struct err *e)
{
	struct db *db = NULL;
	struct db_options o = { .url = str_of(my->url) };
	return db_open(&db, &o, e) == 0 ? db : NULL;
}

/* Run one statement on the server, without a database; 0 or -1. */
PG_HELPER int my_sql(const struct my *my, const char *sql)
{
	struct err e = { .code = ERR_NONE };
	struct db *db = my_open(my, &e);
	int rc = db != NULL ? db_exec(db, NULL, sql, DB_NO_ARGS, &e) : -1;
	if (rc != 0)
		(void)fprintf(stderr, "%s: %s\n", sql, e.msg);
	db_close(db);
	return rc;
}

/* Make a database; 0 or -1. */
PG_HELPER int my_database(const struct my *my, const char *name)
{
	char sql[160];
	(void)snprintf(sql, sizeof sql, "create database `%s` character set utf8mb4", name);
	return my_sql(my, sql);
}

PG_HELPER int my_init(struct my *my)
{
	char data[128], tmp[128];
	(void)snprintf(my->dir, sizeof my->dir, "/tmp/tidegate-my-XXXXXX");
	if (mkdtemp(my->dir) == NULL)
		return -1;
	if (geteuid() == 0) {
		char command[] = "chown", owner[] = "mysql";
		if (pg_tool((char *[]){ command, owner, my->dir, NULL }) != 0)
			return -1;
	}
	(void)snprintf(data, sizeof data, "--datadir=%s/data", my->dir);
	/* A server deletes the temporary tables of others that share the directory. */
	(void)snprintf(tmp, sizeof tmp, "--tmpdir=%s", my->dir);
	char program[] = "mariadb-install-db", none[] = "--no-defaults",
	     root[] = "--auth-root-authentication-method=normal", test[] = "--skip-test-db",
	     names[] = "--skip-name-resolve", cross[] = "--cross-bootstrap";
	char *argv[] = { program, none, data, tmp, root, test, names, cross, NULL };
	return pg_wait(my_spawn(my, argv));
}

/* Start it on a port that was free a moment ago; another program may have taken it since. */
PG_HELPER int my_run(struct my *my)
{
	char data[128], aria[128], port[32], socket[128], pid[128], tmp[128];
	my->port = pg_free_port();
	(void)snprintf(data, sizeof data, "--datadir=%s/data", my->dir);
	(void)snprintf(aria, sizeof aria, "--aria-log-dir-path=%s/data", my->dir);
	(void)snprintf(port, sizeof port, "--port=%d", my->port);
	(void)snprintf(socket, sizeof socket, "--socket=%s/socket", my->dir);
	(void)snprintf(pid, sizeof pid, "--pid-file=%s/pid", my->dir);
	(void)snprintf(tmp, sizeof tmp, "--tmpdir=%s", my->dir);
	(void)snprintf(my->url, sizeof my->url, "mysql://root@127.0.0.1:%d", my->port);
	char program[] = "mariadbd", none[] = "--no-defaults",
	     address[] = "--bind-address=127.0.0.1", names[] = "--skip-name-resolve",
	     flush[] = "--innodb-flush-log-at-trx-commit=0",
	     pool[] = "--innodb-buffer-pool-size=32M";
	char *argv[] = { program, none,  data,  aria, port, socket, pid,
			 address, names, flush, pool, tmp,  NULL };
	my->pid = my_spawn(my, argv);
	for (int i = 0; i < 600; i++) {
		struct err e;
		struct db *db = my_open(my, &e);
		if (db != NULL) {
			db_close(db);
			return 0;
		}
		if (waitpid(my->pid, NULL, WNOHANG) == my->pid)
			break;
		pg_pause(50);
	}
	my->pid = 0;
	return -1;
}

PG_HELPER void my_stop(struct my *my)
{
	char rm[] = "rm", flags[] = "-rf";
	if (my->pid > 0) {
		(void)kill(my->pid, SIGKILL);
		(void)pg_wait(my->pid);
	}
	if (my->dir[0] != '\0')
		(void)pg_tool((char *[]){ rm, flags, my->dir, NULL });
	*my = (struct my){ .pid = 0 };
}

PG_HELPER int my_start(struct my *my)
{
	*my = (struct my){ .pid = 0 };
	const char *running = getenv("TIDEGATE_TEST_MYSQL");
	if (running != NULL && running[0] != '\0') {
		(void)snprintf(my->url, sizeof my->url, "%s", running);
		return 0;
	}
	int rc = my_init(my);
	for (int i = 0; rc == 0 && i < 5; i++) {
		if (my_run(my) == 0)
			return 0;
	}
	(void)fprintf(stderr, "MariaDB does not start; see %s/log\n", my->dir);
	return -1;
}

#endif
