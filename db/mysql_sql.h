/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_MYSQL_SQL_H
#define DB_MYSQL_SQL_H

#include "db/db.h"

/* Scripts for MySQL and MariaDB, looked at without a server. For the driver only. */

/* The slots of the same names. */
int mydb_screen(struct str text, struct db_script *script, struct err *e) MUST_CHECK;
int mydb_split(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
	       struct arena *arena, struct err *e) MUST_CHECK;
/* The same, into a list on the heap. */
int mydb_split_list(struct db_statement **out, size_t *n, struct db_place *failed, struct str text,
		    struct err *e) MUST_CHECK;

enum mydb_token_kind {
	MYDB_END,
	MYDB_WORD,
	MYDB_QUOTED, /* a name in backticks */
	MYDB_STRING, /* in ' or " */
	MYDB_VARIABLE,
	MYDB_DELIMITER,
	MYDB_OPEN,
	MYDB_CLOSE,
	MYDB_BACKSLASH,
	MYDB_UNCLOSED, /* a text or comment without its end */
	MYDB_OTHER,
};

struct mydb_token {
	enum mydb_token_kind kind;
	struct str text;
	size_t at; /* where it begins, with the executable comment that it opens */
};

struct mydb_lexer {
	struct str text;
	size_t at;
	struct str delimiter; /* empty: none */
	int comments_only;    /* executable comments are comments, as for an older server */
	int inside;           /* in an executable comment, whose content is SQL */
	size_t inside_at;     /* where that begins */
	size_t closed_at;     /* behind the end of the last one */
};

/* The next token; behind the last MYDB_END for ever. */
struct mydb_token mydb_token(struct mydb_lexer *lexer);
int mydb_is_word(const struct mydb_token *token, const char *word);

/* Sets flags and kind of a statement from its text. */
void mydb_classify(struct db_statement *statement);
/* ERR_REFUSED for what never runs: a client's own command, data from the client, what would keep
 * the ledger from being written. */
int mydb_refuse(struct str statement, struct err *e) MUST_CHECK;
/* Whether the rows that a statement reports are rows that it changed; or, with `returned`, those
 * that it gives (INSERT ... RETURNING). */
int mydb_changes_rows(struct str statement, int returned);
/* Whether a user variable (@name) stands in it, which it may set. */
int mydb_uses_variables(struct str statement);

#endif
