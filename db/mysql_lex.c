/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of MySQL's and MariaDB's SQL, as their shell and their servers read them: strings with
 * backslashes, names in backticks, three kinds of comments, and comments that are executed.
 */

#include "db/mysql_sql.h"

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       c == '$' || (unsigned char)c >= 0x80;
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct str rest_of(const struct mydb_lexer *l)
{
	return str_from(l->text, l->at);
}

static int at_delimiter(const struct mydb_lexer *l)
{
	return l->delimiter.n > 0 && str_starts(rest_of(l), l->delimiter);
}

static void skip_line(struct mydb_lexer *l)
{
	l->at += str_find(rest_of(l), '\n');
}

/* Behind the comment's end; 0, and still at its beginning, when it has none. */
static int skip_comment(struct mydb_lexer *l)
{
	for (size_t end = l->at + 2; end < l->text.n; end++) {
		if (str_starts(str_from(l->text, end), STR("*/"))) {
			l->at = end + 2;
			return 1;
		}
	}
	return 0;
}

/* A comment that a blank or a control character must follow; the end of the text does, too. */
static int is_dashes(struct str rest)
{
	return str_starts(rest, STR("--")) &&
	       (rest.n == 2 || (unsigned char)rest.p[2] <= ' ' || rest.p[2] == 0x7f);
}

/* The length of what opens an executable comment, with the version that it is for; 0: none. */
static size_t opens_executable(struct str rest)
{
	size_t n = str_starts(rest, STR("/*M!")) ? 4 : 3;
	if (n == 3 && !str_starts(rest, STR("/*!")))
		return 0;
	size_t digits = 0;
	while (digits < 6 && n + digits < rest.n && is_digit(rest.p[n + digits]))
		digits++;
	return digits >= 5 ? n + digits : n;
}

/* Move behind blanks and comments; 0 when a comment does not end. */
static int skip_blank(struct mydb_lexer *l)
{
	while (l->at < l->text.n && !at_delimiter(l)) {
		struct str rest = rest_of(l);
		size_t opens = l->comments_only || l->inside ? 0 : opens_executable(rest);
		if (is_blank(rest.p[0])) {
			l->at++;
		} else if (rest.p[0] == '#' || is_dashes(rest)) {
			skip_line(l);
		} else if (opens > 0) {
			l->inside = 1;
			l->inside_at = l->at;
			l->at += opens;
		} else if (l->inside && str_starts(rest, STR("*/"))) {
			l->inside = 0;
			l->at += 2;
			l->closed_at = l->at;
		} else if (!str_starts(rest, STR("/*"))) {
			return 1;
		} else if (!skip_comment(l)) {
			return 0;
		}
	}
	return 1;
}

/* Behind the quote that closes; 0 when there is none. A doubled one stands for itself. */
static int skip_quoted(struct mydb_lexer *l)
{
	char quote = l->text.p[l->at++];
	while (l->at < l->text.n) {
		char c = l->text.p[l->at++];
		if (c == '\\' && quote != '`')
			l->at++;
		if (c != quote)
			continue;
		if (l->at >= l->text.n || l->text.p[l->at] != quote)
			return 1;
		l->at++;
	}
	l->at = l->text.n;
	return 0;
}

static void skip_word(struct mydb_lexer *l)
{
	do
		l->at++;
	while (l->at < l->text.n && is_word_char(l->text.p[l->at]) && !at_delimiter(l));
}

/* @name, @'name', @@global.name; the '@' of user@host too. */
static enum mydb_token_kind read_variable(struct mydb_lexer *l)
{
	l->at++;
	if (l->at < l->text.n && l->text.p[l->at] == '@')
		l->at++;
	while (l->at < l->text.n && (is_word_char(l->text.p[l->at]) || l->text.p[l->at] == '.') &&
	       !at_delimiter(l))
		l->at++;
	return MYDB_VARIABLE;
}

static enum mydb_token_kind read_one(struct mydb_lexer *l)
{
	char c = l->text.p[l->at];
	switch (c) {
	case '\'':
	case '"':
		return skip_quoted(l) ? MYDB_STRING : MYDB_UNCLOSED;
	case '`':
		return skip_quoted(l) ? MYDB_QUOTED : MYDB_UNCLOSED;
	case '@':
		return read_variable(l);
	case '(':
		l->at++;
		return MYDB_OPEN;
	case ')':
		l->at++;
		return MYDB_CLOSE;
	case '\\':
		l->at++;
		return MYDB_BACKSLASH;
	default:
		break;
	}
	if (!is_word_char(c)) {
		l->at++;
		return MYDB_OTHER;
	}
	skip_word(l);
	return is_digit(c) ? MYDB_OTHER : MYDB_WORD;
}

struct mydb_token mydb_token(struct mydb_lexer *l)
{
	struct mydb_token t = { .kind = MYDB_END };
	size_t from = l->at;
	int closed = skip_blank(l);
	t.at = l->inside && l->inside_at >= from ? l->inside_at : l->at;
	if (!closed) {
		t.kind = MYDB_UNCLOSED;
		l->at = l->text.n;
		return t;
	}
	if (l->at >= l->text.n) {
		t.at = l->text.n;
		return t;
	}
	size_t start = l->at;
	if (at_delimiter(l)) {
		t.kind = MYDB_DELIMITER;
		l->at += l->delimiter.n;
	} else {
		t.kind = read_one(l);
	}
	t.text = str_first(str_from(l->text, start), l->at - start);
	return t;
}

int mydb_is_word(const struct mydb_token *t, const char *word)
{
	return t->kind == MYDB_WORD && str_eq_nocase(t->text, str_of(word));
}
