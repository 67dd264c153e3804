/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_LEX_H
#define DB_POSTGRES_LEX_H

#include "base/str.h"

#include <stddef.h>

/* The words of PostgreSQL's SQL, after psql's scanner (psqlscan.l). For the driver only. */

enum postgres_token_kind {
	POSTGRES_TOKEN_END,
	POSTGRES_TOKEN_WORD,
	POSTGRES_TOKEN_SEMICOLON,
	POSTGRES_TOKEN_OPEN,
	POSTGRES_TOKEN_CLOSE,
	POSTGRES_TOKEN_BACKSLASH,
	POSTGRES_TOKEN_OTHER
};

struct postgres_token {
	enum postgres_token_kind kind;
	struct str text;
	size_t at;
};

/* The token at or behind `at`, with text.n the end; returns the offset behind it. Comments and
 * white space are none. */
size_t postgres_token(struct postgres_token *out, struct str text, size_t at);
/* Whether it is this word, in any case; a quoted name is none. */
int postgres_token_is(const struct postgres_token *t, const char *word);

#endif
