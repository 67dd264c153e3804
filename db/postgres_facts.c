/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From PostgreSQL's parse tree to facts: one small reader for each kind of statement, found in a
 * table. ALTER TABLE, which has commands of its own, and columns are in postgres_facts_table.c.
 */

#include "db/postgres_facts.h"

#include <stdio.h>
#include <string.h>

struct db_fact *postgres_fact(struct postgres_facts *f, enum db_action action)
{
	if (f->n == f->cap) {
		size_t cap = f->cap > 0 ? f->cap * 2 : 32;
		struct db_fact *more = arena_array(f->arena, cap, sizeof *more);
		if (more == NULL) {
			f->failed = 1;
			f->spare = (struct db_fact){ .action = action };
			return &f->spare;
		}
		if (f->n > 0)
			memcpy(more, f->list, f->n * sizeof *more);
		f->list = more;
		f->cap = cap;
	}
	struct db_fact *fact = &f->list[f->n++];
	*fact = (struct db_fact){
		.action = action,
		.statement = f->index,
		.place = f->statement->place,
	};
	return fact;
}

struct str postgres_fact_text(struct postgres_facts *f, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return STR_NULL;
	struct str copy = arena_str(f->arena, str_of(text));
	f->failed |= copy.p == NULL;
	return copy;
}

void postgres_fact_at(struct postgres_facts *f, struct db_fact *fact, int location)
{
	struct str text = f->statement->text;
	if (location < 0 || (size_t)location > text.n)
		return;
	/* Clauses come in order: each part of the statement is walked once. */
	if ((size_t)location < f->walked) {
		f->walked = 0;
		f->at = f->statement->place;
	}
	for (; f->walked < (size_t)location; f->walked++) {
		char c = text.p[f->walked];
		if (c == '\n') {
			f->at.line++;
			f->at.column = 1;
		} else if (((unsigned char)c & 0xc0U) != 0x80U) {
			f->at.column++;
		}
	}
	fact->place = f->at;
}

void postgres_fact_table(struct postgres_facts *f, struct db_fact *fact,
			 const PgQuery__RangeVar *relation)
{
	if (relation == NULL)
		return;
	fact->schema = postgres_fact_text(f, relation->schemaname);
	fact->table = postgres_fact_text(f, relation->relname);
	if (relation->relpersistence != NULL && relation->relpersistence[0] == 't')
		fact->flags |= DB_FACT_TEMPORARY;
	if (!relation->inh)
		fact->flags |= DB_FACT_ONLY;
}

/* The last and the one before it of a list of strings. */
static void read_names(struct postgres_facts *f, struct str *schema, struct str *name,
		       PgQuery__Node *const *list, size_t n)
{
	if (n > 0 && list[n - 1]->node_case == PG_QUERY__NODE__NODE_STRING)
		*name = postgres_fact_text(f, list[n - 1]->string->sval);
	if (n > 1 && list[n - 2]->node_case == PG_QUERY__NODE__NODE_STRING)
		*schema = postgres_fact_text(f, list[n - 2]->string->sval);
}

int postgres_fact_option(PgQuery__Node *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i]->node_case != PG_QUERY__NODE__NODE_DEF_ELEM ||
		    strcmp(list[i]->def_elem->defname, name) != 0)
			continue;
		const PgQuery__Node *arg = list[i]->def_elem->arg;
		if (arg == NULL)
			return 1;
		if (arg->node_case == PG_QUERY__NODE__NODE_INTEGER)
			return arg->integer->ival != 0;
		return arg->node_case != PG_QUERY__NODE__NODE_STRING ||
		       (strcmp(arg->string->sval, "false") != 0 &&
			strcmp(arg->string->sval, "off") != 0);
	}
	return 0;
}

/* ---- data ---- */

static void read_condition(struct db_fact *fact, const PgQuery__Node *where)
{
	if (where != NULL && !postgres_condition_is_true(where))
		fact->flags |= DB_FACT_WHERE;
}

static void read_update(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_UPDATE);
	postgres_fact_table(f, fact, node->update_stmt->relation);
	read_condition(fact, node->update_stmt->where_clause);
}

static void read_delete(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_DELETE);
	postgres_fact_table(f, fact, node->delete_stmt->relation);
	read_condition(fact, node->delete_stmt->where_clause);
}

static void read_merge(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_MERGE);
	postgres_fact_table(f, fact, node->merge_stmt->relation);
}

static void read_insert(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__InsertStmt *s = node->insert_stmt;
	struct db_fact *fact = postgres_fact(f, DB_ACT_INSERT);
	postgres_fact_table(f, fact, s->relation);
	if (s->n_cols > 0)
		fact->flags |= DB_FACT_COLUMNS;
	const PgQuery__Node *from = s->select_stmt;
	if (from == NULL)
		fact->rows = 1; /* DEFAULT VALUES */
	else if (from->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
		 from->select_stmt->n_values_lists > 0)
		fact->rows = (int64_t)from->select_stmt->n_values_lists;
	else
		fact->flags |= DB_FACT_FROM_QUERY;
}

