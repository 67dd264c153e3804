/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_MYSQL_WAIT_H
#define DB_MYSQL_WAIT_H

#include "db/mysql.h"

/* What db_cancel does to a call that is under way. */
enum mydb_on_cancel {
	MYDB_CANCEL_KILLS,    /* the server is asked to stop the statement */
	MYDB_CANCEL_GIVES_UP, /* the connection is not used any more */
	MYDB_CANCEL_WAITS,    /* a COMMIT is never stopped: it only gets a deadline */
	MYDB_CANCEL_DEAF,     /* nothing: it serves another call */
};

/* A call of the library that is under way; its answer is in the last three. */
struct mydb_call {
	struct mydb *m;
	struct st_mysql *conn;
	enum mydb_on_cancel on_cancel;
	int64_t deadline; /* of clock_mono_ms, -1: none; a statement is cancelled first */
	int given_up;
	int rc;
	struct st_mysql_res *result;
	struct st_mysql *connected;
};

/*
 * The one place where a session waits: goes on with a call that answered `status` (MYSQL_WAIT_...)
 * until it is done. `go_on` is the library's _cont. A call that is given up ends with the library's
 * error, its connection shut down.
 */
void mydb_drive(struct mydb_call *call, int status,
		int (*go_on)(struct mydb_call *call, int ready));

/* A new connection, to be closed by mysql_close; NULL when it failed. */
struct st_mysql *mydb_dial(struct mydb *m, enum mydb_on_cancel on_cancel, int64_t deadline,
			   struct err *e) MUST_CHECK;

/* One statement on a connection: 0, or the library's answer; mysql_error tells why. */
int mydb_send(struct mydb_call *call, struct str sql);
/* Its rows, in call->result, or dropped as they come; and the next result, as mysql_next_result. */
int mydb_store(struct mydb_call *call);
int mydb_drop(struct mydb_call *call);
int mydb_next(struct mydb_call *call);

#endif
