/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about statements that keep others waiting, on PostgreSQL. */

#include "release/lint_run.h"

static void check_index(struct lint_run *l, const struct db_fact *f)
{
	unsigned harmless = DB_FACT_CONCURRENTLY | DB_FACT_ONLY;
	if ((f->flags & harmless) == 0 && lint_is_filled(l, f))
		lint_hit(l, RULE_BLOCKING_INDEX_BUILD, f,
			 "the index on '%.*s' is built while writers of the table wait",
			 STR_ARG(f->table));
}

static void check_index_drop(struct lint_run *l, const struct db_fact *f)
{
	if ((f->flags & DB_FACT_CONCURRENTLY) == 0 && !lint_was_made(l, LINT_MADE_INDEX, f->name))
		lint_hit(l, RULE_BLOCKING_INDEX_DROP, f,
			 "dropping index '%.*s' waits for every query on its table, and all later "
			 "queries wait behind it",
			 STR_ARG(f->name));
}

static void check_constraint(struct lint_run *l, const struct db_fact *f)
{
	if ((f->flags & DB_FACT_IN_CREATE) != 0 || !lint_is_filled(l, f))
		return;
	switch (f->constraint) {
	case DB_CONSTRAINT_NONE:
		return;
	case DB_CONSTRAINT_PRIMARY:
	case DB_CONSTRAINT_UNIQUE:
	case DB_CONSTRAINT_EXCLUDE:
		if ((f->flags & DB_FACT_USING_INDEX) == 0)
			lint_hit(l, RULE_UNIQUE_CONSTRAINT_BUILD, f,
				 "the constraint builds its index while '%.*s' is locked against "
				 "reads and writes",
				 STR_ARG(f->table));
		return;
	case DB_CONSTRAINT_FOREIGN:
	case DB_CONSTRAINT_CHECK:
		if ((f->flags & DB_FACT_NOT_VALID) == 0)
			lint_hit(l, RULE_CONSTRAINT_NOT_VALID, f,
				 "every row of '%.*s' is checked while the table is locked%s",
				 STR_ARG(f->table),
				 f->constraint == DB_CONSTRAINT_FOREIGN
				     ? ", and the referenced table with it"
				     : "");
		return;
	}
}

/* NOT VALID and VALIDATE in one transaction: the lock of the first is held through the second. */
static void check_validate(struct lint_run *l, const struct db_fact *f)
{
	enum { LOOK_BACK = 500 };
	const struct db_fact *b = f - l->facts > LOOK_BACK ? f - LOOK_BACK : l->facts;
	for (; l->file->transactional && b < f; b++) {
		if (b->action == DB_ACT_ADD_CONSTRAINT && (b->flags & DB_FACT_NOT_VALID) != 0 &&
		    str_eq(b->table, f->table) && str_eq(b->name, f->name)) {
			lint_hit(l, RULE_VALIDATE_SAME_FILE, f,
				 "constraint '%.*s' is validated in the transaction that adds it, "
				 "so '%.*s' stays locked meanwhile",
				 STR_ARG(f->name), STR_ARG(f->table));
			return;
		}
	}
}

static int is_zero(struct str value)
{
	size_t n = 0;
	while (n < value.n && value.p[n] == '0')
		n++;
	struct str unit = str_from(value, n);
	return n > 0 && (unit.n == 0 || str_eq(unit, STR("s")) || str_eq(unit, STR("ms")) ||
			 str_eq(unit, STR("min")));
}

static void check_set(struct lint_run *l, const struct db_fact *f)
{
	if (str_eq(f->name, STR("lock_timeout")) && is_zero(f->detail))
		lint_hit(l, RULE_LOCK_TIMEOUT_OFF, f,
			 "without lock_timeout a statement that waits for a lock lets every later "
			 "query on the table wait behind it");
}

void lint_check_locks(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	int concurrently = (f->flags & DB_FACT_CONCURRENTLY) != 0;
	if (l->database != LINT_POSTGRES)
		return;
	if (action == DB_ACT_CREATE_INDEX)
		check_index(l, f);
	else if (action == DB_ACT_DROP_INDEX)
		check_index_drop(l, f);
	else if (action == DB_ACT_ADD_CONSTRAINT)
		check_constraint(l, f);
	else if (action == DB_ACT_VALIDATE)
		check_validate(l, f);
	else if (action == DB_ACT_SET)
		check_set(l, f);
	else if (action == DB_ACT_REINDEX && !concurrently)
		lint_hit(l, RULE_BLOCKING_REINDEX, f,
			 "'%.*s' is rebuilt while writers, and readers of the index, wait",
			 STR_ARG(f->table.p != NULL ? f->table : f->name));
	else if (action == DB_ACT_REFRESH && !concurrently)
		lint_hit(l, RULE_BLOCKING_REFRESH, f,
			 "readers of '%.*s' wait until it is computed anew", STR_ARG(f->table));
	else if (action == DB_ACT_SET_NOT_NULL && lint_is_filled(l, f) &&
		 !lint_was_made(l, LINT_MADE_VALIDATED, f->table))
		lint_hit(l, RULE_SET_NOT_NULL_SCAN, f,
			 "every row of '%.*s' is read while the table is locked against reads and "
			 "writes, unless a valid CHECK (%.*s IS NOT NULL) is there",
			 STR_ARG(f->table), STR_ARG(f->name));
	else if (action == DB_ACT_ATTACH_PARTITION &&
		 !lint_was_made(l, LINT_MADE_TABLE, f->reference))
		lint_hit(l, RULE_ATTACH_PARTITION_SCAN, f,
			 "the rows of '%.*s' are checked under a lock, unless a valid CHECK "
			 "constraint of it already says what the partition's bounds say",
			 STR_ARG(f->reference));
	else if (action == DB_ACT_LOCK_TABLE && lint_is_live(l, f) &&
		 str_ends(f->detail, STR("exclusive")) && !str_starts(f->detail, STR("row")))
		lint_hit(l, RULE_LOCK_TABLE, f,
			 "'%.*s' is locked (%.*s) until the transaction ends", STR_ARG(f->table),
			 STR_ARG(f->detail));
}
