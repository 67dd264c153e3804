/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_SQL_H
#define DB_POSTGRES_SQL_H

#include "db/db.h"

/* Scripts for PostgreSQL, looked at without a server. For the driver only. */

/* The slots of the same names. */
int postgres_screen(struct str text, struct db_script *script, struct err *e) MUST_CHECK;
int postgres_script_split(struct db_statement **out, size_t *n, struct db_place *failed,
			  struct str text, struct arena *arena, struct err *e) MUST_CHECK;

/* A statement of a script, from its first token on. */
struct postgres_statement {
	size_t start;
	size_t end;
};

/*
 * The statements of `text` (no byte order mark, no NUL, with a NUL behind it): split by
 * PostgreSQL's own grammar, or by our lexer where that does not know the syntax. *out is on the
 * heap.
 */
int postgres_split(struct postgres_statement **out, size_t *count, struct str text,
		   struct err *e) MUST_CHECK;
/* By our lexer alone. */
int postgres_split_lexed(struct postgres_statement **out, size_t *count, struct str text,
			 struct err *e) MUST_CHECK;
/*
 * ERR_REFUSED, with *at telling where, for a text that PostgreSQL's scanner would need the square
 * of its length for, without listening to a cancel: comments nested deeply or not ended, and very
 * long runs of operator characters. To be asked before its grammar sees the text.
 */
int postgres_refuse_slow(size_t *at, struct str text, struct err *e) MUST_CHECK;

#endif
