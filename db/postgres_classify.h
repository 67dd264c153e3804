/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_CLASSIFY_H
#define DB_POSTGRES_CLASSIFY_H

#include "db/db.h"

/* What PostgreSQL does with a statement, known before it is run. For the driver only. */

/*
 * Set `flags` and `kind` by `text`; `behind` is what follows it in the script: a transaction that
 * adds a value to an enumeration cannot use it.
 */
void postgres_classify(struct db_statement *statement, struct str behind);

#endif
