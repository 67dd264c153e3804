/* SPDX-License-Identifier: Apache-2.0 */
/* Which batch a database belongs to, and whether failures stop the next one. Pure. */

#include "release/batch.h"

#include "base/share.h"

int batch_freeze(int64_t *out, int64_t *batches, size_t n,
		 const struct conf_environment *environment, struct err *e)
{
	const struct str *shares = environment->batches.items;
	int64_t batch = 0;
	size_t placed = 0;
	for (size_t i = 0; i < environment->batches.n; i++) {
		struct share s;
		if (share_parse(&s, shares[i], e) != 0)
			return -1;
		const size_t until = (size_t)share_of(&s, (int64_t)n);
		batch += until > placed;
		while (placed < until)
			out[placed++] = batch;
	}
	batch += placed < n;
	while (placed < n)
		out[placed++] = batch;
	*batches = batch > 0 ? batch : 1;
	return 0;
}

int batch_is_stopped(const struct conf_environment *environment, size_t failed, size_t started)
{
	struct share threshold = { .n = 0 };
	struct err ignored;
	if (environment != NULL &&
	    share_parse(&threshold, environment->failure_threshold, &ignored) != 0)
		threshold = (struct share){ .n = 0 };
	return share_is_exceeded(&threshold, (int64_t)failed, (int64_t)started);
}
