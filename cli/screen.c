/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: whether there is one, its colours, and the escaping of what others wrote. Titles,
 * branch names and server messages come from people we do not know; none reaches a terminal raw.
 */
#include "cli/screen.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

struct screen screen_of(int fd)
{
	const char *term = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");
	struct screen s = { 0, 0 };

	s.terminal = isatty(fd) == 1 && term != NULL && strcmp(term, "dumb") != 0;
	/* as no-color.org has it: set and not empty */
	s.colour = s.terminal && (no_colour == NULL || no_colour[0] == '\0');
	return s;
}

const char *screen_tint(const struct screen *s, enum tint tint)
{
	if (!s->colour)
		return "";
	switch (tint) {
	case TINT_NONE:
		return "";
	case TINT_GOOD:
		return "\033[32m";
	case TINT_BAD:
		return "\033[31m";
	case TINT_BUSY:
		return "\033[33m";
	case TINT_DIM:
		return "\033[2m";
	}
	return "";
}

const char *screen_plain(const struct screen *s, enum tint tint)
{
	return s->colour && tint != TINT_NONE ? "\033[0m" : "";
}

static void escape(struct buf *out, uint32_t cp)
{
	if (cp == '\n')
		buf_adds(out, "\\n");
	else if (cp == '\t')
		buf_adds(out, "\\t");
	else if (cp < 0x80)
		buf_addf(out, "\\x%02x", (unsigned)cp);
	else
		buf_addf(out, "\\u{%x}", (unsigned)cp);
}

void screen_add(struct buf *out, struct str s)
{
	while (s.n > 0) {
		uint32_t cp = 0;
		size_t n = str_utf8_char(&cp, s);

		if (n == 0) {
			buf_addf(out, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
			n = 1;
		} else if (str_steers(cp)) {
			escape(out, cp);
		} else if (cp == '#' && out->n > 0 && out->p[out->n - 1] == '#') {
			buf_adds(out, "\\x23"); /* "##[" is a command to some pipelines */
		} else {
			buf_add(out, str_first(s, n));
		}
		s = str_from(s, n);
	}
}

size_t screen_width(struct str s)
{
	size_t width = 0;

	for (size_t i = 0; i < s.n; i++)
		width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return width;
}
