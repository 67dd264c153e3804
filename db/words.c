/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SQLite's and MySQL's SQL: names, constants, and single characters. */

#include "db/words.h"

static int is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The offset behind the block comment at `at`; text.n when it does not end. */
static size_t skip_block(struct str text, size_t at)
{
	for (at += 2; at + 1 < text.n; at++) {
		if (text.p[at] == '*' && text.p[at + 1] == '/')
			return at + 2;
	}
	return text.n;
}

/* Behind "/" "*!50003 ": what follows is run, up to its end mark, which is skipped as well. */
static size_t skip_mark(struct str text, size_t at)
{
	at += 3;
	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	return at;
}

static int starts_line_comment(struct str rest, enum words_dialect dialect)
{
	if (dialect == WORDS_SQLITE)
		return str_starts(rest, STR("--"));
	if (rest.p[0] == '#')
		return 1;
	return str_starts(rest, STR("--")) &&
	       (rest.n == 2 || (unsigned char)rest.p[2] <= (unsigned char)' ');
}

static size_t skip_blank(struct str text, size_t at, enum words_dialect dialect)
{
	while (at < text.n) {
		struct str rest = str_from(text, at);
		if (is_blank(text.p[at]))
			at++;
		else if (starts_line_comment(rest, dialect))
			at += str_find(rest, '\n');
		else if (dialect == WORDS_MYSQL && str_starts(rest, STR("/*!")))
			at = skip_mark(text, at);
		else if (dialect == WORDS_MYSQL && str_starts(rest, STR("*/")))
			at += 2;
		else if (str_starts(rest, STR("/*")))
			at = skip_block(text, at);
		else
			break;
	}
	return at < text.n ? at : text.n;
}

/* What is inside the quotes at `at`; returns the offset behind them. */
static size_t read_quoted(struct word *out, struct str text, size_t at, enum words_dialect dialect)
{
	char open = text.p[at], close = open == '[' ? ']' : open;
	int escapes = dialect == WORDS_MYSQL && open != '`';
	size_t start = ++at;
	while (at < text.n) {
		if (escapes && text.p[at] == '\\')
			at++;
		else if (text.p[at] == close && at + 1 < text.n && text.p[at + 1] == close &&
			 close != ']')
			at++;
		else if (text.p[at] == close)
			break;
		at++;
	}
	size_t end = at < text.n ? at : text.n;
	out->text = str_first(str_from(text, start), end - start);
	return end < text.n ? end + 1 : text.n;
}

size_t words_next(struct word *out, struct str text, size_t at, enum words_dialect dialect)
{
	at = skip_blank(text, at, dialect);
	*out = (struct word){ .kind = WORD_END, .at = at };
	if (at >= text.n)
		return text.n;
	char c = text.p[at];
	if (c == '\'' || (c == '"' && dialect == WORDS_MYSQL)) {
		out->kind = WORD_TEXT;
		return read_quoted(out, text, at, dialect);
	}
	if (c == '`' || c == '"' || (c == '[' && dialect == WORDS_SQLITE)) {
		out->kind = WORD_QUOTED;
		return read_quoted(out, text, at, dialect);
	}
	size_t end = at;
	while (end < text.n && is_name_char(text.p[end]))
		end++;
	if (end == at) {
		out->kind = WORD_OTHER;
		end = at + 1;
	} else {
		out->kind = c >= '0' && c <= '9' ? WORD_NUMBER : WORD_NAME;
	}
	out->text = str_first(str_from(text, at), end - at);
	return end;
}
