/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_INSPECT_H
#define DB_POSTGRES_INSPECT_H

#include "db/inspect.h"

/* The slot of the same name. */
int postgres_inspect(struct db_inspection *out, struct str text,
		     const struct db_statement *statements, size_t n, struct arena *arena,
		     struct err *e) MUST_CHECK;

#endif
