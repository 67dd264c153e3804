/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX TZ strings: read, and asked for the offset at a time. */

#include "base/zone_rule.h"

#include "base/clock.h"
#include "base/num.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };
enum { OFFSET_HOURS_MAX = 24, TIME_HOURS_MAX = 167, TIME_DEFAULT_S = 2 * HOUR_S };

static int take(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return 0;
	*rest = str_from(*rest, 1);
	return 1;
}

static int take_number(int *out, struct str *rest, int min, int max)
{
	size_t n = 0;
	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	uint64_t v;
	if (num_parse_u64(&v, str_first(*rest, n), (uint64_t)min, (uint64_t)max) != 0)
		return -1;
	*out = (int)v;
	*rest = str_from(*rest, n);
	return 0;
}

static int is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int is_quoted(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* "CET" or "<+03>": at least three characters; the name itself is of no use here. */
static int take_name(struct str *rest)
{
	int quoted = take(rest, '<');
	size_t n = 0;
	while (n < rest->n && (quoted ? is_quoted(rest->p[n]) : is_letter(rest->p[n])))
		n++;
	*rest = str_from(*rest, n);
	if (n < 3 || (quoted && !take(rest, '>')))
		return -1;
	return 0;
}

/* "[+-]h[:mm[:ss]]" in seconds. */
static int take_time(int *out, struct str *rest, int max_hours)
{
	int negative = take(rest, '-');
	if (!negative)
		(void)take(rest, '+');
	int h, m = 0, s = 0;
	if (take_number(&h, rest, 0, max_hours) != 0)
		return -1;
	if (take(rest, ':')) {
		if (take_number(&m, rest, 0, 59) != 0)
			return -1;
		if (take(rest, ':') && take_number(&s, rest, 0, 59) != 0)
			return -1;
	}
	int total = h * HOUR_S + m * MINUTE_S + s;
	*out = negative ? -total : total;
	return 0;
}

/* ",date[/time]" */
static int take_change(struct zone_change *out, struct str *rest)
{
	struct zone_change c = { .time_s = TIME_DEFAULT_S };
	int rc;
	if (!take(rest, ','))
		return -1;
	if (take(rest, 'M')) {
		c.kind = ZONE_DAY_OF_WEEK;
		rc = take_number(&c.month, rest, 1, 12) != 0 || !take(rest, '.') ||
		     take_number(&c.week, rest, 1, 5) != 0 || !take(rest, '.') ||
		     take_number(&c.day, rest, 0, 6) != 0;
	} else if (take(rest, 'J')) {
		c.kind = ZONE_DAY_JULIAN;
		rc = take_number(&c.day, rest, 1, 365);
	} else {
		c.kind = ZONE_DAY_OF_YEAR;
		rc = take_number(&c.day, rest, 0, 365);
	}
	if (rc != 0 || (take(rest, '/') && take_time(&c.time_s, rest, TIME_HOURS_MAX) != 0))
		return -1;
	*out = c;
	return 0;
}

static int parse(struct zone_rule *r, struct str rest)
{
	int west;
	if (take_name(&rest) != 0 || take_time(&west, &rest, OFFSET_HOURS_MAX) != 0)
		return -1;
	r->standard_s = -west;
	if (rest.n == 0)
		return 0;
	r->has_summer = 1;
	r->summer_s = r->standard_s + HOUR_S;
	if (take_name(&rest) != 0)
		return -1;
	if (rest.n > 0 && rest.p[0] != ',') {
		if (take_time(&west, &rest, OFFSET_HOURS_MAX) != 0)
			return -1;
		r->summer_s = -west;
	}
	if (take_change(&r->start, &rest) != 0 || take_change(&r->end, &rest) != 0)
		return -1;
	return rest.n == 0 ? 0 : -1;
}

int zone_rule_parse(struct zone_rule *out, struct str text, struct err *e)
{
	struct zone_rule r = { .standard_s = 0 };
	if (parse(&r, text) != 0)
		return err_set(e, ERR_INPUT, "malformed rule for later times");
	*out = r;
	return 0;
}

static int is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t week_day(int64_t year, const struct zone_change *c)
{
	int64_t first = clock_days(year, c->month, 1);
	/* 1970-01-01 was a Thursday (4). */
	int64_t weekday = ((first + 4) % 7 + 7) % 7;
	int64_t day = first + (c->day - weekday + 7) % 7 + 7 * (int64_t)(c->week - 1);
	int64_t next =
	    c->month == 12 ? clock_days(year + 1, 1, 1) : clock_days(year, c->month + 1, 1);
	return day >= next ? day - 7 : day;
}

/* When the change happens in `year`, as Unix time, given the offset that it ends. */
static int64_t change_at(const struct zone_change *c, int64_t year, int offset_s)
{
	int64_t day = 0;
	switch (c->kind) {
	case ZONE_DAY_JULIAN:
		day = clock_days(year, 1, 1) + c->day - 1 + (is_leap(year) && c->day >= 60);
		break;
	case ZONE_DAY_OF_YEAR:
		day = clock_days(year, 1, 1) + c->day;
		break;
	case ZONE_DAY_OF_WEEK:
		day = week_day(year, c);
		break;
	}
	return day * DAY_S + c->time_s - offset_s;
}

int zone_rule_offset(const struct zone_rule *r, int64_t unix_s)
{
	if (!r->has_summer)
		return r->standard_s;
	int64_t days = (unix_s - (unix_s % DAY_S + DAY_S) % DAY_S) / DAY_S;
	int64_t year;
	int month, day;
	clock_date(&year, &month, &day, days);
	/* The last change up to now decides; times of up to a week can carry one into the next
	 * year. When both fall together (summer time all year), summer has it. */
	int64_t latest = INT64_MIN;
	int offset_s = r->standard_s;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t start = change_at(&r->start, y, r->standard_s);
		int64_t end = change_at(&r->end, y, r->summer_s);
		if (end <= unix_s && end > latest) {
			latest = end;
			offset_s = r->standard_s;
		}
		if (start <= unix_s && start >= latest) {
			latest = start;
			offset_s = r->summer_s;
		}
	}
	return offset_s;
}
