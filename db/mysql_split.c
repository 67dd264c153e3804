/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits a script for MySQL or MariaDB as their shell does, DELIMITER included. The body of a
 * routine is found without it as well, where nothing in it is out of the ordinary; a server never
 * gets two statements at once, so what is split wrongly is a syntax error there.
 */

#include "base/mem.h"
#include "base/num.h"
#include "db/mysql_sql.h"
#include "db/place.h"

#include <string.h>

enum { SCRIPT_MAX = 1 << 30 };

struct splitter {
	struct mydb_lexer lexer;
	struct db_statement *list; /* on the heap */
	size_t n;
	size_t cap;
	struct db_place place; /* of the byte at `seen` */
	size_t seen;
};

/* Following the statement that is being read. */
struct reader {
	size_t tokens;
	size_t start;
	size_t end;
	struct mydb_token first;
	struct mydb_token before;
	int creates; /* CREATE, and it is still open what */
	int is_routine;
	int at_start;  /* a statement of the body begins here */
	size_t blocks; /* BEGIN, IF, CASE, LOOP, ... that are open */
};

/* The place of `offset`, which is not before that of the last call: one walk for all statements. */
static struct db_place place_of(struct splitter *s, size_t offset)
{
	for (; s->seen < offset; s->seen++) {
		unsigned char c = (unsigned char)s->lexer.text.p[s->seen];
		if (c == '\n') {
			s->place.line++;
			s->place.column = 1;
		} else if ((c & 0xc0U) != 0x80U) {
			s->place.column++;
		}
	}
	s->place.statement = s->n + 1;
	return s->place;
}

static int is_any(const struct mydb_token *t, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (mydb_is_word(t, *words))
			return 1;
	}
	return 0;
}

/* What CREATE makes: a routine has a body. */
static void follow_create(struct reader *r, const struct mydb_token *t)
{
	static const char *const routines[] = { "procedure", "function", "trigger",
						"event",     "package",  NULL };
	static const char *const others[] = { "table",  "view",      "index",  "database",
					      "schema", "user",      "role",   "server",
					      "select", "temporary", "unique", NULL };
	if (is_any(t, routines))
		r->is_routine = 1;
	if (r->is_routine || is_any(t, others))
		r->creates = 0;
}

/* Blocks of a body: what opens one where a statement begins, and END, which may repeat the word. */
static void follow_body(struct reader *r, const struct mydb_token *t)
{
	static const char *const opening[] = {
		"if", "case", "loop", "repeat", "while", "for", NULL
	};
	static const char *const starting[] = { "begin", "then",   "else",   "do",
						"loop",  "repeat", "atomic", NULL };
	int is_name = str_eq_cstr(r->before.text, ".");
	int repeats = mydb_is_word(&r->before, "end") && is_any(t, opening);
	if (!is_name && !repeats && mydb_is_word(t, "begin"))
		r->blocks++;
	else if (!is_name && !repeats && r->blocks > 0 &&
		 ((r->at_start && is_any(t, opening)) || mydb_is_word(t, "case")))
		r->blocks++;
	else if (!is_name && r->blocks > 0 && mydb_is_word(t, "end"))
		r->blocks--;
	r->at_start = is_any(t, starting) || str_eq_cstr(t->text, ":") || t->kind == MYDB_DELIMITER;
}

static void follow(struct reader *r, const struct mydb_token *t, size_t end)
{
	if (r->tokens == 0) {
		r->first = *t;
		r->start = t->at;
		r->creates = mydb_is_word(t, "create");
	} else if (r->tokens == 1 && mydb_is_word(&r->first, "begin") && mydb_is_word(t, "not")) {
		r->is_routine = 1; /* MariaDB: BEGIN NOT ATOMIC ... END */
		r->blocks = 1;
	} else if (r->creates) {
		follow_create(r, t);
	} else if (r->is_routine) {
		follow_body(r, t);
	}
	r->tokens++;
	r->end = end;
	r->before = *t;
}

static int add(struct splitter *s, const struct reader *r, struct db_place place, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 16, bytes;
		if (num_mul(&bytes, cap, sizeof *s->list) != 0)
			return err_set(e, ERR_NOMEM, "out of memory");
		struct db_statement *more = mem_resize(s->list, bytes);
		if (more == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		s->list = more;
		s->cap = cap;
	}
	struct db_statement *one = &s->list[s->n];
	*one = (struct db_statement){ .place = place };
	/* With the end of the executable comment that its last token stands in. */
	size_t end = s->lexer.closed_at > r->end ? s->lexer.closed_at : r->end;
	one->text = str_first(str_from(s->lexer.text, r->start), end - r->start);
	if (mydb_refuse(one->text, e) != 0)
		return -1;
	mydb_classify(one);
	s->n++;
	return 0;
}

