/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/screen.h"

#include <stddef.h>
#include <stdint.h>

/* Aligned columns under a header line. Cells are escaped (screen_add) as they come in. */
struct column {
	const char *name;
	int right; /* numbers: aligned to the right */
};

enum { TABLE_COLUMNS_MAX = 16 };

struct table_cell;

struct table {
	struct arena *arena;
	const struct column *columns;
	size_t n_columns;
	size_t n_cells;
	size_t widths[TABLE_COLUMNS_MAX];
	struct table_cell *first, **end;
	int failed; /* the arena was exhausted; table_write says so */
};

/* `columns` and `arena` are lent for the table's life. */
void table_init(struct table *t, struct arena *arena, const struct column *columns, size_t n);
/* The next cell, row by row; an absent or empty text is shown as "-". */
void table_cell(struct table *t, struct str text, enum tint tint);
void table_text(struct table *t, struct str text);
void table_int(struct table *t, int64_t n);
/* To the second: "2026-11-23T11:45:01Z"; 0 is "-". */
void table_time(struct table *t, int64_t unix_ms);

/* Header and rows; a row that is not complete is not written. */
int table_write(struct buf *out, const struct table *t, const struct screen *screen,
		struct err *e) MUST_CHECK;

/* One fact of a `show`: "label      value"; nothing when the value is absent. */
void detail(struct buf *out, const char *label, struct str value);
void detail_int(struct buf *out, const char *label, int64_t value);
/* Nothing for 0. */
void detail_time(struct buf *out, const char *label, int64_t unix_ms);

#endif
