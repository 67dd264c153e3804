/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at PostgreSQL scripts without a server: where statements end, and what must not be in a
 * migration. PostgreSQL's own grammar (libpg_query) splits; where it fails, because the syntax is
 * newer than it or wrong, our lexer does.
 */

#include "db/postgres_sql.h"

#include "base/mem.h"
#include "base/num.h"
#include "db/place.h"
#include "db/postgres_classify.h"
#include "db/postgres_lex.h"

#include <pg_query.h>

#include <limits.h>
#include <string.h>

enum {
	/* The grammar needs about 50 bytes of memory for a byte of SQL; larger texts are lexed
	 * only. */
	GRAMMAR_MAX = 1 << 20,
	COMMENTS_MAX = 64,  /* in one another */
	OPERATOR_MAX = 512, /* characters; a line of stars in a comment's head is one, too */
};

/* 1: the grammar split it; 0: it does not know the syntax; -1: out of memory. */
static int split_parsed(struct postgres_statement **out, size_t *count, struct str text,
			struct err *e)
{
	if (text.n > GRAMMAR_MAX)
		return 0;
	PgQuerySplitResult result = pg_query_split_with_parser(text.p);
	struct postgres_statement *list = NULL;
	size_t n = result.error == NULL && result.n_stmts > 0 ? (size_t)result.n_stmts : 0;
	int rc = result.error == NULL;
	if (n > 0 && (list = mem_array(n, sizeof *list)) == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; list != NULL && i < n; i++) {
		/* Leading comments are the grammar's part of a statement, not ours. */
		size_t start = (size_t)result.stmts[i]->stmt_location;
		list[i].end = start + (size_t)result.stmts[i]->stmt_len;
		list[i].start = place_skip_blank(text, start, PLACE_POSTGRES);
	}
	pg_query_free_split_result(result);
	if (rc == 1) {
		*out = list;
		*count = n;
	}
	return rc;
}

int postgres_split(struct postgres_statement **out, size_t *count, struct str text, struct err *e)
{
	int rc = split_parsed(out, count, text, e);
	if (rc != 0)
		return rc > 0 ? 0 : -1;
	return postgres_split_lexed(out, count, text, e);
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_operator(char c)
{
	return c != '\0' && strchr("~!@#^&|`?+-*/%<>=", c) != NULL;
}

/* Where the run of operator characters that holds `at` ends; *end keeps it for the next call. */
static int is_long_run(size_t *end, struct str text, size_t at)
{
	if (at < *end)
		return 0;
	*end = at;
	while (*end < text.n && is_operator(text.p[*end]))
		++*end;
	return *end - at > OPERATOR_MAX;
}

static int refuse_run(struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "more than %d operator characters in a row are refused: PostgreSQL would "
		       "take very long to read them; put a blank between them",
		       OPERATOR_MAX);
}

/* Move *at behind the block comment that it stands on. */
static int pass_comment(size_t *at, struct str text, size_t *run, struct err *e)
{
	size_t depth = 0, i = *at;
	do {
		struct str rest = str_from(text, i);
		size_t n = 2;
		if (str_starts(rest, STR("/*"))) {
			if (is_long_run(run, text, i))
				return refuse_run(e);
			depth++;
		} else if (str_starts(rest, STR("*/"))) {
			depth--;
		} else {
			n = 1;
		}
		i += n;
	} while (depth > 0 && depth <= COMMENTS_MAX && i < text.n);
	if (depth > COMMENTS_MAX)
		return err_set(e, ERR_REFUSED,
			       "comments within comments, more than %d deep, are refused; end the "
			       "outer ones",
			       COMMENTS_MAX);
	if (depth > 0)
		return err_set(e, ERR_REFUSED, "a comment does not end: '*/' is missing");
	*at = i;
	return 0;
}

int postgres_refuse_slow(size_t *at, struct str text, struct err *e)
{
	struct postgres_token t;
	size_t run = 0, i = 0;
	while (i < text.n) {
		struct str rest = str_from(text, i);
		*at = i;
		if (str_starts(rest, STR("--"))) {
			i = place_skip_line(text, i, PLACE_POSTGRES);
		} else if (str_starts(rest, STR("/*"))) {
			if (pass_comment(&i, text, &run, e) != 0)
				return -1;
		} else if (is_operator(rest.p[0]) && is_long_run(&run, text, i)) {
			return refuse_run(e);
		} else {
			i = is_blank(rest.p[0]) ? i + 1 : postgres_token(&t, text, i);
		}
	}
	return 0;
}

/* COPY with the client as its other end: FROM STDIN or TO STDOUT, outside of parentheses. */
static int copies_with_client(struct str statement)
{
	struct postgres_token t, before = { .kind = POSTGRES_TOKEN_END };
	size_t parens = 0, at = 0;
	do {
		at = postgres_token(&t, statement, at);
		if (t.kind == POSTGRES_TOKEN_OPEN)
			parens++;
		else if (t.kind == POSTGRES_TOKEN_CLOSE && parens > 0)
			parens--;
		if (parens == 0 &&
		    (postgres_token_is(&before, "from") || postgres_token_is(&before, "to")) &&
		    (postgres_token_is(&t, "stdin") || postgres_token_is(&t, "stdout")))
			return 1;
		before = t;
	} while (t.kind != POSTGRES_TOKEN_END);
	return 0;
}

