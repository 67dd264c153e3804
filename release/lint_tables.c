/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about tables that are rewritten, about changes that fail or break who uses them, and about
 * how new tables are made. */

#include "release/lint_run.h"

/* A column that comes to a table with rows. */
static void check_new_column(struct lint_run *l, const struct db_fact *f)
{
	unsigned made = DB_FACT_SERIAL | DB_FACT_IDENTITY | DB_FACT_GENERATED;
	unsigned gives = DB_FACT_DEFAULT | made;
	if ((f->flags & DB_FACT_IN_CREATE) != 0 || !lint_is_filled(l, f))
		return;
	if ((f->flags & DB_FACT_VOLATILE) != 0)
		lint_hit(l, RULE_VOLATILE_DEFAULT, f,
			 "the default of '%.*s' differs from row to row, so '%.*s' is rewritten "
			 "while it is locked against reads and writes",
			 STR_ARG(f->name), STR_ARG(f->table));
	if ((f->flags & made) != 0)
		lint_hit(l, RULE_TABLE_REWRITE, f,
			 "'%.*s' gets a value in each row, so '%.*s' is rewritten while it is "
			 "locked against reads and writes",
			 STR_ARG(f->name), STR_ARG(f->table));
	if ((f->flags & DB_FACT_NOT_NULL) != 0 && (f->flags & gives) == 0)
		lint_hit(l, RULE_NOT_NULL_WITHOUT_DEFAULT, f,
			 "'%.*s' has no value in the rows that '%.*s' already has: the statement "
			 "fails when there is one",
			 STR_ARG(f->name), STR_ARG(f->table));
}

static int is_small(struct str type)
{
	static const char *const small[] = { "int4",        "int2",      "int",     "integer",
					     "smallint",    "serial",    "serial4", "serial2",
					     "smallserial", "mediumint", "tinyint" };
	for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
		if (str_eq_cstr(type, small[i]))
			return 1;
	}
	return 0;
}

static void check_column(struct lint_run *l, const struct db_fact *f)
{
	check_new_column(l, f);
	if (str_eq(f->type, STR("timestamp")))
		lint_hit(l, RULE_TIMESTAMP_WITHOUT_TIME_ZONE, f,
			 "'%.*s' keeps a wall clock's time and forgets of which zone",
			 STR_ARG(f->name));
	if (str_eq(f->type, STR("bpchar")) || str_eq(f->type, STR("char")))
		lint_hit(l, RULE_CHAR_TYPE, f, "'%.*s' is filled up with blanks to its length",
			 STR_ARG(f->name));
	if ((f->flags & DB_FACT_SERIAL) != 0)
		lint_hit(l, RULE_PREFER_IDENTITY, f,
			 "'%.*s' gets a sequence with an owner and grants of its own",
			 STR_ARG(f->name));
	if ((f->flags & DB_FACT_PRIMARY) != 0 && is_small(f->type))
		lint_hit(l, RULE_SMALL_KEY, f, "the key '%.*s' ends at %s", STR_ARG(f->name),
			 str_eq(f->type, STR("int2")) ? "32,767" : "2,147,483,647");
}

static void check_create(struct lint_run *l, const struct db_fact *f)
{
	unsigned exempt = DB_FACT_TEMPORARY | DB_FACT_PARTITION | DB_FACT_FROM_QUERY;
	if ((f->flags & exempt) != 0)
		return;
	for (const struct db_fact *in = f + 1; in < l->facts + l->n_facts; in++) {
		if (in->statement != f->statement)
			break;
		if ((in->flags & DB_FACT_PRIMARY) != 0 || in->constraint == DB_CONSTRAINT_PRIMARY)
			return;
	}
	lint_hit(l, RULE_MISSING_PRIMARY_KEY, f,
		 "'%.*s' has no primary key: its rows cannot be told apart, nor replicated "
		 "logically",
		 STR_ARG(f->table));
}

static int contains(struct str text, struct str part)
{
	for (size_t i = 0; part.n > 0 && i + part.n <= text.n; i++) {
		if (str_starts(str_from(text, i), part))
			return 1;
	}
	return 0;
}

/* PostgreSQL: a new value of an enum can be used only after the transaction that added it. */
static void check_enum(struct lint_run *l, const struct db_fact *f)
{
	enum { TEXT_MAX = 1 << 20 }; /* a script that is searched once for each value */
	if (l->file->text.n > TEXT_MAX)
		return;
	char *quoted = arena_printf(l->arena, "'%.*s'", STR_ARG(f->name));
	l->failed |= quoted == NULL;
	if (quoted == NULL || !l->file->transactional || lint_was_made(l, LINT_MADE_TYPE, f->type))
		return;
	for (size_t i = f->statement + 1; i < l->file->n; i++) {
		if (!contains(l->file->statements[i].text, str_of(quoted)))
			continue;
		lint_hit_at(l, RULE_ENUM_VALUE_USED, l->file->statements[i].place,
			    "the value %s is used in the transaction that adds it to '%.*s', which "
			    "the server refuses",
			    quoted, STR_ARG(f->type));
		return;
	}
}

void lint_check_tables(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	if (action == DB_ACT_ADD_COLUMN)
		check_column(l, f);
	else if (action == DB_ACT_CREATE_TABLE)
		check_create(l, f);
	else if (action == DB_ACT_ADD_ENUM_VALUE)
		check_enum(l, f);
	else if (action == DB_ACT_CHANGE_TYPE && lint_is_filled(l, f))
		lint_hit(l, RULE_COLUMN_TYPE_CHANGE, f,
			 "'%.*s' is rewritten with its indexes while it is locked, unless the old "
			 "type can be read as the new one",
			 STR_ARG(f->table));
	else if (action == DB_ACT_REWRITE && lint_is_filled(l, f))
		lint_hit(
		    l, RULE_TABLE_REWRITE, f,
		    "'%.*s' is written anew (%.*s) while it is locked against reads and writes",
		    STR_ARG(f->table), STR_ARG(f->detail));
	else if (action == DB_ACT_VACUUM && (f->flags & DB_FACT_FULL) != 0)
		lint_hit(l, RULE_VACUUM_FULL, f,
			 "%s%.*s%s written anew while locked against reads and writes",
			 f->table.p != NULL ? "'" : "every table", STR_ARG(f->table),
			 f->table.p != NULL ? "' is" : " is");
	else if (action == DB_ACT_RENAME_TABLE && lint_is_live(l, f))
		lint_hit(l, RULE_RENAME_TABLE, f,
			 "what runs now knows the table as '%.*s' and fails until it is replaced",
			 STR_ARG(f->table));
	else if (action == DB_ACT_RENAME_COLUMN && lint_is_live(l, f))
		lint_hit(l, RULE_RENAME_COLUMN, f,
			 "what runs now knows the column as '%.*s' of '%.*s' and fails until it is "
			 "replaced",
			 STR_ARG(f->name), STR_ARG(f->table));
}
