/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_PLACE_H
#define DB_PLACE_H

#include "base/str.h"
#include "db/db.h"

#include <stddef.h>

/* Where in a script something is. For drivers only. */

/* The line and the column of the byte at `offset` (clamped), for statement number `statement`. A
 * byte order mark takes no column; a column is one UTF-8 character. */
struct db_place place_at(struct str text, size_t offset, size_t statement);

/* The same, counted on from `place`, which is that of the byte at `from`: a script is walked once.
 */
struct db_place place_from(struct db_place place, struct str text, size_t from, size_t offset);

/* The byte offset of the character at `index` (from 0), for servers that count characters. */
size_t place_of_char(struct str text, size_t index);

/* Where comments differ: in PostgreSQL block comments nest, and a carriage return alone ends a line
 * comment. */
enum place_comments { PLACE_SQLITE, PLACE_POSTGRES };

/* The offset of the first byte from `at` on that is neither white space nor in a comment; text.n
 * when nothing follows. */
size_t place_skip_blank(struct str text, size_t at, enum place_comments comments);
/* The offset of the line end that closes the line comment at `at`, or text.n. */
size_t place_skip_line(struct str text, size_t at, enum place_comments comments);

/* The length of the byte order mark at the start: 3 or 0. */
size_t place_bom(struct str text);

/* 0, or -1 with ERR_REFUSED and script->failed when a NUL byte is inside: servers and libraries
 * would stop there without a word. */
int place_refuse_nul(struct str text, struct db_script *script, struct err *e) MUST_CHECK;

#endif
