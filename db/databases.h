/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_DATABASES_H
#define DB_DATABASES_H

#include "base/arena.h"
#include "base/auto.h"
#include "db/db.h"

#include <stddef.h>

/* For drivers: the list that db_databases answers with, while it grows. */
struct databases {
	struct db_database *items; /* on the heap; the texts are in the arena */
	size_t n, cap;
	struct arena *arena;
};
void databases_free(struct databases *list);
AUTO_DEFINE_INPLACE(databases, struct databases, databases_free);

/* Add one; an absent `why_not` is a database of the users. ERR_LIMIT over DB_DATABASES_MAX. */
int databases_add(struct databases *list, struct str name, struct str why_not,
		  struct err *e) MUST_CHECK;
/* The whole list, by name, in the arena. */
int databases_take(struct db_database **out, size_t *n, struct databases *list,
		   struct err *e) MUST_CHECK;

#endif
