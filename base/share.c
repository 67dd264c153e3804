/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and percentages of things. Pure. */

#include "base/share.h"

#include "base/num.h"

enum { NUMBER_MAX = 100000, PERCENT_MAX = 100 };

int share_parse(struct share *out, struct str text, struct err *e)
{
	struct share s = { .is_percent = str_ends(text, STR("%")) };
	const struct str digits = s.is_percent ? str_first(text, text.n - 1) : text;
	if (num_parse_i64(&s.n, digits, 0, s.is_percent ? PERCENT_MAX : NUMBER_MAX) != 0)
		return err_set(e, ERR_INPUT,
			       "malformed share '%.*s' (expected a number such as 3, or a "
			       "percentage such as 10%%)",
			       STR_ARG(str_first(text, 32)));
	*out = s;
	return 0;
}

int64_t share_of(const struct share *s, int64_t total)
{
	if (!s->is_percent)
		return s->n < total ? s->n : total;
	/* In two parts, since the product of a large total may not fit. */
	const int64_t rest = total % 100 * s->n;
	return total / 100 * s->n + (rest + 99) / 100;
}

int share_is_exceeded(const struct share *s, int64_t part, int64_t total)
{
	if (!s->is_percent)
		return part > s->n;
	return part > total / 100 * s->n + total % 100 * s->n / 100;
}
