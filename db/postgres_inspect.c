/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads PostgreSQL's statements by its own grammar (libpg_query), one by one, so that one that the
 * grammar refuses does not hide the others. The parser and its trees are recursive: what would need
 * much stack is found by its tokens, before the parser sees it.
 */

#include "db/postgres_inspect.h"

#include "base/mem.h"
#include "db/place.h"
#include "db/postgres_facts.h"
#include "db/postgres_lex.h"

#include <pg_query.h>

enum {
	/* A tree takes about 50 bytes of memory for a byte of SQL. */
	STATEMENT_MAX = 1 << 20,
	SCRIPT_MAX = 16 << 20,
	/* Measured: a level takes up to 6 KiB of stack and is written with two of these tokens at
	 * least ("(select"), or 2 KiB with one ("+"). Together 3 MiB of the usual 8. */
	LEVELS_MAX = 1000,
	PARENS_MAX = 500,
};

/* ---- how deep a statement may be nested ---- */

/* What is open: tokens since the last comma that may nest in each other, for each parenthesis. */
struct levels {
	size_t counts[PARENS_MAX];
	size_t open;
	size_t sum;
	size_t chained; /* of the set operations of all: a comma ends none of them */
	size_t end;     /* of the last character of an operator: the next one is part of it */
};

static int may_nest(const struct postgres_token *t)
{
	static const char *const words[] = { "not",      "select", "join",    "case",   "collate",
					     "at",       "is",     "like",    "ilike",  "similar",
					     "operator", "in",     "between", "escape", "array" };
	if (t->kind == POSTGRES_TOKEN_WORD) {
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			if (postgres_token_is(t, words[i]))
				return 1;
		}
		return 0;
	}
	char c = t->text.n > 0 ? t->text.p[0] : ' ';
	return c != '\'' && c != '"' && c != '$' && c != '.' && !(c >= '0' && c <= '9');
}

static int is_chain(const struct postgres_token *t)
{
	return postgres_token_is(t, "union") || postgres_token_is(t, "intersect") ||
	       postgres_token_is(t, "except");
}

/* 0 when a parenthesis too many opens. */
static int follow(struct levels *l, const struct postgres_token *t)
{
	char c = t->text.n == 1 ? t->text.p[0] : ' ';
	if (t->kind == POSTGRES_TOKEN_OPEN || c == '[') {
		if (l->open + 1 == PARENS_MAX)
			return 0;
		l->counts[++l->open] = 1;
		l->sum++;
	} else if (t->kind == POSTGRES_TOKEN_CLOSE || c == ']') {
		l->sum -= l->counts[l->open];
		l->counts[l->open] = 0;
		l->open -= l->open > 0;
	} else if (c == ',') {
		l->sum -= l->counts[l->open];
		l->counts[l->open] = 0;
	} else if (is_chain(t)) {
		l->chained++;
	} else if (may_nest(t)) {
		size_t one = t->at != l->end || t->kind == POSTGRES_TOKEN_WORD;
		l->counts[l->open] += one;
		l->sum += one;
		l->end = t->at + 1;
	}
	return l->sum + l->chained <= LEVELS_MAX;
}

static int is_deep(struct str text)
{
	struct levels l = { .open = 0 };
	struct postgres_token t;
	size_t at = 0;
	for (;;) {
		at = postgres_token(&t, text, at);
		if (t.kind == POSTGRES_TOKEN_END)
			return 0;
		if (!follow(&l, &t))
			return 1;
	}
}

/* ---- statement by statement ---- */

struct inspector {
	struct postgres_facts facts;
	struct db_fault *faults;
	size_t n_faults, cap;
	struct str text;
};

static int add_fault(struct inspector *in, enum db_fault_kind kind, struct db_place place,
		     const char *message)
{
	struct arena *arena = in->facts.arena;
	if (in->n_faults == in->cap) {
		size_t cap = in->cap > 0 ? in->cap * 2 : 8;
		struct db_fault *more = arena_array(arena, cap, sizeof *more);
		if (more == NULL)
			return -1;
		for (size_t i = 0; i < in->n_faults; i++)
			more[i] = in->faults[i];
		in->faults = more;
		in->cap = cap;
	}
	struct str copy = arena_str(arena, str_of(message));
	in->faults[in->n_faults++] = (struct db_fault){
		.kind = kind, .statement = in->facts.index, .place = place, .message = copy
	};
	(void)postgres_fact(&in->facts, DB_ACT_OTHER);
	return copy.p != NULL && !in->facts.failed ? 0 : -1;
}

/* `cursor` counts characters of the statement, from 1; 0: not known. */
static int add_syntax(struct inspector *in, const PgQueryError *error)
{
	const struct db_statement *s = in->facts.statement;
	struct db_place place = s->place;
	if (error->cursorpos > 0) {
		size_t offset = place_of_char(s->text, (size_t)error->cursorpos - 1);
		/* Without the byte order mark, which a statement never starts with. */
		place = place_at(str_first(s->text, offset), offset, s->place.statement);
		if (place.line == 1)
			place.column += s->place.column - 1;
		place.line += s->place.line - 1;
	}
	return add_fault(in, DB_FAULT_SYNTAX, place,
			 error->message != NULL ? error->message : "syntax error");
}

static int read_tree(struct inspector *in)
{
	struct str text = in->facts.statement->text;
	AUTO(free) char *copy = mem_copy(text.p, text.n);
	if (copy == NULL)
		return -1;
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(copy);
	int rc = -1;
	if (result.error != NULL)
		rc = add_syntax(in, result.error);
	else if (result.parse_tree.data != NULL || result.parse_tree.len == 0)
		rc = postgres_facts_read(
		    &in->facts, (struct str){ result.parse_tree.data, result.parse_tree.len });
	pg_query_free_protobuf_parse_result(result);
	return rc;
}

static int read_one(struct inspector *in)
{
	const struct db_statement *s = in->facts.statement;
	if (s->text.n > STATEMENT_MAX || (size_t)(s->text.p - in->text.p) > SCRIPT_MAX)
		return add_fault(in, DB_FAULT_TOO_LARGE, s->place,
				 "the statement is too long to be looked at");
	if (is_deep(s->text))
		return add_fault(in, DB_FAULT_TOO_LARGE, s->place,
				 "the statement is nested too deeply to be looked at");
	return read_tree(in);
}

int postgres_inspect(struct db_inspection *out, struct str text,
		     const struct db_statement *statements, size_t n, struct arena *arena,
		     struct err *e)
{
	struct inspector in = { .facts = { .arena = arena }, .text = text };
	for (size_t i = 0; i < n; i++) {
		in.facts.statement = &statements[i];
		in.facts.index = i;
		if (read_one(&in) != 0)
			return arena->failed != ERR_NONE ? arena_err(arena, e)
							 : err_set(e, ERR_NOMEM, "out of memory");
	}
	*out = (struct db_inspection){ in.facts.list, in.facts.n, in.faults, in.n_faults };
	return 0;
}