/* "DELIMITER //", the shell's own: the rest of the line up to a blank, maybe in quotes. */
static int read_delimiter(struct splitter *s, struct err *e)
{
	struct str rest = str_from(s->lexer.text, s->lexer.at);
	struct str line = str_first(rest, str_find(rest, '\n'));
	s->lexer.at += line.n;
	line = str_trim(str_first(line, str_find(line, '\r')));
	struct str word = str_first(line, str_find(line, ' '));
	word = str_first(word, str_find(word, '\t'));
	if (word.n > 2 && (word.p[0] == '\'' || word.p[0] == '"') &&
	    word.p[word.n - 1] == word.p[0])
		word = str_first(str_from(word, 1), word.n - 2);
	if (word.n == 0 || word.n > 16 || str_find(word, '\\') < word.n)
		return err_set(e, ERR_REFUSED,
			       "DELIMITER needs 1 to 16 characters without a backslash behind it");
	s->lexer.delimiter = word;
	return 0;
}

static int refuse_token(const struct mydb_token *t, struct str text, struct err *e)
{
	if (t->kind == MYDB_UNCLOSED)
		return err_set(e, ERR_REFUSED,
			       "a text or a comment begins here and does not end; close it");
	struct str line = str_from(text, t->at);
	line = str_first(line, str_find(line, '\n'));
	line = str_first(line, str_find(line, '\r'));
	return err_set(e, ERR_REFUSED,
		       "'%.*s' is a command of the mysql shell, not SQL; write it as SQL or take "
		       "it out",
		       STR_ARG(str_first(line, 48)));
}

static int finish(struct splitter *s, const struct reader *r, const struct mydb_token *last,
		  struct err *e)
{
	if (r->tokens == 0)
		return 0;
	struct db_place place = place_of(s, r->start);
	if (last->kind == MYDB_END && r->blocks > 0)
		return err_set(e, ERR_REFUSED,
			       "the body that begins here has no end that could be found; put "
			       "DELIMITER // before it and // behind it");
	if (s->lexer.inside)
		return err_set(e, ERR_REFUSED,
			       "a statement ends inside of an executable comment; end the comment "
			       "before it, or use DELIMITER");
	return add(s, r, place, e);
}

/* 1: a statement, or DELIMITER, was read; 0: nothing is left. */
static int next_statement(struct splitter *s, struct err *e)
{
	struct reader r = { .tokens = 0 };
	for (;;) {
		struct mydb_token t = mydb_token(&s->lexer);
		int in_body = r.blocks > 0 && str_eq_cstr(s->lexer.delimiter, ";");
		if (t.kind == MYDB_UNCLOSED || t.kind == MYDB_BACKSLASH) {
			(void)place_of(s, t.at);
			return refuse_token(&t, s->lexer.text, e);
		}
		if (t.kind == MYDB_END || (t.kind == MYDB_DELIMITER && !in_body)) {
			int rc = finish(s, &r, &t, e);
			return rc != 0 ? -1 : t.kind != MYDB_END;
		}
		if (r.tokens == 0 && mydb_is_word(&t, "delimiter")) {
			(void)place_of(s, t.at);
			return read_delimiter(s, e) != 0 ? -1 : 1;
		}
		follow(&r, &t, s->lexer.at);
	}
}

static int check_text(struct str text, struct db_place *failed, struct err *e)
{
	struct db_script script = { .notice = NULL };
	if (place_refuse_nul(text, &script, e) != 0) {
		*failed = script.failed;
		return -1;
	}
	if (text.n >= SCRIPT_MAX)
		return err_set(e, ERR_LIMIT, "the script is larger than %d bytes", SCRIPT_MAX - 1);
	return 0;
}

int mydb_split_list(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
		    struct err *e)
{
	if (check_text(text, failed, e) != 0)
		return -1;
	struct splitter s = { .place = { .line = 1, .column = 1 } };
	s.lexer.text = str_from(text, place_bom(text));
	s.lexer.delimiter = STR(";");
	int rc;
	while ((rc = next_statement(&s, e)) == 1)
		continue;
	if (rc != 0) {
		*failed = s.place;
		mem_free(s.list);
		return -1;
	}
	*out = s.list;
	*n = s.n;
	return 0;
}

int mydb_split(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
	       struct arena *arena, struct err *e)
{
	AUTO(free) struct db_statement *list = NULL;
	size_t count = 0;
	if (mydb_split_list(&list, &count, failed, text, e) != 0)
		return -1;
	struct db_statement *copy = arena_array(arena, count > 0 ? count : 1, sizeof *copy);
	if (copy == NULL)
		return arena_err(arena, e);
	if (count > 0)
		memcpy(copy, list, count * sizeof *copy);
	*out = copy;
	*n = count;
	return 0;
}

int mydb_screen(struct str text, struct db_script *script, struct err *e)
{
	AUTO(free) struct db_statement *list = NULL;
	size_t n = 0;
	if (mydb_split_list(&list, &n, &script->failed, text, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct str first = list[i].text;
		if (list[i].flags & DB_CONTROL) {
			script->failed = list[i].place;
			return err_set(e, ERR_REFUSED,
				       "'%.*s' is refused: the whole file runs in one transaction "
				       "with its ledger row; take it out",
				       STR_ARG(str_first(first, str_find(first, ' ') < 48
								    ? str_find(first, ' ')
								    : 48)));
		}
		script->statements++;
	}
	return 0;
}
