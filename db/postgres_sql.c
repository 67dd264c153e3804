/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at PostgreSQL scripts without a server: where statements end, and what must not be in a
 * migration. PostgreSQL's own grammar (libpg_query) splits; where it fails, because the syntax is
 * newer than it or wrong, a lexer after psql's (psqlscan.l) does.
 */

#include "db/postgres_sql.h"

#include "base/mem.h"
#include "base/num.h"
#include "db/place.h"

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

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_SEMICOLON,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_BACKSLASH,
	TOKEN_OTHER
};

struct token {
	enum token_kind kind;
	struct str text;
	size_t at;
};

static int is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_word_char(char c)
{
	return is_word_start(c) || is_digit(c) || c == '$';
}

/* The offset behind the quote that closes the text begun at `at`, or the end. A doubled quote is
 * left to the caller: it reads as two texts side by side, which ends at the same place. */
static size_t skip_quoted(struct str text, size_t at, int escapes)
{
	char quote = text.p[at++];
	while (at < text.n && text.p[at] != quote)
		at += escapes && text.p[at] == '\\' ? 2 : 1;
	return at < text.n ? at + 1 : text.n;
}

/* Where an escape string goes on: 'a' and 'b' in lines of their own are one constant, of the kind
 * that the first part had. text.n when it does not. */
static size_t continuation(struct str text, size_t at)
{
	if (at < text.n && text.p[at] == '\'')
		return at;
	size_t next = at;
	while (next < text.n) {
		if (is_blank(text.p[next]))
			next++;
		else if (str_starts(str_from(text, next), STR("--")))
			next = place_skip_line(text, next, PLACE_POSTGRES);
		else
			break;
	}
	struct str gap = str_first(str_from(text, at), next - at);
	int line_end = str_find(gap, '\n') < gap.n || str_find(gap, '\r') < gap.n;
	return next < text.n && text.p[next] == '\'' && line_end ? next : text.n;
}

static size_t skip_escape_string(struct str text, size_t at)
{
	for (;;) {
		at = skip_quoted(text, at, 1);
		size_t next = continuation(text, at);
		if (next >= text.n)
			return at;
		at = next;
	}
}

/* The offset behind the dollar-quoted text at `at`; `at` itself when there is none. */
static size_t skip_dollar(struct str text, size_t at)
{
	size_t end = at + 1;
	if (end < text.n && is_digit(text.p[end]))
		return at;
	while (end < text.n && text.p[end] != '$' && is_word_char(text.p[end]))
		end++;
	if (end >= text.n || text.p[end] != '$')
		return at;
	struct str tag = str_first(str_from(text, at), end + 1 - at);
	for (size_t i = end + 1; i + tag.n <= text.n; i++) {
		i += str_find(str_from(text, i), '$');
		if (str_starts(str_from(text, i), tag))
			return i + tag.n;
	}
	return text.n;
}

static size_t skip_word(struct str text, size_t at)
{
	while (at < text.n && is_word_char(text.p[at]))
		at++;
	return at;
}

/* What begins with a letter: a word, or an escape string. */
static size_t read_word(struct token *out, struct str text, size_t at)
{
	size_t end = skip_word(text, at);
	int is_escape = end == at + 1 && (text.p[at] == 'e' || text.p[at] == 'E');
	if (is_escape && end < text.n && text.p[end] == '\'')
		return skip_escape_string(text, end);
	out->kind = TOKEN_WORD;
	return end;
}

static size_t read_other(struct token *out, struct str text, size_t at)
{
	switch (text.p[at]) {
	case ';':
		out->kind = TOKEN_SEMICOLON;
		return at + 1;
	case '(':
		out->kind = TOKEN_OPEN;
		return at + 1;
	case ')':
		out->kind = TOKEN_CLOSE;
		return at + 1;
	case '\\':
		out->kind = TOKEN_BACKSLASH;
		return at + 1;
	case '\'':
	case '"':
		return skip_quoted(text, at, 0);
	case '$': {
		size_t end = skip_dollar(text, at);
		return end > at ? end : at + 1;
	}
	default:
		return at + 1;
	}
}

/* The token at or behind `at`; returns the offset behind it. */
static size_t next_token(struct token *out, struct str text, size_t at)
{
	at = place_skip_blank(text, at, PLACE_POSTGRES);
	*out = (struct token){ .kind = TOKEN_END, .at = at };
	if (at >= text.n)
		return text.n;
	out->kind = TOKEN_OTHER;
	size_t end =
	    is_word_start(text.p[at]) ? read_word(out, text, at) : read_other(out, text, at);
	out->text = str_first(str_from(text, at), end - at);
	return end;
}

static int is_word(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && str_eq_nocase(t->text, str_of(word));
}

/* Following the statement that is being read. */
struct reader {
	struct token first[4];
	size_t tokens;
	size_t parens;
	size_t blocks; /* BEGIN ATOMIC ... END of an SQL function, and CASE ... END in it */
	int after_begin;
};

static int makes_routine(const struct reader *r)
{
	if (r->tokens < 4 || !is_word(&r->first[0], "create"))
		return 0;
	const struct token *kind = is_word(&r->first[1], "or") ? &r->first[3] : &r->first[1];
	return is_word(kind, "function") || is_word(kind, "procedure");
}

/* BEGIN alone may be the name of anything: only BEGIN ATOMIC opens a block. */
static void follow_block(struct reader *r, const struct token *t)
{
	if ((r->after_begin && is_word(t, "atomic")) || (r->blocks > 0 && is_word(t, "case")))
		r->blocks++;
	else if (r->blocks > 0 && is_word(t, "end"))
		r->blocks--;
	r->after_begin = is_word(t, "begin");
}

