/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log as a table: entries go in and are read, nothing here changes or removes one. What
 * an action means is the business of who adds it.
 */

#include "release/audit.h"

#include "release/schema.h"

#include <stdlib.h>

const struct store_schema audit_schema = {
	.module = "audit",
	.version = 1,
	.ddl = "CREATE TABLE audit("
	       " id {identity},"
	       " acted_at BIGINT NOT NULL,"
	       " who TEXT NOT NULL,"
	       " origin TEXT NOT NULL,"
	       " action TEXT NOT NULL,"
	       " object TEXT NOT NULL,"
	       " detail TEXT);" /* a JSON object */
	       "CREATE INDEX audit_acted ON audit(acted_at);"
	       "CREATE INDEX audit_object ON audit(object);",
};

#define COLUMNS "id, acted_at, who, origin, action, object, detail"

/* clang-format off */
static const char sql_insert[] =
	"INSERT INTO audit(acted_at, who, origin, action, object, detail)"
	" VALUES($1, $2, $3, $4, $5, $6)";
static const char sql_list[] =
	"SELECT " COLUMNS " FROM audit WHERE acted_at >= $1 ORDER BY id DESC LIMIT $2";
static const char sql_list_object[] =
	"SELECT " COLUMNS " FROM audit WHERE acted_at >= $1"
	" AND (object = $3 OR substr(object, 1, CAST($4 AS INTEGER)) = $5)"
	" ORDER BY id DESC LIMIT $2";
/* clang-format on */

enum { TEXT_MAX = 1024 * 1024 };

struct audit_actor audit_policy(void)
{
	return (struct audit_actor){ .who = STR("policy"), .origin = STR("policy") };
}

struct add {
	const struct db_value *values;
};

static int add(struct db *store, void *context, struct err *e)
{
	const struct add *a = context;
	return db_exec(store, NULL, sql_insert, a->values, 6, e);
}

int audit_add(struct db *store, const struct audit_actor *actor, const char *action,
	      struct str object, struct str detail, int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, TEXT_MAX);
	const struct str who = store_text(actor->who, &arena);
	const struct str origin = store_text(actor->origin, &arena);
	const struct str name = store_text(object, &arena);
	if (who.p == NULL || origin.p == NULL || name.p == NULL)
		return err_set(e, ERR_INPUT,
			       "an entry of the audit log needs who, from where and on what");
	const struct db_value values[] = { DB_I(now_ms),         DB_S(who),  DB_S(origin),
					   DB_S(str_of(action)), DB_S(name), DB_S(detail) };
	struct add a = { values };
	if (store_within(store, add, &a, e) != 0)
		return err_wrap(e, "cannot write the audit log");
	return 0;
}

static int read_entry(void *element, struct store_reader *r, struct err *e)
{
	struct audit_entry *out = element;
	(void)e;
	*out = (struct audit_entry){
		.id = db_int(r->rows, 0),
		.at_ms = db_int(r->rows, 1),
		.who = store_read(r, 2),
		.origin = store_read(r, 3),
		.action = store_read(r, 4),
		.object = store_read(r, 5),
		.detail = store_read(r, 6),
	};
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct audit_entry *x = a;
	const struct audit_entry *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

int audit_list(struct audit_entry **out, size_t *n, struct db *store,
	       const struct audit_filter *filter, struct arena *arena, struct err *e)
{
	const struct str object = filter->object;
	struct audit_entry *list;
	size_t count;
	int rc;
	if (object.p == NULL) {
		rc = store_list(&list, &count, sizeof *list, read_entry, store, sql_list,
				DB_ARGS(DB_I(filter->since_ms), DB_I(filter->limit)), arena, e);
	} else {
		const char *below = arena_printf(arena, "%.*s/", STR_ARG(object));
		if (below == NULL)
			return arena_err(arena, e);
		rc = store_list(&list, &count, sizeof *list, read_entry, store, sql_list_object,
				DB_ARGS(DB_I(filter->since_ms), DB_I(filter->limit), DB_S(object),
					DB_I(object.n + 1), DB_S(str_of(below))),
				arena, e);
	}
	if (rc != 0)
		return -1;
	if (count > 1)
		qsort(list, count, sizeof *list, by_id);
	*out = list;
	*n = count;
	return 0;
}
