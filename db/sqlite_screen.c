/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a script without a database: where its statements end (as sqlite3_complete has it,
 * bodies of triggers included), and whether one of them would break the transaction around it. The
 * authorizer in sqlite_script.c refuses the same when the script runs; this only says it earlier.
 */

#include "db/place.h"
#include "db/sqlite.h"

#include <string.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_SEMICOLON, TOKEN_OTHER };

struct token {
	enum token_kind kind;
	struct str text;
	size_t at;
};

/* The first words of a statement are all that is looked at. */
enum { WORDS = 6 };

struct statement {
	size_t start;
	size_t end; /* behind its last token */
	size_t tokens;
	struct token first[WORDS];
	size_t words; /* of `first` that are there */
};

static int is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* The length of the quoted text at the start of `s`; all of it when it does not end. */
static size_t quoted(struct str s)
{
	char close = s.p[0] == '[' ? ']' : s.p[0];
	size_t n = 1 + str_find(str_from(s, 1), close);
	return n < s.n ? n + 1 : s.n;
}

/* The token at or behind `at`; returns the offset behind it. */
static size_t next_token(struct token *out, struct str text, size_t at)
{
	at = place_skip_blank(text, at, PLACE_SQLITE);
	struct str rest = str_from(text, at);
	*out = (struct token){ .kind = TOKEN_END, .at = at };
	if (rest.n == 0)
		return at;
	size_t n = 1;
	char c = rest.p[0];
	out->kind = TOKEN_OTHER;
	if (c == ';') {
		out->kind = TOKEN_SEMICOLON;
	} else if (c == '\'' || c == '"' || c == '`' || c == '[') {
		n = quoted(rest);
	} else if (is_word_char(c)) {
		out->kind = TOKEN_WORD;
		while (n < rest.n && is_word_char(rest.p[n]))
			n++;
	}
	out->text = str_first(rest, n);
	return at + n;
}

static int is_word(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && str_eq_nocase(t->text, str_of(word));
}

static int nth_is(const struct statement *s, size_t i, const char *word)
{
	return i < s->words && is_word(&s->first[i], word);
}

static int makes_trigger(const struct statement *s)
{
	size_t i = nth_is(s, 0, "explain") ? 1 : 0;
	if (!nth_is(s, i, "create"))
		return 0;
	i += nth_is(s, i + 1, "temp") || nth_is(s, i + 1, "temporary") ? 2 : 1;
	return nth_is(s, i, "trigger");
}

/* Read one statement; returns the offset behind it. `out->tokens` is 0 when it is empty. A
 * trigger's body has semicolons of its own and ends with "; END ;". */
static size_t next_statement(struct statement *out, struct str text, size_t at)
{
	*out = (struct statement){ .start = at };
	struct token t;
	int after_semicolon = 0, after_end = 0;
	for (;;) {
		at = next_token(&t, text, at);
		if (t.kind == TOKEN_END)
			return at;
		if (t.kind == TOKEN_SEMICOLON && (!makes_trigger(out) || after_end))
			return at;
		if (out->tokens == 0)
			out->start = t.at;
		out->end = t.at + t.text.n;
		out->tokens++;
		if (out->words < WORDS)
			out->first[out->words++] = t;
		after_end = after_semicolon && is_word(&t, "end");
		after_semicolon = t.kind == TOKEN_SEMICOLON;
	}
}

/* ROLLBACK [TRANSACTION [name]] TO ...: ends a savepoint only. */
static int is_rollback_to(const struct statement *s)
{
	for (size_t i = 1; i < s->words && i < 4; i++) {
		if (is_word(&s->first[i], "to"))
			return 1;
	}
	return 0;
}

static int ends_transaction(const struct statement *s)
{
	if (nth_is(s, 0, "rollback"))
		return !is_rollback_to(s);
	return nth_is(s, 0, "begin") || nth_is(s, 0, "commit") || nth_is(s, 0, "end");
}

/* The pragma that the statement names, with its value; absent when there is none. */
static struct str pragma_of(const struct statement *s, struct str *value)
{
	*value = STR_NULL;
	if (!nth_is(s, 0, "pragma") || s->words < 2)
		return STR_NULL;
	size_t i = s->words >= 4 && str_eq(s->first[2].text, STR(".")) ? 3 : 1;
	struct str next = i + 1 < s->words ? s->first[i + 1].text : STR("");
	if (str_eq(next, STR("=")) || str_eq(next, STR("(")))
		*value = i + 2 < s->words ? s->first[i + 2].text : STR("");
	return s->first[i].text;
}

