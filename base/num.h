/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * All narrowing, adding and parsing of numbers that come from outside. The functions return 0, or
 * -1 and leave the output untouched. They carry no message: the caller knows what the number was.
 */

/* Decimal digits only: no sign, blank, prefix or empty text; min <= value <= max. */
int num_parse_u64(uint64_t *out, struct str s, uint64_t min, uint64_t max) MUST_CHECK;
/* An optional leading '-', then digits. */
int num_parse_i64(int64_t *out, struct str s, int64_t min, int64_t max) MUST_CHECK;

int num_add(size_t *out, size_t a, size_t b) MUST_CHECK;
int num_mul(size_t *out, size_t a, size_t b) MUST_CHECK;

/* Narrowing that clamps, for sizes that only go into messages and library lengths. */
int num_clamp_int(size_t n);
int64_t num_clamp_i64(uint64_t n);

#endif
