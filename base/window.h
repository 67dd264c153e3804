/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include "base/err.h"
#include "base/str.h"
#include "base/zone.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Maintenance windows: times of the week in which something may begin, "Mon-Fri 22:00-04:00". A
 * window is what the clock on the wall shows: one in the hour that is left out when summer time
 * begins does not open on that day, one in the hour that comes twice opens twice.
 */
struct window {
	unsigned days; /* those on which it begins: bit 0 is Monday, bit 6 Sunday */
	int from_min;  /* minutes of the day, 0..1439 */
	int to_min;    /* exclusive, above from_min; above 1440: on the day after */
};

/*
 * DAYS HH:MM-HH:MM. DAYS is "daily", or days and ranges of days with commas: "Mon", "Sat,Sun",
 * "Mon-Wed,Fri", "Fri-Mon"; case does not count. An end at or before the beginning is on the next
 * day; 24:00 is the end of the day. ERR_INPUT.
 */
int window_parse(struct window *out, struct str text, struct err *e) MUST_CHECK;

/* Whether it is open at a local time. */
int window_is_open(const struct window *w, const struct zone_time *t);

/*
 * When one of the `n` (at least one) windows is open, not before `now_ms`: `now_ms` itself when one
 * is now, else the beginning of the next one, to the minute. `*which` is its place in the list.
 */
int64_t window_next(size_t *which, const struct window *list, size_t n, const struct zone *zone,
		    int64_t now_ms);

enum { WINDOW_TIME_TEXT = 32 };
/* "2026-11-23T22:00+01:00": to the minute, in local time. Returns `out`. */
const char *window_time(char out[WINDOW_TIME_TEXT], const struct zone *zone, int64_t unix_ms);

#endif
