/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parse tree of the few statements that can or cannot run in a transaction by what stands
 * inside them: options, and commands of ALTER. Whatever runs alone also runs where the answer was
 * "outside" for nothing, so what is unclear is outside.
 */

#include "db/postgres_tree.h"

#include "base/auto.h"
#include "base/mem.h"
#include "db/postgres_lex.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <stdio.h>
#include <string.h>

enum {
	/* Measured: a level of nesting takes up to 6 KiB of stack and is written with three tokens
	 * at least ("(select"), or 1.3 KiB and one token ("not"). Together less than 160 KiB. */
	TOKENS_MAX = 64,
	BYTES_MAX = 4096,
};

static int is_small(struct str text)
{
	struct postgres_token t;
	size_t at = 0;
	for (size_t i = 0; text.n <= BYTES_MAX && i <= TOKENS_MAX; i++) {
		at = postgres_token(&t, text, at);
		if (t.kind == POSTGRES_TOKEN_END)
			return 1;
	}
	return 0;
}

/* Whether an option's value says no. */
static int is_off(const PgQuery__Node *arg)
{
	if (arg == NULL)
		return 0;
	if (arg->node_case == PG_QUERY__NODE__NODE_INTEGER)
		return arg->integer->ival == 0;
	if (arg->node_case != PG_QUERY__NODE__NODE_STRING)
		return 0;
	struct str word = str_of(arg->string->sval);
	return str_eq_nocase(word, STR("false")) || str_eq_nocase(word, STR("off"));
}

/* 1: the option is there and not off; 0: it is off; -1: it is not there. The last one counts. */
static int option(PgQuery__Node *const *list, size_t n, const char *name)
{
	int is = -1;
	for (size_t i = 0; i < n; i++) {
		if (list[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
		    strcmp(list[i]->def_elem->defname, name) == 0)
			is = !is_off(list[i]->def_elem->arg);
	}
	return is;
}

static int reindex_is_outside(const PgQuery__ReindexStmt *s)
{
	return s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SCHEMA ||
	       s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SYSTEM ||
	       s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_DATABASE ||
	       option(s->params, s->n_params, "concurrently") == 1;
}

static int alter_table_is_outside(const PgQuery__AlterTableStmt *s)
{
	for (size_t i = 0; i < s->n_cmds; i++) {
		if (s->cmds[i]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
			continue;
		const PgQuery__Node *def = s->cmds[i]->alter_table_cmd->def;
		if (def != NULL && def->node_case == PG_QUERY__NODE__NODE_PARTITION_CMD &&
		    def->partition_cmd->concurrent)
			return 1;
	}
	return 0;
}

/* A slot on the other server would stay when the transaction is rolled back. */
static int create_subscription_is_outside(const PgQuery__CreateSubscriptionStmt *s)
{
	return option(s->options, s->n_options, "create_slot") != 0 &&
	       option(s->options, s->n_options, "connect") != 0;
}

static int alter_subscription_is_outside(const PgQuery__AlterSubscriptionStmt *s)
{
	switch (s->kind) {
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_SET_PUBLICATION:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_ADD_PUBLICATION:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_DROP_PUBLICATION:
		return option(s->options, s->n_options, "refresh") != 0;
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_REFRESH:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_OPTIONS: /* two_phase, failover
									     */
		return 1;
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_CONNECTION:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_ENABLED:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_SKIP:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_TYPE_UNDEFINED:
	case _PG_QUERY__ALTER_SUBSCRIPTION_TYPE_IS_INT_SIZE:
		return 0;
	}
	return 1;
}

static void read_enum(struct postgres_tree *out, const PgQuery__AlterEnumStmt *s)
{
	out->adds_value = s->old_val[0] == '\0';
	(void)snprintf(out->label, sizeof out->label, "%s", s->new_val);
}

/* 1: `out` tells; 0: it is a statement of another kind. */
static int read_node(struct postgres_tree *out, const PgQuery__Node *node)
{
	/* A chain, not a switch: the grammar has 230 other kinds. */
	unsigned kind = (unsigned)node->node_case;
	if (kind == PG_QUERY__NODE__NODE_REINDEX_STMT)
		out->outside = reindex_is_outside(node->reindex_stmt);
	else if (kind == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
		out->outside = alter_table_is_outside(node->alter_table_stmt);
	else if (kind == PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT)
		out->outside = option(node->alter_database_stmt->options,
				      node->alter_database_stmt->n_options, "tablespace") >= 0;
	else if (kind == PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT)
		out->outside = 0;
	else if (kind == PG_QUERY__NODE__NODE_CLUSTER_STMT)
		out->outside = node->cluster_stmt->relation == NULL;
	else if (kind == PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT)
		out->outside = create_subscription_is_outside(node->create_subscription_stmt);
	else if (kind == PG_QUERY__NODE__NODE_ALTER_SUBSCRIPTION_STMT)
		out->outside = alter_subscription_is_outside(node->alter_subscription_stmt);
	else if (kind == PG_QUERY__NODE__NODE_ALTER_ENUM_STMT)
		read_enum(out, node->alter_enum_stmt);
	else
		return 0;
	return 1;
}

static int read_tree(struct postgres_tree *out, const PgQueryProtobuf *packed)
{
	PgQuery__ParseResult *tree =
	    pg_query__parse_result__unpack(NULL, packed->len, (const unsigned char *)packed->data);
	int known = tree != NULL && tree->n_stmts == 1 && tree->stmts[0]->stmt != NULL &&
		    read_node(out, tree->stmts[0]->stmt);
	pg_query__parse_result__free_unpacked(tree, NULL);
	return known;
}

int postgres_tree(struct postgres_tree *out, struct str text)
{
	struct postgres_tree tree = { .outside = 0 };
	if (!is_small(text))
		return 0;
	AUTO(free) char *copy = mem_copy(text.p, text.n);
	if (copy == NULL)
		return 0;
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(copy);
	int known = result.error == NULL && read_tree(&tree, &result.parse_tree);
	pg_query_free_protobuf_parse_result(result);
	if (known)
		*out = tree;
	return known;
}
