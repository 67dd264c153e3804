/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about data that is lost, or changed everywhere; and about the file as one piece of work. */

#include "release/lint_run.h"

static void check_cascade(struct lint_run *l, const struct db_fact *f, const char *what)
{
	if ((f->flags & DB_FACT_CASCADE) != 0)
		lint_hit(l, RULE_DROP_CASCADE, f,
			 "CASCADE drops whatever depends on the %s, which no review sees", what);
}

static void check_drop(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	if (action == DB_ACT_DROP_TABLE && (f->flags & DB_FACT_TEMPORARY) == 0 &&
	    lint_is_live(l, f)) {
		lint_hit(l, RULE_DROP_TABLE, f, "'%.*s' and its rows are gone for good",
			 STR_ARG(f->table));
		check_cascade(l, f, "table");
	} else if (action == DB_ACT_DROP_COLUMN && lint_is_live(l, f)) {
		lint_hit(l, RULE_DROP_COLUMN, f,
			 "the values of '%.*s' of '%.*s' are gone for good, and what runs now and "
			 "reads it fails",
			 STR_ARG(f->name), STR_ARG(f->table));
		check_cascade(l, f, "column");
	} else if (action == DB_ACT_DROP_SCHEMA && (f->flags & DB_FACT_CASCADE) != 0) {
		lint_hit(l, RULE_DROP_SCHEMA, f, "schema '%.*s' is dropped with all tables in it",
			 STR_ARG(f->name));
	} else if (action == DB_ACT_DROP_DATABASE) {
		lint_hit(l, RULE_DROP_DATABASE, f, "database '%.*s' is dropped", STR_ARG(f->name));
	} else if (action == DB_ACT_DROP_OTHER) {
		check_cascade(l, f, f->detail.p != NULL ? f->detail.p : "object");
	}
}

void lint_check_data(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	int changes = action == DB_ACT_UPDATE || action == DB_ACT_DELETE;
	if (changes && (f->flags & DB_FACT_WHERE) == 0 && lint_is_live(l, f))
		lint_hit(l, RULE_REQUIRE_WHERE, f, "every row of '%.*s' is %s", STR_ARG(f->table),
			 action == DB_ACT_UPDATE ? "updated" : "deleted");
	else if (action == DB_ACT_TRUNCATE && lint_is_live(l, f))
		lint_hit(l, RULE_TRUNCATE, f, "all rows of '%.*s'%s are gone for good",
			 STR_ARG(f->table),
			 (f->flags & DB_FACT_CASCADE) != 0
			     ? ", and of each table that references it,"
			     : "");
	else if (action == DB_ACT_INSERT && (f->flags & DB_FACT_COLUMNS) == 0)
		lint_hit(l, RULE_INSERT_COLUMNS, f,
			 "the INSERT into '%.*s' names no columns: its meaning changes with the "
			 "table",
			 STR_ARG(f->table));
	else
		check_drop(l, f);
}

/* ---- the file as a whole ---- */

/* Statements that lock a table against reads and writes until the transaction ends. */
static int locks_table(const struct lint_run *l, const struct db_fact *f)
{
	static const enum db_action actions[] = {
		DB_ACT_ADD_COLUMN,      DB_ACT_SET_NOT_NULL,  DB_ACT_DROP_NOT_NULL,
		DB_ACT_CHANGE_TYPE,     DB_ACT_SET_DEFAULT,   DB_ACT_REWRITE,
		DB_ACT_RENAME_TABLE,    DB_ACT_RENAME_COLUMN, DB_ACT_DROP_COLUMN,
		DB_ACT_DROP_CONSTRAINT, DB_ACT_TRUNCATE,
	};
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (f->action == actions[i])
			return (f->flags & DB_FACT_IN_CREATE) == 0 && lint_is_filled(l, f);
	}
	return 0;
}

/* Statements that take as long as a table is large. */
static int takes_long(const struct lint_run *l, const struct db_fact *f)
{
	static const enum db_action actions[] = {
		DB_ACT_UPDATE,       DB_ACT_DELETE,   DB_ACT_MERGE,
		DB_ACT_CREATE_INDEX, DB_ACT_VALIDATE, DB_ACT_REFRESH,
	};
	if (f->action == DB_ACT_INSERT)
		return (f->flags & DB_FACT_FROM_QUERY) != 0;
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (f->action == actions[i])
			return lint_is_filled(l, f);
	}
	return 0;
}

static void check_long_transaction(struct lint_run *l)
{
	const struct db_fact *lock = NULL;
	for (size_t i = 0; l->file->transactional && i < l->n_facts; i++) {
		const struct db_fact *f = &l->facts[i];
		if (lock == NULL && locks_table(l, f)) {
			lock = f;
		} else if (lock != NULL && f->statement != lock->statement && takes_long(l, f)) {
			lint_hit(l, RULE_LOCK_IN_LONG_TRANSACTION, f,
				 "this runs while '%.*s' stays locked against reads and writes "
				 "since line %zu, in the same transaction",
				 STR_ARG(lock->table), lock->place.line);
			return;
		}
	}
}

static void check_concurrently(struct lint_run *l)
{
	const struct db_fact *first = NULL;
	int others = 0;
	for (size_t i = 0; i < l->n_facts; i++) {
		const struct db_fact *f = &l->facts[i];
		if ((f->flags & DB_FACT_CONCURRENTLY) == 0 && f->action != DB_ACT_SET)
			others = 1;
		else if (first == NULL && f->action != DB_ACT_SET)
			first = f;
	}
	if (first != NULL && others)
		lint_hit(l, RULE_CONCURRENTLY_MIXED, first,
			 "it cannot run in a transaction, so the whole file runs statement by "
			 "statement and can stop half way");
}

static void check_ddl_beside_dml(struct lint_run *l)
{
	const struct db_fact *ddl = NULL, *dml = NULL;
	for (size_t i = 0; i < l->n_facts; i++) {
		const struct db_fact *f = &l->facts[i];
		int changes_rows = f->action == DB_ACT_INSERT || f->action == DB_ACT_UPDATE ||
				   f->action == DB_ACT_DELETE;
		if (changes_rows)
			dml = dml != NULL ? dml : f;
		else if (f->action != DB_ACT_OTHER && f->action != DB_ACT_SET &&
			 (f->flags & DB_FACT_TEMPORARY) == 0) /* which commits nothing */
			ddl = ddl != NULL ? ddl : f;
	}
	if (ddl != NULL && dml != NULL)
		lint_hit(l, RULE_DDL_BESIDE_DML, ddl > dml ? ddl : dml,
			 "DDL commits what was done before it: when a later statement fails, the "
			 "changes of rows before it stay");
}

void lint_check_file(struct lint_run *l)
{
	check_long_transaction(l);
	check_concurrently(l);
	check_ddl_beside_dml(l);
}
