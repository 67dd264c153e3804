/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and percentages: what parses is a part of any total, and no more than all of it. */

#include "base/share.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t totals[] = { 0, 1, 7, 100, 100000, INT64_C(1) << 60 };
	struct share s;
	struct err e = { .code = ERR_NONE };
	if (share_parse(&s, (struct str){ (const char *)data, size }, &e) != 0) {
		assert(e.code == ERR_INPUT);
		return 0;
	}
	for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
		const int64_t part = share_of(&s, totals[i]);
		assert(part >= 0 && part <= totals[i]);
		assert(!share_is_exceeded(&s, 0, totals[i]));
	}
	return 0;
}
