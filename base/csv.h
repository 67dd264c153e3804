/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/*
 * Comma-separated values as of RFC 4180: fields in double quotes may hold commas, line ends and
 * doubled quotes; lines end with LF or CRLF, the last one may lack it; a byte order mark is
 * skipped.
 */
struct csv {
	struct str rest; /* what is not read yet */
	size_t line;     /* of the record that was read last, from 1 */
	size_t next_line;
	struct arena *arena;
};

enum { CSV_FIELDS_MAX = 256 };

/* Nothing is read yet; `text` and `arena` are lent. */
void csv_init(struct csv *c, struct str text, struct arena *arena);
/*
 * The next record: 1, and its fields, which point into the text or live in the arena; 0 at the end;
 * -1: ERR_INPUT with the line for a quote that is not closed, or text behind a closing one;
 * ERR_LIMIT for more than CSV_FIELDS_MAX fields.
 */
int csv_next(struct str fields[CSV_FIELDS_MAX], size_t *n, struct csv *c, struct err *e) MUST_CHECK;

#endif
