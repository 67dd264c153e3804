/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from outside: parsed, added and narrowed with their range checked. */

#include "base/num.h"

#include <limits.h>

int num_parse_u64(uint64_t *out, struct str s, uint64_t min, uint64_t max)
{
	if (s.n == 0)
		return -1;
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return -1;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int num_parse_i64(int64_t *out, struct str s, int64_t min, int64_t max)
{
	int negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude;
	uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	if (num_parse_u64(&magnitude, negative ? str_from(s, 1) : s, 0, most) != 0)
		return -1;
	int64_t v;
	if (!negative)
		v = (int64_t)magnitude;
	else
		v = magnitude > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)magnitude;
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int num_add(size_t *out, size_t a, size_t b)
{
	size_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return -1;
	*out = sum;
	return 0;
}

int num_mul(size_t *out, size_t a, size_t b)
{
	size_t product;
	if (__builtin_mul_overflow(a, b, &product))
		return -1;
	*out = product;
	return 0;
}

int num_clamp_int(size_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

int64_t num_clamp_i64(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}
