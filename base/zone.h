/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/*
 * Local time in an IANA time zone, read from the system's zoneinfo (TZif, RFC 8536), without the
 * C library's process-wide TZ.
 */
struct zone;

/* Broken-down local time. */
struct zone_time {
	int year, month, day;     /* month 1..12, day 1..31 */
	int hour, minute, second; /* 0..23, 0..59, 0..59 */
	int offset_s;             /* east of UTC, in seconds */
};

/*
 * `name` is an IANA name such as "Europe/Berlin" or "UTC"; a name with "..", a leading '/', or
 * characters outside [A-Za-z0-9_+/-] is ERR_INPUT, an unknown one ERR_NOTFOUND, a file that is no
 * time zone or counts leap seconds ERR_INPUT. "UTC" needs no file. The caller frees.
 */
int zone_open(struct zone **out, const char *name, struct err *e) MUST_CHECK;
/* The same from the bytes of a TZif file, version 2 or later (RFC 8536). ERR_INPUT. */
int zone_parse(struct zone **out, struct str bytes, struct err *e) MUST_CHECK;
void zone_free(struct zone *z);

/* Local time at `unix_s`; times after the file's last transition follow its footer's rule. Times
 * outside the years 0 to 9999 (UTC) are taken as the nearest one inside. */
void zone_local(struct zone_time *out, const struct zone *z, int64_t unix_s);

AUTO_DEFINE(zone, struct zone *, zone_free);

#endif
