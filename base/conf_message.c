/* SPDX-License-Identifier: Apache-2.0 */
/* What the messages of the conf module need: the place, the nearest key, numbers as written. */

#include "base/conf_schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Keys are shorter; of a longer unknown one only the beginning is compared. */
enum { NAME_MAX_BYTES = 40 };

int conf_fail(const char *file, const struct yaml *at, struct err *e, const char *fmt, ...)
{
	char text[sizeof e->msg];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INPUT, "%s:%d:%d: %s", file, at->line, at->column, text);
}

int conf_fail_wrap(const char *file, const struct yaml *at, struct err *e)
{
	(void)err_wrap(e, "%s:%d:%d", file, at->line, at->column);
	if (e->code == ERR_NOTFOUND)
		e->code = ERR_INPUT;
	return -1;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(struct str a, struct str b)
{
	size_t row[NAME_MAX_BYTES + 1];
	a = str_first(a, NAME_MAX_BYTES);
	for (size_t i = 0; i <= a.n; i++)
		row[i] = i;
	for (size_t j = 0; j < b.n; j++) {
		size_t diagonal = row[0];
		row[0] = j + 1;
		for (size_t i = 1; i <= a.n; i++) {
			size_t above = row[i];
			row[i] = min3(above + 1, row[i - 1] + 1, diagonal + (a.p[i - 1] != b.p[j]));
			diagonal = above;
		}
	}
	return row[a.n];
}

const char *conf_nearest(const struct conf_schema *schema, struct str name)
{
	const char *best = NULL;
	size_t least = name.n < 4 ? 2 : name.n / 3 + 1; /* farther is no typing mistake */
	for (size_t i = 0; i < schema->n; i++) {
		struct str known = str_of(schema->keys[i].name);
		size_t d = distance(name, known);
		/* max_body_bytes for max_body, timezone cut short, and the like. */
		if (name.n >= 4 && (str_starts(name, known) || str_starts(known, name)))
			d = 1;
		if (d < least) {
			least = d;
			best = schema->keys[i].name;
		}
	}
	return best;
}

struct unit {
	const char *name;
	int64_t size;
};

/* `units` from large to small, down to one of size 1. */
static const char *format(char *out, int64_t v, const struct unit *units)
{
	while (v == 0 ? units->size != 1 : v % units->size != 0)
		units++;
	(void)snprintf(out, CONF_NUMBER_TEXT, "%" PRId64 "%s", v / units->size,
		       v == 0 ? "" : units->name);
	return out;
}

const char *conf_format_duration(char out[CONF_NUMBER_TEXT], int64_t ms)
{
	static const struct unit units[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	};
	return format(out, ms, units);
}

const char *conf_format_size(char out[CONF_NUMBER_TEXT], int64_t bytes)
{
	static const struct unit units[] = {
		{ "GiB", INT64_C(1) << 30 },
		{ "MiB", 1 << 20 },
		{ "KiB", 1 << 10 },
		{ "", 1 },
	};
	return format(out, bytes, units);
}
