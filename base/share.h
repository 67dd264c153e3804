/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* A number of things, or a share of all of them, as a person writes it: "3" or "10%". */
struct share {
	int is_percent;
	int64_t n; /* 0..100 when it is a percentage, else 0..100,000 */
};

/* Decimal digits, with '%' behind a percentage. ERR_INPUT. */
int share_parse(struct share *out, struct str text, struct err *e) MUST_CHECK;

/* How many of `total` that is: at most all, a percentage is rounded up. */
int64_t share_of(const struct share *s, int64_t total);
/* Whether `part` of `total` is more than that. */
int share_is_exceeded(const struct share *s, int64_t part, int64_t total);

#endif
