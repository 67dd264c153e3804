/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* The one place that asks for the time. */

/* Milliseconds since 1970-01-01T00:00:00Z: for records. It may jump. */
int64_t clock_unix_ms(void);
/* Milliseconds of a clock that never jumps: for deadlines and durations. */
int64_t clock_mono_ms(void);

enum { CLOCK_TEXT = 32 };
/* "2026-11-23T11:45:01.123Z" (RFC 3339, UTC) for milliseconds since 1970; returns `out`. Times
 * outside the years 0 to 9999 are shown as the nearest one inside. */
const char *clock_format(char out[CLOCK_TEXT], int64_t unix_ms);

/*
 * Milliseconds since 1970 from what a person types: RFC 3339 ("2026-11-23T11:45:01Z", with an
 * offset or a fraction; a date alone is its midnight UTC), or an age before `now_ms` such as "90s",
 * "15m", "2h", "7d". ERR_INPUT otherwise.
 */
int clock_parse(int64_t *out, struct str text, int64_t now_ms, struct err *e) MUST_CHECK;

/* A length of time: "250ms", "30s", "15m", "2h", "7d", "0"; whole numbers only. ERR_INPUT. */
int clock_parse_duration(int64_t *out_ms, struct str text, struct err *e) MUST_CHECK;

/* Days from 1970-01-01 to a date of the Gregorian calendar, and back; month and day from 1. */
int64_t clock_days(int64_t year, int month, int day);
void clock_date(int64_t *year, int *month, int *day, int64_t days);

#endif