/* What never runs, in a transaction or by itself. */
static int refuse(const struct db_statement *statement, struct err *e)
{
	struct postgres_token first, second;
	size_t at = postgres_token(&first, statement->text, 0);
	(void)postgres_token(&second, statement->text, at);
	if (postgres_token_is(&first, "copy") && copies_with_client(statement->text))
		return err_set(e, ERR_REFUSED,
			       "COPY from or to the client is refused: a migration has no client; "
			       "use INSERT, or COPY with a file on the server");
	if (postgres_token_is(&first, "discard") && postgres_token_is(&second, "all"))
		return err_set(e, ERR_REFUSED,
			       "DISCARD ALL is refused: it would release the lock of its runner; "
			       "take it out, each file's session is cleaned anyway");
	return 0;
}

/* What would break the transaction around the whole file. */
static int refuse_control(const struct db_statement *statement, struct err *e)
{
	struct postgres_token first;
	(void)postgres_token(&first, statement->text, 0);
	int prepared = postgres_token_is(&first, "commit") || postgres_token_is(&first, "rollback");
	if (!(statement->flags & DB_CONTROL) && !((statement->flags & DB_OUTSIDE) && prepared))
		return 0;
	return err_set(e, ERR_REFUSED,
		       "'%.*s' is refused: the whole file runs in one transaction with its "
		       "ledger row; take it out",
		       STR_ARG(first.text));
}

/* psql's own commands: a backslash outside of quotes is nothing in SQL. */
static int refuse_backslash(struct str text, const struct postgres_statement *s, size_t *at,
			    struct err *e)
{
	struct postgres_token t = { .kind = POSTGRES_TOKEN_END };
	size_t next = s->start;
	while (next < s->end) {
		next = postgres_token(&t, text, next);
		if (t.kind != POSTGRES_TOKEN_BACKSLASH || t.at >= s->end)
			continue;
		struct str line = str_from(text, t.at);
		line = str_first(line, str_find(line, '\n'));
		line = str_first(line, str_find(line, '\r'));
		*at = t.at;
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is a command of psql, not SQL; write it as SQL or take it "
			       "out",
			       STR_ARG(str_first(line, 48)));
	}
	return 0;
}

/* A script that is being looked at: without byte order mark, and split. */
struct look {
	struct str text;
	struct postgres_statement *list; /* on the heap */
	size_t n;
	struct db_place walked; /* of the byte at `at`; counts on from there */
	size_t at;
};

static void look_free(struct look *look)
{
	mem_free(look->list);
}

AUTO_DEFINE_INPLACE(look, struct look, look_free);

static int look_at(struct look *look, struct db_place *failed, struct str text, struct err *e)
{
	struct db_script script = { .notice = NULL };
	size_t slow = 0;
	if (place_refuse_nul(text, &script, e) != 0) {
		*failed = script.failed;
		return -1;
	}
	look->text = text = str_from(text, place_bom(text));
	if (text.n >= INT_MAX)
		return err_set(e, ERR_LIMIT, "the script is larger than %d bytes", INT_MAX - 1);
	if (postgres_refuse_slow(&slow, text, e) != 0) {
		*failed = place_at(text, slow, 0);
		return -1;
	}
	AUTO(free) char *copy = mem_copy(text.p, text.n); /* with a NUL behind it */
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return postgres_split(&look->list, &look->n, (struct str){ copy, text.n }, e);
}

/* The place of `offset`, counted on from the one before: a script is walked once. */
static struct db_place place_on(struct look *look, size_t offset, size_t statement)
{
	struct str between = str_first(str_from(look->text, look->at), offset - look->at);
	struct db_place on = place_at(between, between.n, statement);
	if (look->at == 0)
		look->walked = (struct db_place){ .line = 1, .column = 1 };
	if (on.line == 1)
		on.column += look->walked.column - 1;
	on.line += look->walked.line - 1;
	look->walked = on;
	look->at = offset;
	return on;
}

/* Statement number `i`, from 0; its place when it is refused. */
static int read_statement(struct db_statement *out, struct db_place *failed, struct look *look,
			  size_t i, struct err *e)
{
	const struct postgres_statement *s = &look->list[i];
	size_t end = s->end, at = s->start;
	while (end > s->start && is_blank(look->text.p[end - 1]))
		end--;
	*out = (struct db_statement){
		.text = str_first(str_from(look->text, s->start), end - s->start),
		.place = place_on(look, s->start, i + 1),
	};
	postgres_classify(out, str_from(look->text, s->end));
	if (refuse(out, e) == 0 && refuse_backslash(look->text, s, &at, e) == 0)
		return 0;
	*failed = place_at(look->text, at, i + 1);
	return -1;
}

int postgres_screen(struct str text, struct db_script *script, struct err *e)
{
	AUTO(look) struct look look = { .list = NULL };
	if (look_at(&look, &script->failed, text, e) != 0)
		return -1;
	for (size_t i = 0; i < look.n; i++) {
		struct db_statement one;
		if (read_statement(&one, &script->failed, &look, i, e) != 0)
			return -1;
		if (refuse_control(&one, e) != 0) {
			script->failed = one.place;
			return -1;
		}
		script->statements++;
	}
	return 0;
}

int postgres_script_split(struct db_statement **out, size_t *n, struct db_place *failed,
			  struct str text, struct arena *arena, struct err *e)
{
	AUTO(look) struct look look = { .list = NULL };
	if (look_at(&look, failed, text, e) != 0)
		return -1;
	struct db_statement *list = arena_array(arena, look.n > 0 ? look.n : 1, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < look.n; i++) {
		if (read_statement(&list[i], failed, &look, i, e) != 0)
			return -1;
	}
	*out = list;
	*n = look.n;
	return 0;
}
