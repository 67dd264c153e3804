/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression of PostgreSQL's parse tree means for the rows of a table: whether a default is
 * one value for all, and whether a condition chooses at all. Messages are walked by their
 * descriptors, with a stack of our own: the 200 kinds of nodes need no code each.
 */

#include "db/postgres_facts.h"

#include <string.h>

enum { STACK_MAX = 1024 };

struct walk {
	const ProtobufCMessage *stack[STACK_MAX];
	size_t n;
	int overflow;
};

static void push(struct walk *w, const ProtobufCMessage *m)
{
	if (m == NULL)
		return;
	if (w->n == STACK_MAX)
		w->overflow = 1;
	else
		w->stack[w->n++] = m;
}

/* The messages in one field: one, several, or none. */
static void push_field(struct walk *w, const ProtobufCMessage *m,
		       const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)m;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n;
		const ProtobufCMessage *const *list;
		memcpy(&n, base + field->quantifier_offset, sizeof n);
		memcpy(&list, base + field->offset, sizeof list);
		for (size_t i = 0; i < n; i++)
			push(w, list[i]);
		return;
	}
	if ((field->flags & (uint32_t)PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		uint32_t which;
		memcpy(&which, base + field->quantifier_offset, sizeof which);
		if (which != field->id)
			return;
	}
	const ProtobufCMessage *one;
	memcpy(&one, base + field->offset, sizeof one);
	push(w, one);
}

/* Immutable and stable functions that stand in defaults (pg_proc.provolatile). */
static int is_steady(const char *name)
{
	static const char *const steady[] = {
		"now",
		"transaction_timestamp",
		"statement_timestamp",
		"current_setting",
		"lower",
		"upper",
		"length",
		"md5",
		"coalesce",
		"timezone",
		"date_trunc",
		"date_part",
		"to_char",
		"to_timestamp",
		"to_date",
		"make_date",
		"make_interval",
		"jsonb_build_object",
		"jsonb_build_array",
		"json_build_object",
		"json_build_array",
		"to_jsonb",
		"to_json",
		"array_append",
		"concat",
		"format",
		"substring",
		"substr",
		"trim",
		"btrim",
		"replace",
		"round",
		"floor",
		"ceil",
		"abs",
		"repeat",
		"decode",
		"encode",
		"row",
		"current_schema",
		"current_database",
		"extract",
		"int4range",
		"tstzrange",
	};
	for (size_t i = 0; i < sizeof steady / sizeof steady[0]; i++) {
		if (strcmp(name, steady[i]) == 0)
			return 1;
	}
	return 0;
}

static int calls_unsteady(const PgQuery__FuncCall *call)
{
	if (call->n_funcname == 0)
		return 1;
	const PgQuery__Node *last = call->funcname[call->n_funcname - 1];
	return last->node_case != PG_QUERY__NODE__NODE_STRING || !is_steady(last->string->sval);
}

int postgres_expression_is_volatile(const PgQuery__Node *node)
{
	struct walk w = { .n = 0 };
	push(&w, &node->base);
	while (w.n > 0) {
		const ProtobufCMessage *m = w.stack[--w.n];
		if (m->descriptor == &pg_query__func_call__descriptor &&
		    calls_unsteady((const PgQuery__FuncCall *)(const void *)m))
			return 1;
		for (unsigned i = 0; i < m->descriptor->n_fields; i++)
			push_field(&w, m, &m->descriptor->fields[i]);
	}
	return w.overflow;
}

static int same_constant(const PgQuery__Node *a, const PgQuery__Node *b)
{
	if (a == NULL || b == NULL || a->node_case != PG_QUERY__NODE__NODE_A_CONST ||
	    b->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return 0;
	const PgQuery__AConst *x = a->a_const, *y = b->a_const;
	if (x->isnull || y->isnull || x->val_case != y->val_case)
		return 0;
	if (x->val_case == PG_QUERY__A__CONST__VAL_IVAL)
		return x->ival->ival == y->ival->ival;
	return x->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
	       strcmp(x->sval->sval, y->sval->sval) == 0;
}

static int is_constant(const PgQuery__Node *n, int value)
{
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
	       n->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL && !n->a_const->isnull &&
	       (n->a_const->boolval->boolval != 0) == value;
}

/* AND when all of it is true, OR when something in it is. As deep as the statement is nested,
 * which is bounded before it is parsed. */
static int joined_is_true(const PgQuery__BoolExpr *b)
{
	size_t n = 0;
	if (b->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
		return b->n_args == 1 && is_constant(b->args[0], 0);
	for (size_t i = 0; i < b->n_args; i++)
		n += postgres_condition_is_true(b->args[i]) != 0;
	return b->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR ? n == b->n_args : n > 0;
}

int postgres_condition_is_true(const PgQuery__Node *n)
{
	if (is_constant(n, 1))
		return 1;
	if (n->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR)
		return joined_is_true(n->bool_expr);
	if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR || n->a_expr->n_name != 1)
		return 0;
	const PgQuery__Node *op = n->a_expr->name[0];
	return op->node_case == PG_QUERY__NODE__NODE_STRING && strcmp(op->string->sval, "=") == 0 &&
	       same_constant(n->a_expr->lexpr, n->a_expr->rexpr);
}
