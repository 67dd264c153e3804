/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_ESTIMATE_H
#define DB_POSTGRES_ESTIMATE_H

#include "db/db.h"

/* The slots of the same names. */
int postgres_is_newer(struct db *db, struct err *e) MUST_CHECK;
int postgres_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
		     struct err *e) MUST_CHECK;
int postgres_count(int64_t *rows, struct db *db, struct str schema, struct str table,
		   struct err *e) MUST_CHECK;

#endif