static void read_select(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__IntoClause *into = node->select_stmt->into_clause;
	if (into == NULL)
		return;
	struct db_fact *fact = postgres_fact(f, DB_ACT_CREATE_TABLE);
	postgres_fact_table(f, fact, into->rel);
	fact->flags |= DB_FACT_FROM_QUERY;
}

static const PgQuery__WithClause *with_of(const PgQuery__Node *node)
{
	unsigned kind = (unsigned)node->node_case;
	if (kind == PG_QUERY__NODE__NODE_SELECT_STMT)
		return node->select_stmt->with_clause;
	if (kind == PG_QUERY__NODE__NODE_INSERT_STMT)
		return node->insert_stmt->with_clause;
	if (kind == PG_QUERY__NODE__NODE_UPDATE_STMT)
		return node->update_stmt->with_clause;
	if (kind == PG_QUERY__NODE__NODE_DELETE_STMT)
		return node->delete_stmt->with_clause;
	return NULL;
}

/* ---- objects ---- */

static void read_index(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__IndexStmt *s = node->index_stmt;
	struct db_fact *fact = postgres_fact(f, DB_ACT_CREATE_INDEX);
	postgres_fact_table(f, fact, s->relation);
	fact->name = postgres_fact_text(f, s->idxname);
	fact->flags |= (s->concurrent ? DB_FACT_CONCURRENTLY : 0U) |
		       (s->unique ? DB_FACT_UNIQUE : 0U) | (s->if_not_exists ? DB_FACT_IF : 0U);
}

static void read_create_as(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__CreateTableAsStmt *s = node->create_table_as_stmt;
	int is_view = s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW;
	struct db_fact *fact =
	    postgres_fact(f, is_view ? DB_ACT_CREATE_OTHER : DB_ACT_CREATE_TABLE);
	postgres_fact_table(f, fact, s->into != NULL ? s->into->rel : NULL);
	fact->flags |= DB_FACT_FROM_QUERY | (s->if_not_exists ? DB_FACT_IF : 0U);
	if (is_view)
		fact->detail = STR("materialized view");
}

static void read_view(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_CREATE_OTHER);
	postgres_fact_table(f, fact, node->view_stmt->view);
	fact->detail = STR("view");
}

static void read_enum(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__CreateEnumStmt *s = node->create_enum_stmt;
	struct db_fact *fact = postgres_fact(f, DB_ACT_CREATE_OTHER);
	fact->detail = STR("type");
	read_names(f, &fact->schema, &fact->name, s->type_name, s->n_type_name);
}

static void read_alter_enum(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__AlterEnumStmt *s = node->alter_enum_stmt;
	int adds = s->old_val == NULL || s->old_val[0] == '\0';
	struct db_fact *fact = postgres_fact(f, adds ? DB_ACT_ADD_ENUM_VALUE : DB_ACT_RENAME_OTHER);
	read_names(f, &fact->schema, &fact->type, s->type_name, s->n_type_name);
	fact->name = postgres_fact_text(f, s->new_val);
	if (!adds)
		fact->detail = STR("enum value");
}

static void read_drop_one(struct postgres_facts *f, const PgQuery__DropStmt *s,
			  const PgQuery__Node *object)
{
	static const struct {
		PgQuery__ObjectType type;
		enum db_action action;
		const char *what;
	} kinds[] = {
		{ PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, DB_ACT_DROP_TABLE, "table" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_INDEX, DB_ACT_DROP_INDEX, "index" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA, DB_ACT_DROP_SCHEMA, "schema" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, DB_ACT_DROP_OTHER, "view" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW, DB_ACT_DROP_OTHER, "materialized view" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, DB_ACT_DROP_OTHER, "sequence" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_TYPE, DB_ACT_DROP_OTHER, "type" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION, DB_ACT_DROP_OTHER, "function" },
		{ PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION, DB_ACT_DROP_OTHER, "extension" },
	};
	enum db_action action = DB_ACT_DROP_OTHER;
	const char *what = "object";
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].type == s->remove_type) {
			action = kinds[i].action;
			what = kinds[i].what;
		}
	}
	struct db_fact *fact = postgres_fact(f, action);
	struct str *name = action == DB_ACT_DROP_TABLE ? &fact->table : &fact->name;
	if (object->node_case == PG_QUERY__NODE__NODE_LIST)
		read_names(f, &fact->schema, name, object->list->items, object->list->n_items);
	else if (object->node_case == PG_QUERY__NODE__NODE_STRING)
		*name = postgres_fact_text(f, object->string->sval);
	fact->detail = str_of(what);
	if (s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		fact->flags |= DB_FACT_CASCADE;
	fact->flags |=
	    (s->concurrent ? DB_FACT_CONCURRENTLY : 0U) | (s->missing_ok ? DB_FACT_IF : 0U);
}

