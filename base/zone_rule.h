/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/*
 * The rule at the end of a TZif file: a POSIX TZ string such as "CET-1CEST,M3.5.0,M10.5.0/3", with
 * the times of RFC 8536 section 3.3.1 (-167 to 167 hours). Part of the zone module.
 */
enum zone_day_kind {
	ZONE_DAY_JULIAN,  /* Jn: 1..365, February 29 is never counted */
	ZONE_DAY_OF_YEAR, /* n: 0..365 */
	ZONE_DAY_OF_WEEK, /* Mm.w.d: weekday d (0 = Sunday) of week w (5 = last) of month m */
};

struct zone_change {
	enum zone_day_kind kind;
	int day;
	int week;
	int month;
	int time_s; /* local time of the day, in the offset that ends */
};

struct zone_rule {
	int standard_s; /* offsets in seconds east of UTC */
	int has_summer;
	int summer_s;
	struct zone_change start; /* of summer time */
	struct zone_change end;
};

/* ERR_INPUT off the grammar, or for a summer time without its two dates. */
int zone_rule_parse(struct zone_rule *out, struct str text, struct err *e) MUST_CHECK;

/* The offset at `unix_s`, which lies in the years 0 to 9999. */
int zone_rule_offset(const struct zone_rule *r, int64_t unix_s);

#endif
