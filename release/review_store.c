/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews in the store: one for each plan, the last. */

#include "release/review_store.h"

#include "release/schema.h"

const struct store_schema review_schema = {
	.module = "review",
	.version = 1,
	.ddl = "CREATE TABLE plan_review("
	       " project TEXT NOT NULL,"
	       " plan BIGINT NOT NULL,"
	       " reviewed_at BIGINT NOT NULL,"
	       " errors BIGINT NOT NULL,"
	       " warnings BIGINT NOT NULL,"
	       " infos BIGINT NOT NULL,"
	       " affected_rows BIGINT NOT NULL,"
	       " risk TEXT NOT NULL,"
	       " reason TEXT,"
	       " body TEXT NOT NULL,"
	       " PRIMARY KEY(project, plan));",
};

/* clang-format off */
static const char sql_put[] =
	"INSERT INTO plan_review(project, plan, reviewed_at, errors, warnings, infos,"
	" affected_rows, risk, reason, body) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT(project, plan) DO UPDATE SET reviewed_at = excluded.reviewed_at,"
	" errors = excluded.errors, warnings = excluded.warnings, infos = excluded.infos,"
	" affected_rows = excluded.affected_rows, risk = excluded.risk,"
	" reason = excluded.reason, body = excluded.body";
static const char sql_get[] =
	"SELECT reviewed_at, errors, warnings, infos, affected_rows, risk, reason, body"
	" FROM plan_review WHERE project = $1 AND plan = $2";
/* clang-format on */

int review_record_put(struct db *store, struct str project, int64_t plan,
		      const struct review_record *r, struct err *e)
{
	return db_exec(store, NULL, sql_put,
		       DB_ARGS(DB_S(project), DB_I(plan), DB_I(r->reviewed_ms), DB_I(r->errors),
			       DB_I(r->warnings), DB_I(r->infos), DB_I(r->affected_rows),
			       DB_S(r->risk), DB_S(r->reason), DB_S(r->body)),
		       e);
}

static int read_record(void *element, struct store_reader *r, struct err *e)
{
	struct review_record *out = element;
	*out = (struct review_record){
		.reviewed_ms = db_int(r->rows, 0),
		.errors = db_int(r->rows, 1),
		.warnings = db_int(r->rows, 2),
		.infos = db_int(r->rows, 3),
		.affected_rows = db_int(r->rows, 4),
		.risk = store_read(r, 5),
		.reason = store_read(r, 6),
		.body = store_read(r, 7),
	};
	return store_read_check(r, e);
}

int review_record_get(struct review_record *out, struct db *store, struct str project, int64_t plan,
		      struct arena *arena, struct err *e)
{
	struct review_record *list;
	size_t n;
	if (store_list(&list, &n, sizeof *list, read_record, store, sql_get,
		       DB_ARGS(DB_S(project), DB_I(plan)), arena, e) != 0)
		return -1;
	if (n == 0)
		return err_set(e, ERR_NOTFOUND, "the plan was not reviewed");
	*out = list[0];
	return 0;
}
