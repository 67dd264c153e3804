/* SPDX-License-Identifier: Apache-2.0 */
/* What reading another tool's history needs, whatever the tool is. */

#include "release/adopt_read.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CAP_FIRST = 64, SQL_MAX = 1024, SECONDS_TEXT = 19 };

/* Room for one more of `size` bytes; the old array stays in the arena. */
static void *grow(void *items, size_t n, size_t *cap, size_t size, struct arena *arena)
{
	if (n < *cap)
		return items;
	size_t more = *cap > 0 ? *cap * 2 : CAP_FIRST;
	void *grown = arena_array(arena, more, size);
	if (grown == NULL)
		return NULL;
	if (n > 0)
		memcpy(grown, items, n * size);
	*cap = more;
	return grown;
}

static int copy(struct str *out, struct str s, struct arena *arena)
{
	*out = arena_str(arena, s);
	return s.p == NULL || out->p != NULL;
}

int adopt_add(struct adopt_reader *r, const struct adopt_event *event, struct err *e)
{
	struct adopt_history *h = &r->history;
	struct adopt_event *grown =
	    grow(h->events, h->n, &r->cap_events, sizeof *h->events, r->arena);
	if (grown == NULL)
		return arena_err(r->arena, e);
	h->events = grown;
	struct adopt_event *own = &h->events[h->n];
	*own = *event;
	if (!copy(&own->version, event->version, r->arena) ||
	    !copy(&own->label, event->label, r->arena) ||
	    !copy(&own->sha256, event->sha256, r->arena))
		return arena_err(r->arena, e);
	h->n++;
	return 0;
}

int adopt_note(struct adopt_reader *r, struct str what, const char *why, struct err *e)
{
	struct adopt_history *h = &r->history;
	struct adopt_note *grown =
	    grow(h->notes, h->n_notes, &r->cap_notes, sizeof *h->notes, r->arena);
	if (grown == NULL)
		return arena_err(r->arena, e);
	h->notes = grown;
	struct adopt_note *own = &h->notes[h->n_notes];
	own->why = str_of(why);
	if (!copy(&own->what, what, r->arena))
		return arena_err(r->arena, e);
	h->n_notes++;
	return 0;
}

int adopt_select(struct adopt_reader *r, struct db *target, const char *columns, const char *table,
		 const char *tail, adopt_row_fn row, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	char sql[SQL_MAX];
	int rc;
	(void)snprintf(sql, sizeof sql, "SELECT %s FROM %s%s", columns, table, tail);
	if (db_query(&rows, target, sql, DB_NO_ARGS, e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		if (row(r, rows, e) != 0)
			return -1;
	}
	return rc;
}

struct str adopt_version(char room[ADOPT_NUMBER_TEXT], const struct db_rows *rows, int column)
{
	const struct str text = db_text(rows, column);
	if (text.p != NULL || db_is_null(rows, column))
		return text;
	(void)snprintf(room, ADOPT_NUMBER_TEXT, "%" PRId64, db_int(rows, column));
	return str_of(room);
}

int64_t adopt_time(struct str text)
{
	char iso[SECONDS_TEXT + 2];
	struct err ignored;
	int64_t ms;
	if (text.n < SECONDS_TEXT)
		return 0;
	(void)snprintf(iso, sizeof iso, "%.*sZ", SECONDS_TEXT, text.p);
	if (iso[10] == ' ')
		iso[10] = 'T';
	return clock_parse(&ms, str_of(iso), 0, &ignored) == 0 ? ms : 0;
}
