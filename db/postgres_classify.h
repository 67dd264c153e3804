/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_CLASSIFY_H
#define DB_POSTGRES_CLASSIFY_H

#include "db/db.h"

/* What PostgreSQL does with a statement, known before it is run. For the driver only. */

/* Set `flags` and `kind` by `text`. */
void postgres_classify(struct db_statement *statement);

#endif
