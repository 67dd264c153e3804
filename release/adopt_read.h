/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ADOPT_READ_H
#define RELEASE_ADOPT_READ_H

#include "release/adopt.h"

/* For the files adopt_*.c: a history while it grows. */
struct adopt_reader {
	struct adopt_history history;
	size_t cap_events, cap_notes;
	struct arena *arena;
};

/* Texts are copied. */
int adopt_add(struct adopt_reader *r, const struct adopt_event *event, struct err *e) MUST_CHECK;
int adopt_note(struct adopt_reader *r, struct str what, const char *why, struct err *e) MUST_CHECK;

/*
 * Run "SELECT `columns` FROM `table` `tail`" and hand each row to `row`.
 */
typedef int (*adopt_row_fn)(struct adopt_reader *r, const struct db_rows *rows, struct err *e);
int adopt_select(struct adopt_reader *r, struct db *target, const char *columns, const char *table,
		 const char *tail, adopt_row_fn row, struct err *e) MUST_CHECK;

/* A column that is a text or an integer; the text points into the row or into `room`. */
enum { ADOPT_NUMBER_TEXT = 24 };
struct str adopt_version(char room[ADOPT_NUMBER_TEXT], const struct db_rows *rows, int column);

/* A server's "2026-11-23 11:45:01.123+00" or "2026-11-23T11:45:01Z", taken as UTC; 0 for another
 * text. */
int64_t adopt_time(struct str text);

#endif
