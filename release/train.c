/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of release ids: checked, and filled in for a moment in a time zone. Pure but for the
 * system's zone files. */

#include "release/train.h"

#include "base/buf.h"
#include "base/zone.h"

#include <string.h>

enum { TEMPLATE_MAX = 128, TRAIN_MAX = 512 };

static const char iteration[] = "{iteration}";

static int id_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* The variable that starts at the front of `rest`, up to its '}', or absent. */
static struct str variable(struct str rest)
{
	size_t end = str_find(rest, '}');
	return end < rest.n ? str_first(rest, end + 1) : STR_NULL;
}

static int is_time(struct str name)
{
	return str_eq_cstr(name, "{date}") || str_eq_cstr(name, "{time}") ||
	       str_eq_cstr(name, "{timestamp}");
}

/* Count the variables of each sort; anything else must be a byte that an id may have. */
static int scan(struct str rest, size_t *times, size_t *iterations, struct err *e)
{
	while (rest.n > 0) {
		struct str name = rest.p[0] == '{' ? variable(rest) : str_first(rest, 1);
		if (is_time(name))
			++*times;
		else if (str_eq_cstr(name, iteration))
			++*iterations;
		else if (name.n != 1 || !id_byte(name.p[0]))
			return err_set(e, ERR_INPUT,
				       "the release id template has '%.*s' (expected letters, "
				       "digits, '.', '_', '-', {date}, {time}, {timestamp}, "
				       "{iteration})",
				       STR_ARG(str_first(rest, name.n > 1 ? name.n : 1)));
		rest = str_from(rest, name.n);
	}
	return 0;
}

int train_check(struct str id_template, struct err *e)
{
	size_t times = 0;
	size_t iterations = 0;
	if (id_template.n > TEMPLATE_MAX)
		return err_set(e, ERR_INPUT, "the release id template is longer than %d characters",
			       TEMPLATE_MAX);
	if (scan(id_template, &times, &iterations, e) != 0)
		return -1;
	if (iterations != 1 || !str_ends(id_template, STR("{iteration}")))
		return err_set(e, ERR_INPUT,
			       "the release id template '%.*s' must have {iteration} once, at its "
			       "end",
			       STR_ARG(id_template));
	if (times == 0)
		return err_set(e, ERR_INPUT,
			       "the release id template '%.*s' must have {date}, {time} or "
			       "{timestamp}",
			       STR_ARG(id_template));
	return 0;
}

static void fill(struct buf *out, struct str rest, const struct zone_time *t)
{
	while (rest.n > 0) {
		struct str name = rest.p[0] == '{' ? variable(rest) : str_first(rest, 1);
		if (str_eq_cstr(name, "{date}"))
			buf_addf(out, "%04d%02d%02d", t->year, t->month, t->day);
		else if (str_eq_cstr(name, "{time}"))
			buf_addf(out, "%02d%02d", t->hour, t->minute);
		else if (str_eq_cstr(name, "{timestamp}"))
			buf_addf(out, "%04d%02d%02d_%02d%02d", t->year, t->month, t->day, t->hour,
				 t->minute);
		else if (!str_eq_cstr(name, iteration))
			buf_add(out, name);
		rest = str_from(rest, name.n);
	}
}

/* Whole seconds, downwards also before 1970. */
static int64_t seconds(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((-(ms + 1)) / 1000) - 1;
}

int train_name(struct str *out, struct str id_template, struct str timezone, int64_t now_ms,
	       struct arena *arena, struct err *e)
{
	AUTO(zone) struct zone *zone = NULL;
	AUTO(free) char *name = NULL;
	AUTO(buf) struct buf text;
	struct zone_time local;
	buf_init(&text, TRAIN_MAX);
	if (train_check(id_template, e) != 0)
		return -1;
	name = str_to_cstr(timezone, e);
	if (name == NULL)
		return -1;
	if (zone_open(&zone, name, e) != 0) {
		if (e != NULL && e->code == ERR_NOTFOUND)
			e->code = ERR_INPUT;
		return err_wrap(e, "the release id's time zone");
	}
	zone_local(&local, zone, seconds(now_ms));
	fill(&text, id_template, &local);
	if (buf_check(&text, e) != 0)
		return -1;
	struct str train = arena_str(arena, buf_str(&text));
	if (train.p == NULL)
		return arena_err(arena, e);
	*out = train;
	return 0;
}
