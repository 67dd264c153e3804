/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time, and its texts. The calendar is computed here, since the C library's functions depend on
 * the process's time zone or are not safe in threads.
 */

#include "base/clock.h"

#include "base/num.h"

#include <time.h>

enum { MS = 1000, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

static const int64_t year_0_ms = INT64_C(-62167219200000);
static const int64_t year_9999_end_ms = INT64_C(253402300799999);

static int64_t read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };
	(void)clock_gettime(id, &ts); /* these two clocks exist on every POSIX system */
	return (int64_t)ts.tv_sec * MS + ts.tv_nsec / 1000000;
}

int64_t clock_unix_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Quotient rounded down; `b` is positive. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Both after "chrono-Compatible Low-Level Date Algorithms" (H. Hinnant): years begin in March. */
int64_t clock_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

void clock_date(int64_t *year, int *month, int *day, int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int from_march = (int)((5 * day_of_year + 2) / 153);
	*day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

/* `n` decimal digits and what follows them. */
static char *put(char *to, int64_t v, int n, char behind)
{
	for (int i = n; i > 0; i--) {
		to[i - 1] = (char)('0' + v % 10);
		v /= 10;
	}
	to[n] = behind;
	return to + n + 1;
}

const char *clock_format(char out[CLOCK_TEXT], int64_t unix_ms)
{
	int64_t t = unix_ms;
	t = t < year_0_ms ? year_0_ms : t;
	t = t > year_9999_end_ms ? year_9999_end_ms : t;
	int64_t days = floor_div(t, (int64_t)DAY_S * MS);
	int64_t ms = t - days * DAY_S * MS;
	int64_t year;
	int month, day;
	clock_date(&year, &month, &day, days);
	int64_t s = ms / MS;
	char *to = put(out, year, 4, '-');
	to = put(to, month, 2, '-');
	to = put(to, day, 2, 'T');
	to = put(to, s / HOUR_S, 2, ':');
	to = put(to, s / MINUTE_S % 60, 2, ':');
	to = put(to, s % 60, 2, '.');
	to = put(to, ms % MS, 3, 'Z');
	*to = '\0';
	return out;
}

/* Exactly `n` digits at the beginning of *rest within the bounds; then moves on. */
static int take_digits(int *out, struct str *rest, size_t n, int min, int max)
{
	uint64_t v;
	if (rest->n < n ||
	    num_parse_u64(&v, str_first(*rest, n), (uint64_t)min, (uint64_t)max) != 0)
		return -1;
	*out = (int)v;
	*rest = str_from(*rest, n);
	return 0;
}

static int take_char(struct str *rest, char upper, char lower)
{
	if (rest->n == 0 || (rest->p[0] != upper && rest->p[0] != lower))
		return -1;
	*rest = str_from(*rest, 1);
	return 0;
}

static int days_in_month(int year, int month)
{
	int next_year = month == 12 ? year + 1 : year;
	int next_month = month == 12 ? 1 : month + 1;
	return (int)(clock_days(next_year, next_month, 1) - clock_days(year, month, 1));
}

static int take_date(int64_t *days, struct str *rest)
{
	int year, month, day;
	if (take_digits(&year, rest, 4, 0, 9999) != 0 || take_char(rest, '-', '-') != 0 ||
	    take_digits(&month, rest, 2, 1, 12) != 0 || take_char(rest, '-', '-') != 0 ||
	    take_digits(&day, rest, 2, 1, days_in_month(year, month)) != 0)
		return -1;
	*days = clock_days(year, month, day);
	return 0;
}

/* Milliseconds of "HH:MM:SS" with an optional fraction, of which three digits count. */
static int take_time(int64_t *ms, struct str *rest)
{
	int hour, minute, second;
	if (take_digits(&hour, rest, 2, 0, 23) != 0 || take_char(rest, ':', ':') != 0 ||
	    take_digits(&minute, rest, 2, 0, 59) != 0 || take_char(rest, ':', ':') != 0 ||
	    take_digits(&second, rest, 2, 0, 60) != 0)
		return -1;
	*ms = ((int64_t)hour * HOUR_S + (int64_t)minute * MINUTE_S + second) * MS;
	if (take_char(rest, '.', '.') != 0)
		return 0;
	int digit, weight = 100, n = 0;
	while (take_digits(&digit, rest, 1, 0, 9) == 0) {
		*ms += (int64_t)digit * weight;
		weight /= 10;
		n++;
	}
	return n > 0 ? 0 : -1;
}

/* "Z" or "+HH:MM", in seconds east of UTC. */
static int take_offset(int *out, struct str *rest)
{
	if (take_char(rest, 'Z', 'z') == 0) {
		*out = 0;
		return 0;
	}
	int west = rest->n > 0 && rest->p[0] == '-';
	int hour, minute;
	if (take_char(rest, '+', '-') != 0 || take_digits(&hour, rest, 2, 0, 23) != 0 ||
	    take_char(rest, ':', ':') != 0 || take_digits(&minute, rest, 2, 0, 59) != 0)
		return -1;
	*out = (hour * HOUR_S + minute * MINUTE_S) * (west ? -1 : 1);
	return 0;
}

static int parse_rfc3339(int64_t *out, struct str text)
{
	struct str rest = text;
	int64_t days, ms = 0;
	int offset_s = 0;
	if (take_date(&days, &rest) != 0)
		return -1;
	if (rest.n > 0) {
		if ((take_char(&rest, 'T', 't') != 0 && take_char(&rest, ' ', ' ') != 0) ||
		    take_time(&ms, &rest) != 0 || take_offset(&offset_s, &rest) != 0 || rest.n > 0)
			return -1;
	}
	*out = days * DAY_S * MS + ms - (int64_t)offset_s * MS;
	return 0;
}

static int parse_duration(int64_t *out, struct str text)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", MS },
		{ "m", (int64_t)MINUTE_S * MS },
		{ "h", (int64_t)HOUR_S * MS },
		{ "d", (int64_t)DAY_S * MS },
	};
	if (str_eq(text, STR("0"))) {
		*out = 0;
		return 0;
	}
	size_t digits = 0;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		int64_t n;
		if (!str_eq_cstr(str_from(text, digits), units[i].name))
			continue;
		if (num_parse_i64(&n, str_first(text, digits), 0, INT64_MAX / units[i].ms) != 0)
			return -1;
		*out = n * units[i].ms;
		return 0;
	}
	return -1;
}

int clock_parse_duration(int64_t *out_ms, struct str text, struct err *e)
{
	if (parse_duration(out_ms, text) != 0)
		return err_set(
		    e, ERR_INPUT,
		    "'%.*s' is no length of time (write it like 250ms, 30s, 15m, 2h, 7d)",
		    text.n > 64 ? 64 : (int)text.n, text.n > 0 ? text.p : "");
	return 0;
}

int clock_parse(int64_t *out, struct str text, int64_t now_ms, struct err *e)
{
	int64_t age, at;
	if (parse_rfc3339(out, text) == 0)
		return 0;
	if (parse_duration(&age, text) == 0 && !__builtin_sub_overflow(now_ms, age, &at)) {
		*out = at;
		return 0;
	}
	return err_set(
	    e, ERR_INPUT,
	    "'%.*s' is no time (write it like 2026-11-23T11:45:01Z, 2026-11-23, or as an "
	    "age: 15m, 2h, 7d)",
	    text.n > 64 ? 64 : (int)text.n, text.n > 0 ? text.p : "");
}
