/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_DB_REHEARSE_H
#define DB_DB_REHEARSE_H

#include "db/db.h"

/*
 * What a target can tell of a script without running it. Nothing here changes the target. A driver
 * that cannot tell answers ERR_NOTFOUND.
 */

/*
 * A session with a private copy of the database's schema, without its rows and in memory only, in
 * which scripts are really run; bounded in memory and time. `db` NULL: an empty database.
 */
int db_copy(struct db **out, struct db *db, const struct db_driver *driver,
	    struct err *e) MUST_CHECK;

/* 1: the server may know syntax that db_inspect does not; 0; or -1. */
int db_is_newer(struct db *db, struct err *e) MUST_CHECK;

/*
 * Let the server parse a statement without running it. ERR_INPUT: its grammar refuses it, with
 * `*failed` telling where; ERR_NOTFOUND: it cannot be asked about this statement.
 */
int db_parse(struct db_place *failed, struct db *db, const struct db_statement *statement,
	     struct err *e) MUST_CHECK;

/* How many rows an INSERT, UPDATE or DELETE may touch, as the planner has it. Outside a
 * transaction; ERR_DB when the server refuses, such as for a table that is not there yet. */
int db_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
	       struct err *e) MUST_CHECK;

/* About how many rows a table has, by the statistics where there are some. ERR_NOTFOUND: there is
 * no such table. An absent schema is searched for as the server does. */
int db_count(int64_t *rows, struct db *db, struct str schema, struct str table,
	     struct err *e) MUST_CHECK;

#endif
