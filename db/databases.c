/* SPDX-License-Identifier: Apache-2.0 */
/* The list of an instance's databases, while a driver finds them. */

#include "db/databases.h"

#include "base/mem.h"

#include <stdlib.h>

enum { CAP_FIRST = 64 };

void databases_free(struct databases *list)
{
	mem_free(list->items);
}

static int grow(struct databases *list, struct err *e)
{
	if (list->n == DB_DATABASES_MAX)
		return err_set(e, ERR_LIMIT, "there are more than %d databases", DB_DATABASES_MAX);
	if (list->n < list->cap)
		return 0;
	size_t cap = list->cap > 0 ? list->cap * 2 : CAP_FIRST;
	struct db_database *items = mem_resize(list->items, cap * sizeof *items);
	if (items == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	list->items = items;
	list->cap = cap;
	return 0;
}

int databases_add(struct databases *list, struct str name, struct str why_not, struct err *e)
{
	if (grow(list, e) != 0)
		return -1;
	const struct db_database d = { arena_str(list->arena, name),
				       arena_str(list->arena, why_not) };
	if (d.name.p == NULL || (why_not.p != NULL && d.why_not.p == NULL))
		return arena_err(list->arena, e);
	list->items[list->n++] = d;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct db_database *x = a;
	const struct db_database *y = b;
	return str_cmp(x->name, y->name);
}

int databases_take(struct db_database **out, size_t *n, struct databases *list, struct err *e)
{
	struct db_database *items = arena_array(list->arena, list->n, sizeof *items);
	if (items == NULL)
		return arena_err(list->arena, e);
	for (size_t i = 0; i < list->n; i++)
		items[i] = list->items[i];
	if (list->n > 0)
		qsort(items, list->n, sizeof *items, by_name);
	*out = items;
	*n = list->n;
	return 0;
}
