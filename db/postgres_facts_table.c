/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of CREATE TABLE and ALTER TABLE: columns, constraints, and the commands of ALTER. */

#include "base/buf.h"
#include "db/postgres_facts.h"

#include <string.h>

/* What each column and constraint of one statement shares. */
struct table {
	struct postgres_facts *f;
	const PgQuery__RangeVar *relation;
	unsigned flags; /* for each fact */
};

static struct db_fact *add(const struct table *t, enum db_action action)
{
	struct db_fact *fact = postgres_fact(t->f, action);
	postgres_fact_table(t->f, fact, t->relation);
	fact->flags |= t->flags;
	return fact;
}

/* "a, b" */
static struct str join(struct postgres_facts *f, PgQuery__Node *const *names, size_t n)
{
	AUTO(buf) struct buf text;
	buf_init(&text, 64 * 1024);
	for (size_t i = 0; i < n; i++) {
		if (names[i]->node_case != PG_QUERY__NODE__NODE_STRING)
			continue;
		buf_adds(&text, text.n > 0 ? ", " : "");
		buf_adds(&text, names[i]->string->sval);
	}
	f->failed |= buf_check(&text, NULL) != 0;
	return postgres_fact_text(f, text.p);
}

static enum db_constraint constraint_kind(PgQuery__ConstrType type)
{
	static const struct {
		PgQuery__ConstrType type;
		enum db_constraint kind;
	} kinds[] = {
		{ PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, DB_CONSTRAINT_PRIMARY },
		{ PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, DB_CONSTRAINT_UNIQUE },
		{ PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN, DB_CONSTRAINT_FOREIGN },
		{ PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, DB_CONSTRAINT_CHECK },
		{ PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION, DB_CONSTRAINT_EXCLUDE },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].type == type)
			return kinds[i].kind;
	}
	return DB_CONSTRAINT_NONE;
}

/* `column`: the one it stands at; NULL for a constraint of the table. */
static void read_constraint(const struct table *t, const PgQuery__Constraint *c, const char *column)
{
	enum db_constraint kind = constraint_kind(c->contype);
	if (kind == DB_CONSTRAINT_NONE)
		return;
	struct db_fact *fact = add(t, DB_ACT_ADD_CONSTRAINT);
	postgres_fact_at(t->f, fact, c->location);
	fact->constraint = kind;
	fact->name = postgres_fact_text(t->f, c->conname);
	if (column != NULL)
		fact->detail = postgres_fact_text(t->f, column);
	else if (kind == DB_CONSTRAINT_FOREIGN)
		fact->detail = join(t->f, c->fk_attrs, c->n_fk_attrs);
	else
		fact->detail = join(t->f, c->keys, c->n_keys);
	if (c->indexname != NULL && c->indexname[0] != '\0')
		fact->flags |= DB_FACT_USING_INDEX;
	if (c->skip_validation)
		fact->flags |= DB_FACT_NOT_VALID;
	if (c->pktable != NULL)
		fact->reference = postgres_fact_text(t->f, c->pktable->relname);
}

