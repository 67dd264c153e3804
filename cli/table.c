/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables and facts for people. It knows texts and widths, nothing of what they are about; widths
 * count code points, which is good enough for names and titles.
 */
#include "cli/table.h"

#include "base/clock.h"

#include <assert.h>

struct table_cell {
	struct str text; /* escaped */
	size_t width;
	enum tint tint;
	struct table_cell *next;
};

enum {
	CELL_SHOWN = 2000,    /* bytes of a text; a longer one ends in "..." */
	CELL_MAX = 16 * 1024, /* those, escaped */
	DETAIL_LABEL = 14,    /* columns of the label */
	DETAIL_TIME = 19,     /* "2026-11-23T11:45:01" */
};

void table_init(struct table *t, struct arena *arena, const struct column *columns, size_t n)
{
	assert(n > 0 && n <= TABLE_COLUMNS_MAX);
	*t = (struct table){ .arena = arena, .columns = columns, .n_columns = n };
	t->end = &t->first;
	for (size_t i = 0; i < n; i++)
		t->widths[i] = screen_width(str_of(columns[i].name));
}

/* The text, cut at a character's end when it is too long for any table. */
static void add_shown(struct buf *out, struct str text)
{
	size_t n = text.n;

	if (n > CELL_SHOWN) {
		n = CELL_SHOWN;
		while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
	}
	screen_add(out, str_first(text, n));
	if (n < text.n)
		buf_adds(out, "...");
}

void table_cell(struct table *t, struct str text, enum tint tint)
{
	AUTO(buf) struct buf safe;
	struct table_cell *cell = arena_alloc(t->arena, sizeof(*cell));
	size_t *width = &t->widths[t->n_cells % t->n_columns];

	buf_init(&safe, CELL_MAX);
	add_shown(&safe, text.n > 0 ? text : STR("-"));
	if (cell == NULL || buf_check(&safe, NULL) != 0) {
		t->failed = 1;
		return;
	}
	cell->text = arena_str(t->arena, buf_str(&safe));
	if (cell->text.p == NULL) {
		t->failed = 1;
		return;
	}
	cell->width = screen_width(cell->text);
	cell->tint = tint;
	if (cell->width > *width)
		*width = cell->width;
	*t->end = cell;
	t->end = &cell->next;
	t->n_cells++;
}

void table_text(struct table *t, struct str text)
{
	table_cell(t, text, TINT_NONE);
}

void table_int(struct table *t, int64_t n)
{
	table_text(t, str_of(arena_printf(t->arena, "%lld", (long long)n)));
}

void table_time(struct table *t, int64_t unix_ms)
{
	char text[CLOCK_TEXT];

	if (unix_ms == 0) {
		table_text(t, STR_NULL);
		return;
	}
	clock_format(text, unix_ms);
	table_text(t, str_of(arena_printf(t->arena, "%.*sZ", DETAIL_TIME, text)));
}

static void blanks(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_addc(out, ' ');
}

static void write_cell(struct buf *out, const struct table *t, size_t column, struct str text,
		       enum tint tint, const struct screen *screen)
{
	const size_t width = screen_width(text);
	const size_t gap = t->widths[column] > width ? t->widths[column] - width : 0;
	const int last = column + 1 == t->n_columns;

	if (t->columns[column].right)
		blanks(out, gap);
	buf_adds(out, screen_tint(screen, tint));
	buf_add(out, text);
	buf_adds(out, screen_plain(screen, tint));
	/* no blanks at the end of a line */
	if (!t->columns[column].right && !last)
		blanks(out, gap);
	buf_adds(out, last ? "\n" : "  ");
}

int table_write(struct buf *out, const struct table *t, const struct screen *screen, struct err *e)
{
	const struct table_cell *cell = t->first;

	assert(t->n_columns > 0);
	if (t->failed)
		return arena_err(t->arena, e);
	for (size_t i = 0; i < t->n_columns; i++)
		write_cell(out, t, i, str_of(t->columns[i].name), TINT_DIM, screen);
	for (size_t i = 0; i < t->n_cells - t->n_cells % t->n_columns; i++) {
		write_cell(out, t, i % t->n_columns, cell->text, cell->tint, screen);
		cell = cell->next;
	}
	return buf_check(out, e);
}

void detail(struct buf *out, const char *label, struct str value)
{
	if (value.p == NULL)
		return;
	buf_addf(out, "%-*s", DETAIL_LABEL, label);
	screen_add(out, value);
	buf_addc(out, '\n');
}

void detail_int(struct buf *out, const char *label, int64_t value)
{
	buf_addf(out, "%-*s%lld\n", DETAIL_LABEL, label, (long long)value);
}

void detail_time(struct buf *out, const char *label, int64_t unix_ms)
{
	char text[CLOCK_TEXT];

	if (unix_ms != 0)
		detail(out, label, str_of(clock_format(text, unix_ms)));
}