static void read_drop(struct postgres_facts *f, const PgQuery__Node *node)
{
	for (size_t i = 0; i < node->drop_stmt->n_objects; i++)
		read_drop_one(f, node->drop_stmt, node->drop_stmt->objects[i]);
}

static void read_drop_database(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_DROP_DATABASE);
	fact->name = postgres_fact_text(f, node->dropdb_stmt->dbname);
}

static void read_truncate(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__TruncateStmt *s = node->truncate_stmt;
	for (size_t i = 0; i < s->n_relations; i++) {
		if (s->relations[i]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
			continue;
		struct db_fact *fact = postgres_fact(f, DB_ACT_TRUNCATE);
		postgres_fact_table(f, fact, s->relations[i]->range_var);
		if (s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
			fact->flags |= DB_FACT_CASCADE;
	}
}

static void read_rename(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__RenameStmt *s = node->rename_stmt;
	enum db_action action = DB_ACT_RENAME_OTHER;
	if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		action = DB_ACT_RENAME_TABLE;
	else if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN)
		action = DB_ACT_RENAME_COLUMN;
	struct db_fact *fact = postgres_fact(f, action);
	postgres_fact_table(f, fact, s->relation);
	fact->name = postgres_fact_text(f, s->subname);
	fact->new_name = postgres_fact_text(f, s->newname);
}

static void read_move(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__AlterObjectSchemaStmt *s = node->alter_object_schema_stmt;
	int is_table = s->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
	struct db_fact *fact =
	    postgres_fact(f, is_table ? DB_ACT_RENAME_TABLE : DB_ACT_RENAME_OTHER);
	postgres_fact_table(f, fact, s->relation);
	fact->detail = STR("set schema");
}

/* ---- upkeep ---- */

static void read_reindex(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__ReindexStmt *s = node->reindex_stmt;
	struct db_fact *fact = postgres_fact(f, DB_ACT_REINDEX);
	int is_index = s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX;
	postgres_fact_table(f, fact, s->relation);
	if (is_index) {
		fact->name = fact->table;
		fact->table = STR_NULL;
	} else if (fact->table.p == NULL) {
		fact->name = postgres_fact_text(f, s->name);
	}
	if (postgres_fact_option(s->params, s->n_params, "concurrently"))
		fact->flags |= DB_FACT_CONCURRENTLY;
}

static void read_vacuum(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__VacuumStmt *s = node->vacuum_stmt;
	unsigned flags = postgres_fact_option(s->options, s->n_options, "full") ? DB_FACT_FULL : 0U;
	if (!s->is_vacuumcmd)
		return;
	if (s->n_rels == 0)
		postgres_fact(f, DB_ACT_VACUUM)->flags = flags;
	for (size_t i = 0; i < s->n_rels; i++) {
		struct db_fact *fact = postgres_fact(f, DB_ACT_VACUUM);
		if (s->rels[i]->node_case == PG_QUERY__NODE__NODE_VACUUM_RELATION)
			postgres_fact_table(f, fact, s->rels[i]->vacuum_relation->relation);
		fact->flags |= flags;
	}
}

static void read_cluster(struct postgres_facts *f, const PgQuery__Node *node)
{
	struct db_fact *fact = postgres_fact(f, DB_ACT_VACUUM);
	postgres_fact_table(f, fact, node->cluster_stmt->relation);
	fact->flags |= DB_FACT_FULL;
	fact->detail = STR("cluster");
}

static void read_refresh(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__RefreshMatViewStmt *s = node->refresh_mat_view_stmt;
	struct db_fact *fact = postgres_fact(f, DB_ACT_REFRESH);
	postgres_fact_table(f, fact, s->relation);
	if (s->concurrent)
		fact->flags |= DB_FACT_CONCURRENTLY;
}

static void read_lock(struct postgres_facts *f, const PgQuery__Node *node)
{
	static const char *const modes[] = {
		"",
		"access share",
		"row share",
		"row exclusive",
		"share update exclusive",
		"share",
		"share row exclusive",
		"exclusive",
		"access exclusive",
	};
	const PgQuery__LockStmt *s = node->lock_stmt;
	for (size_t i = 0; i < s->n_relations; i++) {
		if (s->relations[i]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
			continue;
		struct db_fact *fact = postgres_fact(f, DB_ACT_LOCK_TABLE);
		postgres_fact_table(f, fact, s->relations[i]->range_var);
		if (s->mode > 0 && s->mode < (int)(sizeof modes / sizeof modes[0]))
			fact->detail = str_of(modes[s->mode]);
	}
}

/* A value of SET as text: '5s', 5000, off. */
static struct str set_value(struct postgres_facts *f, const PgQuery__Node *arg)
{
	char number[16];
	if (arg->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return STR_NULL;
	if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL)
		return postgres_fact_text(f, arg->a_const->sval->sval);
	if (arg->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
		return STR_NULL;
	(void)snprintf(number, sizeof number, "%d", arg->a_const->ival->ival);
	return postgres_fact_text(f, number);
}

static void read_set(struct postgres_facts *f, const PgQuery__Node *node)
{
	const PgQuery__VariableSetStmt *s = node->variable_set_stmt;
	if (s->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE || s->n_args == 0)
		return;
	struct db_fact *fact = postgres_fact(f, DB_ACT_SET);
	fact->name = postgres_fact_text(f, s->name);
	fact->detail = set_value(f, s->args[0]);
	if (s->is_local)
		fact->flags |= DB_FACT_LOCAL;
}

static const struct {
	unsigned kind;
	void (*read)(struct postgres_facts *f, const PgQuery__Node *node);
} readers[] = {
	{ PG_QUERY__NODE__NODE_CREATE_STMT, postgres_facts_create },
	{ PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, postgres_facts_alter },
	{ PG_QUERY__NODE__NODE_INDEX_STMT, read_index },
	{ PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, read_create_as },
	{ PG_QUERY__NODE__NODE_VIEW_STMT, read_view },
	{ PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, read_enum },
	{ PG_QUERY__NODE__NODE_ALTER_ENUM_STMT, read_alter_enum },
	{ PG_QUERY__NODE__NODE_DROP_STMT, read_drop },
	{ PG_QUERY__NODE__NODE_DROPDB_STMT, read_drop_database },
	{ PG_QUERY__NODE__NODE_TRUNCATE_STMT, read_truncate },
	{ PG_QUERY__NODE__NODE_RENAME_STMT, read_rename },
	{ PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, read_move },
	{ PG_QUERY__NODE__NODE_INSERT_STMT, read_insert },
	{ PG_QUERY__NODE__NODE_UPDATE_STMT, read_update },
	{ PG_QUERY__NODE__NODE_DELETE_STMT, read_delete },
	{ PG_QUERY__NODE__NODE_MERGE_STMT, read_merge },
	{ PG_QUERY__NODE__NODE_SELECT_STMT, read_select },
	{ PG_QUERY__NODE__NODE_REINDEX_STMT, read_reindex },
	{ PG_QUERY__NODE__NODE_VACUUM_STMT, read_vacuum },
	{ PG_QUERY__NODE__NODE_CLUSTER_STMT, read_cluster },
	{ PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, read_refresh },
	{ PG_QUERY__NODE__NODE_LOCK_STMT, read_lock },
	{ PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, read_set },
};

static void read_node(struct postgres_facts *f, const PgQuery__Node *node)
{
	for (size_t i = 0; node != NULL && i < sizeof readers / sizeof readers[0]; i++) {
		if (readers[i].kind == (unsigned)node->node_case)
			readers[i].read(f, node);
	}
}

/* What is really run: EXPLAIN ANALYZE runs the statement in it. */
static const PgQuery__Node *run_of(const PgQuery__Node *node)
{
	if (node->node_case != PG_QUERY__NODE__NODE_EXPLAIN_STMT)
		return node;
	const PgQuery__ExplainStmt *s = node->explain_stmt;
	const int runs = postgres_fact_option(s->options, s->n_options, "analyze");
	return runs && s->query != NULL ? s->query : node;
}

/* The statement, and what its WITH changes beside it. */
static void read_statement(struct postgres_facts *f, const PgQuery__Node *outer)
{
	const PgQuery__Node *node = run_of(outer);
	const PgQuery__WithClause *with = with_of(node);
	for (size_t i = 0; with != NULL && i < with->n_ctes; i++) {
		if (with->ctes[i]->node_case == PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
			read_node(f, with->ctes[i]->common_table_expr->ctequery);
	}
	read_node(f, node);
}

int postgres_facts_read(struct postgres_facts *f, struct str packed)
{
	const size_t before = f->n;
	f->walked = 0;
	f->at = f->statement->place;
	PgQuery__ParseResult *tree =
	    pg_query__parse_result__unpack(NULL, packed.n, (const unsigned char *)packed.p);
	if (tree == NULL)
		return -1;
	for (size_t i = 0; i < tree->n_stmts; i++) {
		if (tree->stmts[i]->stmt != NULL)
			read_statement(f, tree->stmts[i]->stmt);
	}
	pg_query__parse_result__free_unpacked(tree, NULL);
	if (f->n == before && !f->failed)
		(void)postgres_fact(f, DB_ACT_OTHER);
	return f->failed ? -1 : 0;
}
