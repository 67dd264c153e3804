/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_WORDS_H
#define DB_WORDS_H

#include "db/inspect.h"

/* Facts by the words that statements are made of, for databases whose grammar we cannot ask: SQLite
 * and MySQL. For drivers only. */

enum words_dialect { WORDS_SQLITE, WORDS_MYSQL };

enum word_kind {
	WORD_END,
	WORD_NAME,   /* bare: a keyword or a name */
	WORD_QUOTED, /* a name in quotes; `text` is what is inside them */
	WORD_TEXT,   /* a string constant */
	WORD_NUMBER,
	WORD_OTHER, /* one character */
};

struct word {
	enum word_kind kind;
	struct str text;
	size_t at;
};

/* The word at or behind `at`; returns the offset behind it. Comments are none; what MySQL runs of
 * them is read as it runs it. */
size_t words_next(struct word *out, struct str text, size_t at, enum words_dialect dialect);

/* The slot `inspect`. A statement that these words do not explain gives DB_ACT_OTHER. */
int words_inspect(struct db_inspection *out, enum words_dialect dialect,
		  const struct db_statement *statements, size_t n, struct arena *arena,
		  struct err *e) MUST_CHECK;

#endif
