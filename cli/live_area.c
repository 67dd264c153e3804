/* SPDX-License-Identifier: Apache-2.0 */
/* Redrawing in place: the cursor goes up over what was drawn before. The lines come escaped. */
#include "cli/live_area.h"

#include <sys/ioctl.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 1000 };

static size_t count_lines(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

void live_area_clear(struct live_area *a)
{
	if (a->drawn > 0)
		(void)fprintf(a->to, "\033[%zuA\033[J", a->drawn);
	a->drawn = 0;
}

void live_area_draw(struct live_area *a, struct str lines)
{
	live_area_clear(a);
	(void)fputs("\033[?7l", a->to);
	(void)fwrite(lines.p, 1, lines.n, a->to);
	(void)fputs("\033[?7h", a->to);
	a->drawn = count_lines(lines);
}

int live_area_width(FILE *to)
{
	struct winsize size = { .ws_col = 0 };

	if (ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}
