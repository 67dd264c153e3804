/* SPDX-License-Identifier: Apache-2.0 */
/* How much is at stake: the risk by kinds of statements, and the rows that they may touch. */

#include "db/db_rehearse.h"
#include "release/review_run.h"

const char *review_risk_name(enum review_risk risk)
{
	static const char *const names[] = { "LOW", "MODERATE", "HIGH" };
	return names[risk];
}

/* What a kind of statement counts for (Bytebase's common/risk.go), and whether the rows of its
 * table count as touched. */
static const struct {
	enum db_action action;
	enum review_risk risk;
	int touches;
} kinds[] = {
	{ DB_ACT_DROP_DATABASE, REVIEW_RISK_HIGH, 0 },
	{ DB_ACT_DROP_SCHEMA, REVIEW_RISK_HIGH, 0 },
	{ DB_ACT_DROP_TABLE, REVIEW_RISK_HIGH, 1 },
	{ DB_ACT_TRUNCATE, REVIEW_RISK_HIGH, 1 },
	{ DB_ACT_DELETE, REVIEW_RISK_MODERATE, 0 },
	{ DB_ACT_UPDATE, REVIEW_RISK_MODERATE, 0 },
	{ DB_ACT_MERGE, REVIEW_RISK_MODERATE, 0 },
	{ DB_ACT_DROP_INDEX, REVIEW_RISK_MODERATE, 0 },
	{ DB_ACT_ADD_COLUMN, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_ADD_CONSTRAINT, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_VALIDATE, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_SET_NOT_NULL, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_DROP_NOT_NULL, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_CHANGE_TYPE, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_SET_DEFAULT, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_REWRITE, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_ATTACH_PARTITION, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_ALTER_OTHER, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_RENAME_TABLE, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_RENAME_COLUMN, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_DROP_COLUMN, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_DROP_CONSTRAINT, REVIEW_RISK_MODERATE, 1 },
	{ DB_ACT_CREATE_INDEX, REVIEW_RISK_LOW, 1 },
};

static int kind_of(const struct db_fact *f)
{
	/* The columns of a new table alter none. */
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].action == f->action && (f->flags & DB_FACT_IN_CREATE) == 0)
			return (int)i;
	}
	return -1;
}

enum review_risk review_risk_of(const struct db_inspection *in)
{
	enum review_risk risk = REVIEW_RISK_LOW;
	for (size_t i = 0; i < in->n; i++) {
		int kind = kind_of(&in->facts[i]);
		if (kind >= 0 && kinds[kind].risk > risk)
			risk = kinds[kind].risk;
	}
	return risk;
}

/* A table once. One that this file or an earlier one makes has no rows yet: it is not there. */
static int keep_table(struct review_state *r, struct review_work *w, const struct db_fact *f)
{
	for (size_t i = 0; i < w->n_tables; i++) {
		if (str_eq(w->tables[i].table, f->table) && str_eq(w->tables[i].schema, f->schema))
			return 0;
	}
	if (w->n_tables == REVIEW_TABLES_MAX || f->table.p == NULL)
		return 0;
	struct lint_table *t = &w->tables[w->n_tables++];
	*t = (struct lint_table){ .schema = arena_str(r->arena, f->schema),
				  .table = arena_str(r->arena, f->table),
				  .rows = -1 };
	return t->table.p != NULL ? 0 : -1;
}

static int keep_dml(struct review_state *r, struct review_work *w, const struct db_statement *s)
{
	w->all_dml++;
	if (w->n_dml == REVIEW_DML_MAX || s->text.n > REVIEW_DML_BYTES)
		return 0;
	struct db_statement *copy = &w->dml[w->n_dml++];
	*copy = *s;
	copy->text = arena_str(r->arena, s->text);
	return copy->text.p != NULL ? 0 : -1;
}

static int is_explained(const struct db_fact *f)
{
	if (f->action == DB_ACT_INSERT)
		return (f->flags & DB_FACT_FROM_QUERY) != 0;
	return f->action == DB_ACT_UPDATE || f->action == DB_ACT_DELETE ||
	       f->action == DB_ACT_MERGE;
}

int review_keep(struct review_state *r, struct review_work *w,
		const struct db_statement *statements, const struct db_inspection *in,
		struct err *e)
{
	size_t last = (size_t)-1; /* the statement kept last: a WITH has several facts */
	for (size_t i = 0; i < in->n; i++) {
		const struct db_fact *f = &in->facts[i];
		int kind = kind_of(f), rc = 0;
		if (kind >= 0 && kinds[kind].touches)
			rc = keep_table(r, w, f);
		w->inserted += f->action == DB_ACT_INSERT ? f->rows : 0;
		if (rc == 0 && is_explained(f) && f->statement != last) {
			rc = keep_dml(r, w, &statements[f->statement]);
			last = f->statement;
		}
		if (rc != 0)
			return arena_err(r->arena, e);
	}
	return 0;
}

/* A sum that stays at the end of its range. */
static int64_t plus(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t review_estimate(const struct review_work *w, struct db *db)
{
	int64_t rows = 0, asked = 0, sum = w->inserted;
	for (size_t i = 0; i < w->n_dml; i++) {
		int64_t n = 0;
		/* A table that is not there yet has no rows to change. */
		if (db_explain(&n, db, &w->dml[i], NULL) == 0)
			rows = plus(rows, n);
		asked++;
	}
	if (asked > 0)
		sum = plus(sum, rows / asked > INT64_MAX / (int64_t)w->all_dml / 2
				    ? INT64_MAX
				    : (int64_t)((double)rows / (double)asked * (double)w->all_dml));
	for (size_t i = 0; i < w->n_tables; i++) {
		int64_t n = 0;
		if (db_count(&n, db, w->tables[i].schema, w->tables[i].table, NULL) == 0)
			sum = plus(sum, n);
	}
	return sum;
}
