/* SPDX-License-Identifier: Apache-2.0 */
/* One record of comma-separated values after the other. */

#include "base/csv.h"

#include <string.h>

void csv_init(struct csv *c, struct str text, struct arena *arena)
{
	const struct str bom = STR("\xef\xbb\xbf");
	*c = (struct csv){ .rest = str_starts(text, bom) ? str_from(text, bom.n) : text,
			   .next_line = 1,
			   .arena = arena };
}

/* Bytes of the line end that the text begins with. */
static size_t line_end(struct str s)
{
	if (s.n > 0 && s.p[0] == '\n')
		return 1;
	return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n' ? 2 : 0;
}

static int ends_field(struct str s)
{
	return s.n == 0 || s.p[0] == ',' || line_end(s) > 0;
}

/* Where the quoted field that begins at byte 1 of `s` ends: the place of its closing quote; s.n
 * when there is none. */
static size_t closing_quote(struct csv *c, struct str s, size_t *doubled)
{
	for (size_t i = 1; i < s.n; i++) {
		c->next_line += s.p[i] == '\n';
		if (s.p[i] != '"')
			continue;
		if (i + 1 == s.n || s.p[i + 1] != '"')
			return i;
		(*doubled)++;
		i++;
	}
	return s.n;
}

/* Take the doubled quotes of `s` as one each. */
static int undouble(struct str *out, struct str s, struct arena *arena, struct err *e)
{
	char *copy = arena_alloc(arena, s.n + 1);
	size_t n = 0;
	if (copy == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < s.n; i++) {
		copy[n++] = s.p[i];
		if (s.p[i] == '"')
			i++;
	}
	*out = (struct str){ copy, n };
	return 0;
}

static int take_quoted(struct str *out, struct csv *c, struct err *e)
{
	const struct str s = c->rest;
	size_t doubled = 0;
	size_t end = closing_quote(c, s, &doubled);
	if (end == s.n)
		return err_set(e, ERR_INPUT, "line %zu: a quote is not closed", c->line);
	c->rest = str_from(s, end + 1);
	if (!ends_field(c->rest))
		return err_set(e, ERR_INPUT, "line %zu: text behind a closing quote", c->line);
	*out = str_first(str_from(s, 1), end - 1);
	return doubled > 0 ? undouble(out, *out, c->arena, e) : 0;
}

static void take_plain(struct str *out, struct csv *c)
{
	size_t n = 0;
	while (!ends_field(str_from(c->rest, n)))
		n++;
	*out = str_first(c->rest, n);
	c->rest = str_from(c->rest, n);
}

int csv_next(struct str fields[CSV_FIELDS_MAX], size_t *n, struct csv *c, struct err *e)
{
	size_t count = 0;
	if (c->rest.n == 0)
		return 0;
	c->line = c->next_line;
	for (;;) {
		if (count == CSV_FIELDS_MAX)
			return err_set(e, ERR_LIMIT, "line %zu: more than %d fields", c->line,
				       CSV_FIELDS_MAX);
		if (c->rest.n > 0 && c->rest.p[0] == '"') {
			if (take_quoted(&fields[count], c, e) != 0)
				return -1;
		} else {
			take_plain(&fields[count], c);
		}
		count++;
		if (c->rest.n == 0 || c->rest.p[0] != ',')
			break;
		c->rest = str_from(c->rest, 1);
	}
	c->next_line += line_end(c->rest) > 0;
	c->rest = str_from(c->rest, line_end(c->rest));
	*n = count;
	return 1;
}