/* What never runs, in whatever way. */
static int refuse_always(const struct statement *s, struct str text, struct err *e)
{
	const struct token *first = &s->first[0];
	if (is_word(first, "attach") || is_word(first, "detach"))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is refused: a migration changes its own database only",
			       STR_ARG(first->text));
	if (str_eq(first->text, STR("."))) {
		struct str line = str_from(text, s->start);
		line = str_trim(str_first(line, str_find(line, '\n')));
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is a command of the sqlite3 shell, not SQL; take it out",
			       STR_ARG(str_first(line, 64)));
	}
	return 0;
}

static int refuse_pragma(struct str name, struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "setting pragma '%.*s' is refused: it would change the session or the file "
		       "for what comes after",
		       STR_ARG(str_first(name, 64)));
}

static int refuse(const struct statement *s, struct str text, struct err *e)
{
	struct str value;
	struct str name = pragma_of(s, &value);
	if (ends_transaction(s))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is refused: the whole file runs in one transaction with its "
			       "ledger row; take it out",
			       STR_ARG(s->first[0].text));
	if (name.p != NULL && !sqlite_pragma_allowed(name, value.p != NULL))
		return refuse_pragma(name, e);
	return refuse_always(s, text, e);
}

int sqlite_screen(struct str text, struct db_script *script, struct err *e)
{
	if (place_refuse_nul(text, script, e) != 0)
		return -1;
	size_t at = place_bom(text);
	while (at < text.n) {
		struct statement s;
		at = next_statement(&s, text, at);
		if (s.tokens == 0)
			continue;
		if (refuse(&s, text, e) != 0) {
			script->failed = place_at(text, s.start, script->statements + 1);
			return -1;
		}
		script->statements++;
	}
	return 0;
}

/* VACUUM INTO writes a file of any name. */
static int vacuums_into(const struct statement *s)
{
	return nth_is(s, 1, "into") || nth_is(s, 2, "into");
}

/* What is known of a statement that may run in some way. */
static int classify(struct db_statement *out, const struct statement *s, struct str text,
		    struct err *e)
{
	struct str value;
	struct str name = pragma_of(s, &value);
	if (refuse_always(s, text, e) != 0)
		return -1;
	if (ends_transaction(s))
		out->flags = DB_CONTROL;
	if (nth_is(s, 0, "vacuum")) {
		out->flags = DB_OUTSIDE | DB_REPEATABLE;
		out->kind = "VACUUM";
		if (vacuums_into(s))
			return err_set(e, ERR_REFUSED,
				       "'VACUUM INTO' is refused: a migration changes its own "
				       "database only");
	}
	if (name.p == NULL || value.p == NULL)
		return 0;
	if (str_eq_nocase(name, STR("foreign_keys"))) {
		out->flags = DB_SESSION;
	} else if (sqlite_pragma_allowed_alone(name, value)) {
		out->flags = DB_OUTSIDE | DB_SESSION | DB_REPEATABLE;
		out->kind = "PRAGMA journal_mode, page_size or auto_vacuum";
	} else if (!sqlite_pragma_allowed(name, 1)) {
		return refuse_pragma(name, e);
	}
	return 0;
}

static size_t count_statements(struct str text)
{
	size_t n = 0;
	for (size_t at = place_bom(text); at < text.n;) {
		struct statement s;
		at = next_statement(&s, text, at);
		n += s.tokens > 0;
	}
	return n;
}

int sqlite_split(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
		 struct arena *arena, struct err *e)
{
	struct db_script nul = { .notice = NULL };
	struct db_place last = { .line = 1, .column = 1 };
	size_t walked = place_bom(text);
	if (place_refuse_nul(text, &nul, e) != 0) {
		*failed = nul.failed;
		return -1;
	}
	size_t count = 0, total = count_statements(text);
	struct db_statement *list = arena_array(arena, total, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	for (size_t at = place_bom(text); at < text.n && count < total;) {
		struct statement s;
		at = next_statement(&s, text, at);
		if (s.tokens == 0)
			continue;
		struct db_statement *st = &list[count++];
		*st = (struct db_statement){ .text = { text.p + s.start, s.end - s.start } };
		last = st->place = place_from(last, text, walked, s.start);
		st->place.statement = count;
		walked = s.start;
		if (classify(st, &s, text, e) != 0) {
			*failed = st->place;
			return -1;
		}
	}
	*out = list;
	*n = count;
	return 0;
}