static void follow(struct reader *r, const struct token *t)
{
	if (r->tokens < 4)
		r->first[r->tokens] = *t;
	r->tokens++;
	if (t->kind == TOKEN_OPEN)
		r->parens++;
	else if (t->kind == TOKEN_CLOSE && r->parens > 0)
		r->parens--;
	else if (r->parens == 0 && makes_routine(r))
		follow_block(r, t);
}

/* 1: a statement was read and *at moved behind it; 0: nothing is left. */
static int next_statement(struct postgres_statement *out, struct str text, size_t *at)
{
	struct reader r = { .tokens = 0 };
	struct token t;
	size_t end;
	for (;;) {
		end = next_token(&t, text, *at);
		*at = end;
		int ends = t.kind == TOKEN_END ||
			   (t.kind == TOKEN_SEMICOLON && r.parens == 0 && r.blocks == 0);
		if (ends && r.tokens > 0) {
			*out = (struct postgres_statement){ r.first[0].at, t.at };
			return 1;
		}
		if (t.kind == TOKEN_END)
			return 0;
		if (!ends)
			follow(&r, &t);
	}
}

int postgres_split_lexed(struct postgres_statement **out, size_t *count, struct str text,
			 struct err *e)
{
	AUTO(free) struct postgres_statement *list = NULL;
	size_t n = 0, cap = 0, at = 0;
	struct postgres_statement one;
	while (next_statement(&one, text, &at)) {
		if (n == cap) {
			cap = cap > 0 ? cap * 2 : 16;
			size_t bytes;
			if (num_mul(&bytes, cap, sizeof *list) != 0)
				return err_set(e, ERR_NOMEM, "out of memory");
			struct postgres_statement *more = mem_resize(list, bytes);
			if (more == NULL)
				return err_set(e, ERR_NOMEM, "out of memory");
			list = more;
		}
		list[n++] = one;
	}
	*out = TAKE(list);
	*count = n;
	return 0;
}

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
	struct token t;
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
			i = is_blank(rest.p[0]) ? i + 1 : next_token(&t, text, i);
		}
	}
	return 0;
}

/* COPY with the client as its other end: FROM STDIN or TO STDOUT, outside of parentheses. */
static int copies_with_client(struct str statement)
{
	struct token t, before = { .kind = TOKEN_END };
	size_t parens = 0, at = 0;
	do {
		at = next_token(&t, statement, at);
		if (t.kind == TOKEN_OPEN)
			parens++;
		else if (t.kind == TOKEN_CLOSE && parens > 0)
			parens--;
		if (parens == 0 && (is_word(&before, "from") || is_word(&before, "to")) &&
		    (is_word(&t, "stdin") || is_word(&t, "stdout")))
			return 1;
		before = t;
	} while (t.kind != TOKEN_END);
	return 0;
}

/* Every statement of the grammar's TransactionStmt but SAVEPOINT, RELEASE and ROLLBACK TO. */
static int controls_transaction(struct str statement)
{
	static const char *const verbs[] = { "begin", "start", "commit", "end", "abort" };
	struct token t[3];
	size_t at = 0;
	for (size_t i = 0; i < 3; i++)
		at = next_token(&t[i], statement, at);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (is_word(&t[0], verbs[i]))
			return 1;
	}
	if (is_word(&t[0], "prepare"))
		return is_word(&t[1], "transaction");
	if (!is_word(&t[0], "rollback"))
		return 0;
	int noise = is_word(&t[1], "work") || is_word(&t[1], "transaction");
	return !is_word(noise ? &t[2] : &t[1], "to");
}

static int refuse(struct str statement, struct err *e)
{
	struct token first;
	(void)next_token(&first, statement, 0);
	if (controls_transaction(statement))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is refused: the whole file runs in one transaction with its "
			       "ledger row; take it out",
			       STR_ARG(first.text));
	if (is_word(&first, "copy") && copies_with_client(statement))
		return err_set(e, ERR_REFUSED,
			       "COPY from or to the client is refused: a migration has no client; "
			       "use INSERT, or COPY with a file on the server");
	return 0;
}

/* psql's own commands: a backslash outside of quotes is nothing in SQL. */
static int refuse_backslash(struct str text, const struct postgres_statement *s, size_t *at,
			    struct err *e)
{
	struct token t = { .kind = TOKEN_END };
	size_t next = s->start;
	while (next < s->end) {
		next = next_token(&t, text, next);
		if (t.kind != TOKEN_BACKSLASH || t.at >= s->end)
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

static int screen_one(struct str text, const struct postgres_statement *s, size_t *at,
		      struct err *e)
{
	*at = s->start;
	if (refuse(str_first(str_from(text, s->start), s->end - s->start), e) != 0)
		return -1;
	return refuse_backslash(text, s, at, e);
}

int postgres_screen(struct str text, struct db_script *script, struct err *e)
{
	if (place_refuse_nul(text, script, e) != 0)
		return -1;
	text = str_from(text, place_bom(text));
	if (text.n >= INT_MAX)
		return err_set(e, ERR_LIMIT, "the script is larger than %d bytes", INT_MAX - 1);
	AUTO(free) char *copy = mem_copy(text.p, text.n);
	AUTO(free) struct postgres_statement *list = NULL;
	size_t n = 0, slow = 0;
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (postgres_refuse_slow(&slow, text, e) != 0) {
		script->failed = place_at(text, slow, 0);
		return -1;
	}
	if (postgres_split(&list, &n, (struct str){ copy, text.n }, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;
		if (screen_one(text, &list[i], &at, e) != 0) {
			script->failed = place_at(text, at, i + 1);
			return -1;
		}
		script->statements++;
	}
	return 0;
}
