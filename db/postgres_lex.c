/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lexer after psql's (psqlscan.l): where words, texts and statements of a script end. It knows no
 * grammar, so it also reads syntax that is newer than the one that libpg_query has.
 */

#include "db/postgres_lex.h"

#include "base/mem.h"
#include "base/num.h"
#include "db/place.h"
#include "db/postgres_sql.h"

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
static size_t read_word(struct postgres_token *out, struct str text, size_t at)
{
	size_t end = skip_word(text, at);
	int is_escape = end == at + 1 && (text.p[at] == 'e' || text.p[at] == 'E');
	if (is_escape && end < text.n && text.p[end] == '\'')
		return skip_escape_string(text, end);
	out->kind = POSTGRES_TOKEN_WORD;
	return end;
}

static size_t read_other(struct postgres_token *out, struct str text, size_t at)
{
	switch (text.p[at]) {
	case ';':
		out->kind = POSTGRES_TOKEN_SEMICOLON;
		return at + 1;
	case '(':
		out->kind = POSTGRES_TOKEN_OPEN;
		return at + 1;
	case ')':
		out->kind = POSTGRES_TOKEN_CLOSE;
		return at + 1;
	case '\\':
		out->kind = POSTGRES_TOKEN_BACKSLASH;
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

size_t postgres_token(struct postgres_token *out, struct str text, size_t at)
{
	at = place_skip_blank(text, at, PLACE_POSTGRES);
	*out = (struct postgres_token){ .kind = POSTGRES_TOKEN_END, .at = at };
	if (at >= text.n)
		return text.n;
	out->kind = POSTGRES_TOKEN_OTHER;
	size_t end =
	    is_word_start(text.p[at]) ? read_word(out, text, at) : read_other(out, text, at);
	out->text = str_first(str_from(text, at), end - at);
	return end;
}

int postgres_token_is(const struct postgres_token *t, const char *word)
{
	return t->kind == POSTGRES_TOKEN_WORD && str_eq_nocase(t->text, str_of(word));
}

/* Following the statement that is being read. */
struct reader {
	struct postgres_token first[4];
	size_t tokens;
	size_t parens;
	size_t blocks; /* BEGIN ATOMIC ... END of an SQL function, and CASE ... END in it */
	int after_begin;
};

static int makes_routine(const struct reader *r)
{
	if (r->tokens < 4 || !postgres_token_is(&r->first[0], "create"))
		return 0;
	const struct postgres_token *kind =
	    postgres_token_is(&r->first[1], "or") ? &r->first[3] : &r->first[1];
	return postgres_token_is(kind, "function") || postgres_token_is(kind, "procedure");
}

/* BEGIN alone may be the name of anything: only BEGIN ATOMIC opens a block. */
static void follow_block(struct reader *r, const struct postgres_token *t)
{
	if ((r->after_begin && postgres_token_is(t, "atomic")) ||
	    (r->blocks > 0 && postgres_token_is(t, "case")))
		r->blocks++;
	else if (r->blocks > 0 && postgres_token_is(t, "end"))
		r->blocks--;
	r->after_begin = postgres_token_is(t, "begin");
}

static void follow(struct reader *r, const struct postgres_token *t)
{
	if (r->tokens < 4)
		r->first[r->tokens] = *t;
	r->tokens++;
	if (t->kind == POSTGRES_TOKEN_OPEN)
		r->parens++;
	else if (t->kind == POSTGRES_TOKEN_CLOSE && r->parens > 0)
		r->parens--;
	else if (r->parens == 0 && makes_routine(r))
		follow_block(r, t);
}

/* 1: a statement was read and *at moved behind it; 0: nothing is left. */
static int next_statement(struct postgres_statement *out, struct str text, size_t *at)
{
	struct reader r = { .tokens = 0 };
	struct postgres_token t;
	size_t end;
	for (;;) {
		end = postgres_token(&t, text, *at);
		*at = end;
		int ends = t.kind == POSTGRES_TOKEN_END ||
			   (t.kind == POSTGRES_TOKEN_SEMICOLON && r.parens == 0 && r.blocks == 0);
		if (ends && r.tokens > 0) {
			*out = (struct postgres_statement){ r.first[0].at, t.at };
			return 1;
		}
		if (t.kind == POSTGRES_TOKEN_END)
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
