/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintenance windows, read and looked for. What is open is decided by the local time alone, so
 * that changes of the offset need no rule of their own. Pure.
 */

#include "base/window.h"

#include "base/clock.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	DAYS = 7,
	DAY_MIN = 24 * 60,
	WEEK_MIN = DAYS * DAY_MIN,
	/* No zone changes its offset by more than a day (the date line); a jump stops short of it.
	 */
	SHIFT_MIN = DAY_MIN + 60,
	/* A window that a change of the offset left out opens a week later. */
	LOOK_MIN = 4 * WEEK_MIN,
	MONDAY_FIRST = 3, /* 1970-01-01 was a Thursday */
};

static const char *const day_names[DAYS] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static int malformed(struct str text, struct err *e)
{
	return err_set(e, ERR_INPUT,
		       "malformed window '%.*s' (expected days and times, such as \"Mon-Fri "
		       "22:00-04:00\", \"Sat,Sun 00:00-24:00\" or \"daily 01:00-05:00\")",
		       STR_ARG(str_first(text, 64)));
}

static int parse_day(int *out, struct str text)
{
	for (int i = 0; i < DAYS; i++) {
		if (str_eq_nocase(text, str_of(day_names[i]))) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

/* "Mon" or "Mon-Fri"; a range may go over Sunday. */
static int parse_range(unsigned *days, struct str text)
{
	const size_t dash = str_find(text, '-');
	int first, last;
	if (parse_day(&first, str_first(text, dash)) != 0)
		return -1;
	last = first;
	if (dash < text.n && parse_day(&last, str_from(text, dash + 1)) != 0)
		return -1;
	for (int day = first;; day = (day + 1) % DAYS) {
		*days |= 1U << day;
		if (day == last)
			return 0;
	}
}

static int parse_days(unsigned *out, struct str text)
{
	unsigned days = 0;
	struct str part;
	if (str_eq_nocase(text, STR("daily"))) {
		*out = (1U << DAYS) - 1;
		return 0;
	}
	if (text.n == 0 || text.p[text.n - 1] == ',')
		return -1;
	while (str_split(&part, &text, ',')) {
		if (parse_range(&days, part) != 0)
			return -1;
	}
	*out = days;
	return 0;
}

/* "HH:MM", up to 24:00. */
static int parse_time(int *out, struct str text)
{
	int64_t hour, minute;
	if (text.n != 5 || text.p[2] != ':' ||
	    num_parse_i64(&hour, str_first(text, 2), 0, 24) != 0 ||
	    num_parse_i64(&minute, str_from(text, 3), 0, hour == 24 ? 0 : 59) != 0)
		return -1;
	*out = (int)(hour * 60 + minute);
	return 0;
}

int window_parse(struct window *out, struct str text, struct err *e)
{
	const size_t blank = str_find(text, ' ');
	const struct str times = str_trim(str_from(text, blank + 1));
	const size_t dash = str_find(times, '-');
	struct window w = { .days = 0 };
	if (blank == text.n || parse_days(&w.days, str_first(text, blank)) != 0 ||
	    parse_time(&w.from_min, str_first(times, dash)) != 0 || w.from_min == DAY_MIN ||
	    parse_time(&w.to_min, str_from(times, dash + 1)) != 0 || w.to_min == w.from_min)
		return malformed(text, e);
	if (w.to_min < w.from_min)
		w.to_min += DAY_MIN;
	*out = w;
	return 0;
}

static int weekday(const struct zone_time *t)
{
	const int64_t days = clock_days(t->year, t->month, t->day) + MONDAY_FIRST;
	return (int)((days % DAYS + DAYS) % DAYS);
}

int window_is_open(const struct window *w, const struct zone_time *t)
{
	const int minute = t->hour * 60 + t->minute;
	const int day = weekday(t);
	const int before = (day + DAYS - 1) % DAYS;
	if ((w->days >> day & 1U) && minute >= w->from_min && minute < w->to_min)
		return 1;
	return (w->days >> before & 1U) && minute < w->to_min - DAY_MIN;
}

/* Minutes of the wall's clock until the window begins the next time: 1 to a week. */
static int until(const struct window *w, const struct zone_time *t)
{
	const int now = weekday(t) * DAY_MIN + t->hour * 60 + t->minute;
	int best = WEEK_MIN;
	for (int day = 0; day < DAYS; day++) {
		const int wait = (day * DAY_MIN + w->from_min - now + WEEK_MIN) % WEEK_MIN;
		if ((w->days >> day & 1U) && wait > 0 && wait < best)
			best = wait;
	}
	return best;
}

/* The place of an open window in the list, or -1 with how long it is to the next beginning. */
static int look(int *wait_min, const struct window *list, size_t n, const struct zone_time *t)
{
	*wait_min = WEEK_MIN;
	for (size_t i = 0; i < n; i++) {
		if (window_is_open(&list[i], t))
			return (int)i;
		const int wait = until(&list[i], t);
		if (wait < *wait_min)
			*wait_min = wait;
	}
	return -1;
}

/*
 * How far it is safe to go on, when the wall's clock needs `wait_min` to the next beginning: to it,
 * as long as the offset stays. Where it does not, in smaller steps, at last minute by minute: what
 * was over may come again.
 */
static int64_t step_s(const struct zone *zone, const struct zone_time *now, int64_t at_s,
		      int wait_min)
{
	for (int64_t step = wait_min; step > 1; step /= 2) {
		struct zone_time there;
		zone_local(&there, zone, at_s + step * 60 - now->second);
		if (there.offset_s == now->offset_s)
			return step * 60 - now->second;
	}
	return 60 - now->second;
}

int64_t window_next(size_t *which, const struct window *list, size_t n, const struct zone *zone,
		    int64_t now_ms)
{
	const int64_t now_s = now_ms / 1000;
	const int64_t end_s = now_s + (int64_t)LOOK_MIN * 60;
	int64_t at_s = now_s;
	*which = 0;
	while (at_s < end_s) {
		struct zone_time t;
		int wait;
		zone_local(&t, zone, at_s);
		const int open = look(&wait, list, n, &t);
		if (open >= 0) {
			*which = (size_t)open;
			break;
		}
		at_s += step_s(zone, &t, at_s, wait);
	}
	return at_s == now_s ? now_ms : at_s * 1000;
}

const char *window_time(char out[WINDOW_TIME_TEXT], const struct zone *zone, int64_t unix_ms)
{
	struct zone_time t;
	zone_local(&t, zone, unix_ms / 1000);
	const int offset = abs(t.offset_s) / 60;
	(void)snprintf(out, WINDOW_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d%c%02d:%02d", t.year % 10000,
		       t.month % 100, t.day % 100, t.hour % 100, t.minute % 100,
		       t.offset_s < 0 ? '-' : '+', offset / 60 % 100, offset % 60);
	return out;
}
