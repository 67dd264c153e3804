/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a MySQL or MariaDB server, by the non-blocking interface of the library: each call is
 * started, and gone on with when its socket is ready. No file but this one waits.
 */

#include "db/mysql_wait.h"

#include "base/clock.h"
#include "base/num.h"

#include <errno.h>
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CANCEL_MS = 10000 /* a server that does not answer to a cancel is given up */ };

enum waited { READY, TIMEOUT, CANCELLED };

/* Wait for `fd` (-1: for the clock only) until `deadline` (-1: without end), or for db_cancel. */
static enum waited wait_for(struct mydb *m, struct pollfd *socket, int deaf, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_mono_ms();
		if (deadline >= 0 && left < 0)
			left = 0;
		struct pollfd fds[2] = { { .fd = deaf ? -1 : m->wake, .events = POLLIN }, *socket };
		int n = db_poll(&m->base, fds, 2, left < 0 ? -1 : num_clamp_int((size_t)left));
		if (n < 0 && errno == EINTR)
			continue;
		*socket = fds[1];
		if (fds[0].revents != 0) {
			uint64_t count;
			(void)!read(m->wake, &count, sizeof count);
			return CANCELLED;
		}
		return n == 0 ? TIMEOUT : READY;
	}
}

int mydb_pause(struct mydb *m, int64_t until)
{
	struct pollfd none = { .fd = -1 };
	return wait_for(m, &none, 0, until) == CANCELLED;
}

static int send_cont(struct mydb_call *c, int ready)
{
	return mysql_real_query_cont(&c->rc, c->conn, ready);
}

static int store_cont(struct mydb_call *c, int ready)
{
	return mysql_store_result_cont(&c->result, c->conn, ready);
}

static int drop_cont(struct mydb_call *c, int ready)
{
	return mysql_free_result_cont(c->result, ready);
}

static int next_cont(struct mydb_call *c, int ready)
{
	return mysql_next_result_cont(&c->rc, c->conn, ready);
}

/* On a second connection: the session's own is busy with the statement. */
static void kill_statement(struct mydb *m)
{
	char sql[64];
	int64_t deadline = clock_mono_ms() + CANCEL_MS;
	MYSQL *conn = mydb_dial(m, MYDB_CANCEL_DEAF, deadline, NULL);
	if (conn == NULL)
		return; /* the deadline of the answer ends the session */
	struct mydb_call c = {
		.m = m, .conn = conn, .on_cancel = MYDB_CANCEL_DEAF, .deadline = deadline
	};
	(void)snprintf(sql, sizeof sql, "kill query %lu", mysql_thread_id(m->conn));
	IGNORE(mydb_send(&c, str_of(sql))); /* it may be done already */
	mysql_close(conn);
}

/* The call must come to an end: what that means for it. */
static void stop(struct mydb_call *c)
{
	switch (c->on_cancel) {
	case MYDB_CANCEL_KILLS:
		c->on_cancel = MYDB_CANCEL_WAITS;
		c->deadline = clock_mono_ms() + CANCEL_MS;
		kill_statement(c->m);
		return;
	case MYDB_CANCEL_WAITS:
		if (c->deadline < 0)
			c->deadline = clock_mono_ms() + CANCEL_MS;
		return;
	case MYDB_CANCEL_GIVES_UP:
		c->given_up = 1;
		return;
	case MYDB_CANCEL_DEAF:
		return;
	}
}

static void on_timeout(struct mydb_call *c)
{
	if (c->on_cancel != MYDB_CANCEL_KILLS) {
		c->given_up = 1;
		return;
	}
	c->m->timed_out = 1;
	stop(c);
}

static int ready_of(short revents)
{
	int ready = 0;
	if (revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
		ready |= MYSQL_WAIT_READ;
	if (revents & (POLLOUT | POLLERR))
		ready |= MYSQL_WAIT_WRITE;
	if (revents & POLLPRI)
		ready |= MYSQL_WAIT_EXCEPT;
	return ready;
}

/* What the library is told: the part of `status` that has come true; 0: wait on. */
static int wait_once(struct mydb_call *c, int status)
{
	int64_t deadline = c->deadline;
	if (status & MYSQL_WAIT_TIMEOUT) {
		int64_t own = clock_mono_ms() + (int64_t)mysql_get_timeout_value_ms(c->conn);
		deadline = deadline < 0 || own < deadline ? own : deadline;
	}
	struct pollfd socket = { .fd = mysql_get_socket(c->conn) };
	socket.events = (short)((status & MYSQL_WAIT_READ ? POLLIN : 0) |
				(status & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
				(status & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
	switch (wait_for(c->m, &socket, c->on_cancel == MYDB_CANCEL_DEAF, deadline)) {
	case READY:
		return ready_of(socket.revents) & status;
	case CANCELLED:
		c->m->cancelled = 1;
		stop(c);
		return 0;
	case TIMEOUT:
		if (c->deadline < 0 || clock_mono_ms() < c->deadline)
			return MYSQL_WAIT_TIMEOUT;
		on_timeout(c);
		return 0;
	}
	return 0;
}

void mydb_drive(struct mydb_call *c, int status, int (*go_on)(struct mydb_call *call, int ready))
{
	while (status != 0) {
		int ready = c->given_up ? MYSQL_WAIT_TIMEOUT : wait_once(c, status);
		if (c->given_up) {
			/* To abandon it would leak what it has allocated: it goes on to its end,
			 * on a socket that is dead. */
			(void)shutdown(mysql_get_socket(c->conn), SHUT_RDWR);
			ready = MYSQL_WAIT_TIMEOUT;
		}
		if (ready != 0)
			status = go_on(c, ready);
	}
}

int mydb_send(struct mydb_call *c, struct str sql)
{
	mydb_drive(c, mysql_real_query_start(&c->rc, c->conn, sql.p, (unsigned long)sql.n),
		   send_cont);
	return c->rc;
}

int mydb_store(struct mydb_call *c)
{
	c->result = NULL;
	mydb_drive(c, mysql_store_result_start(&c->result, c->conn), store_cont);
	return c->result != NULL ? 0 : -1;
}

int mydb_drop(struct mydb_call *c)
{
	c->result = mysql_use_result(c->conn);
	if (c->result == NULL)
		return -1;
	mydb_drive(c, mysql_free_result_start(c->result), drop_cont);
	c->result = NULL;
	return mysql_errno(c->conn) != 0 ? -1 : 0;
}

int mydb_next(struct mydb_call *c)
{
	mydb_drive(c, mysql_next_result_start(&c->rc, c->conn), next_cont);
	return c->rc;
}