/* What a column's own constraints say of the column. */
static unsigned column_flags(const PgQuery__Constraint *c)
{
	unsigned kind = (unsigned)c->contype;
	if (kind == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL)
		return DB_FACT_NOT_NULL;
	if (kind == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
		return DB_FACT_NOT_NULL | DB_FACT_PRIMARY;
	if (kind == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE)
		return DB_FACT_UNIQUE;
	if (kind == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY)
		return DB_FACT_IDENTITY | DB_FACT_NOT_NULL;
	if (kind == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED)
		return DB_FACT_GENERATED;
	if (kind != PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT || c->raw_expr == NULL)
		return 0;
	const PgQuery__Node *value = c->raw_expr;
	if (value->node_case == PG_QUERY__NODE__NODE_A_CONST && value->a_const->isnull)
		return 0; /* DEFAULT NULL is none */
	return DB_FACT_DEFAULT |
	       (postgres_expression_is_volatile(value) ? (unsigned)DB_FACT_VOLATILE : 0U);
}

static struct str type_of(struct postgres_facts *f, const PgQuery__TypeName *type)
{
	if (type == NULL || type->n_names == 0)
		return STR_NULL;
	const PgQuery__Node *last = type->names[type->n_names - 1];
	if (last->node_case != PG_QUERY__NODE__NODE_STRING)
		return STR_NULL;
	return postgres_fact_text(f, last->string->sval);
}

static int is_serial(struct str type)
{
	static const char *const names[] = { "serial",  "serial2",     "serial4",
					     "serial8", "smallserial", "bigserial" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (str_eq_cstr(type, names[i]))
			return 1;
	}
	return 0;
}

static void read_column(const struct table *t, const PgQuery__ColumnDef *c)
{
	struct db_fact *fact = add(t, DB_ACT_ADD_COLUMN);
	postgres_fact_at(t->f, fact, c->location);
	fact->name = postgres_fact_text(t->f, c->colname);
	fact->type = type_of(t->f, c->type_name);
	if (is_serial(fact->type))
		fact->flags |= DB_FACT_SERIAL | DB_FACT_IDENTITY | DB_FACT_NOT_NULL;
	for (size_t i = 0; i < c->n_constraints; i++) {
		if (c->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			fact->flags |= column_flags(c->constraints[i]->constraint);
	}
	/* `fact` may move from here on. */
	for (size_t i = 0; i < c->n_constraints; i++) {
		if (c->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			read_constraint(t, c->constraints[i]->constraint, c->colname);
	}
}

void postgres_facts_create(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__CreateStmt *s = node->create_stmt;
	struct table t = { .f = f, .relation = s->relation };
	unsigned form = s->partbound != NULL || s->n_inh_relations > 0 || s->of_typename != NULL
			    ? (unsigned)DB_FACT_PARTITION
			    : 0U;
	for (size_t i = 0; i < s->n_table_elts; i++) {
		if (s->table_elts[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
			form = DB_FACT_PARTITION;
	}
	add(&t, DB_ACT_CREATE_TABLE)->flags |= form | (s->if_not_exists ? DB_FACT_IF : 0U);
	t.flags = DB_FACT_IN_CREATE;
	for (size_t i = 0; i < s->n_table_elts; i++) {
		const PgQuery__Node *element = s->table_elts[i];
		if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			read_column(&t, element->column_def);
		else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			read_constraint(&t, element->constraint, NULL);
	}
}

/* ---- ALTER TABLE ---- */

static void alter_add_column(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	if (c->def != NULL && c->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
		read_column(t, c->def->column_def);
}

static void alter_add_constraint(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	if (c->def != NULL && c->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
		read_constraint(t, c->def->constraint, NULL);
}

static void alter_type(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	struct db_fact *fact = add(t, DB_ACT_CHANGE_TYPE);
	fact->name = postgres_fact_text(t->f, c->name);
	if (c->def != NULL && c->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
		fact->type = type_of(t->f, c->def->column_def->type_name);
}

static void alter_attach(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	struct db_fact *fact = add(t, DB_ACT_ATTACH_PARTITION);
	if (c->def == NULL || c->def->node_case != PG_QUERY__NODE__NODE_PARTITION_CMD)
		return;
	const PgQuery__RangeVar *part = c->def->partition_cmd->name;
	if (part != NULL)
		fact->reference = postgres_fact_text(t->f, part->relname);
}

/* Commands that name a column or constraint, or nothing. */
static const struct {
	PgQuery__AlterTableType type;
	enum db_action action;
	const char *detail;
} plain[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull, DB_ACT_SET_NOT_NULL, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull, DB_ACT_DROP_NOT_NULL, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault, DB_ACT_SET_DEFAULT, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn, DB_ACT_DROP_COLUMN, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint, DB_ACT_DROP_CONSTRAINT, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint, DB_ACT_VALIDATE, NULL },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged, DB_ACT_REWRITE, "set logged" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged, DB_ACT_REWRITE, "set unlogged" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace, DB_ACT_REWRITE, "set tablespace" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetAccessMethod, DB_ACT_REWRITE, "set access method" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics, DB_ACT_ALTER_OTHER, "set statistics" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition, DB_ACT_ALTER_OTHER, "detach partition" },
};

static void alter_plain(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	enum db_action action = DB_ACT_ALTER_OTHER;
	const char *detail = NULL;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		if (plain[i].type == c->subtype) {
			action = plain[i].action;
			detail = plain[i].detail;
		}
	}
	struct db_fact *fact = add(t, action);
	fact->name = postgres_fact_text(t->f, c->name);
	fact->detail = str_of(detail);
	if (c->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		fact->flags |= DB_FACT_CASCADE;
	if (c->missing_ok)
		fact->flags |= DB_FACT_IF;
}

static void read_command(const struct table *t, const PgQuery__AlterTableCmd *c)
{
	unsigned type = (unsigned)c->subtype;
	if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
		alter_add_column(t, c);
	else if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
		alter_add_constraint(t, c);
	else if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType)
		alter_type(t, c);
	else if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition)
		alter_attach(t, c);
	else
		alter_plain(t, c);
}

void postgres_facts_alter(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__AlterTableStmt *s = node->alter_table_stmt;
	const struct table t = { .f = f, .relation = s->relation };
	if (s->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		return;
	for (size_t i = 0; i < s->n_cmds; i++) {
		if (s->cmds[i]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
			read_command(&t, s->cmds[i]->alter_table_cmd);
	}
}
