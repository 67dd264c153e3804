/* SPDX-License-Identifier: Apache-2.0 */
/* From byte offsets in a script to what a person's editor shows; and the white space of SQL. */

#include "db/place.h"

#include <string.h>

size_t place_bom(struct str text)
{
	return str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
}

static int is_continuation(char c)
{
	return ((unsigned char)c & 0xc0U) == 0x80U;
}

struct db_place place_from(struct db_place place, struct str text, size_t from, size_t offset)
{
	if (offset > text.n)
		offset = text.n;
	for (size_t i = from; i < offset; i++) {
		if (text.p[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (!is_continuation(text.p[i])) {
			place.column++;
		}
	}
	return place;
}

struct db_place place_at(struct str text, size_t offset, size_t statement)
{
	struct db_place start = { .statement = statement, .line = 1, .column = 1 };
	return place_from(start, text, place_bom(text), offset);
}

size_t place_of_char(struct str text, size_t index)
{
	size_t i = 0;
	while (i < text.n && index > 0) {
		i++;
		while (i < text.n && is_continuation(text.p[i]))
			i++;
		index--;
	}
	return i;
}

/* The offset behind the block comment that starts at `at`; text.n when it does not end. */
static size_t skip_block(struct str text, size_t at, int nested)
{
	size_t depth = 1;
	at += 2;
	while (at < text.n && depth > 0) {
		struct str rest = str_from(text, at);
		if (str_starts(rest, STR("*/"))) {
			depth--;
			at += 2;
		} else if (nested && str_starts(rest, STR("/*"))) {
			depth++;
			at += 2;
		} else {
			at++;
		}
	}
	return at;
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t place_skip_line(struct str text, size_t at, enum place_comments comments)
{
	while (at < text.n && text.p[at] != '\n' &&
	       !(comments == PLACE_POSTGRES && text.p[at] == '\r'))
		at++;
	return at;
}

size_t place_skip_blank(struct str text, size_t at, enum place_comments comments)
{
	while (at < text.n) {
		struct str rest = str_from(text, at);
		if (is_blank(text.p[at]))
			at++;
		else if (str_starts(rest, STR("--")))
			at = place_skip_line(text, at, comments);
		else if (str_starts(rest, STR("/*")))
			at = skip_block(text, at, comments == PLACE_POSTGRES);
		else
			break;
	}
	return at;
}

int place_refuse_nul(struct str text, struct db_script *script, struct err *e)
{
	size_t at = str_find(text, '\0');
	if (at == text.n)
		return 0;
	script->failed = place_at(text, at, 0);
	return err_set(e, ERR_REFUSED,
		       "a NUL byte is inside the script; save the file as UTF-8 text");
}
