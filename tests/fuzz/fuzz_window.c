/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintenance windows: the input is the text of one. What parses is found, open where it is said to
 * open, and not open the minute before.
 */

#include "base/window.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_next(const struct window *w)
{
	static const int64_t now_ms = INT64_C(1795434301000); /* 2026-11-23 */
	AUTO(zone) struct zone *utc = NULL;
	struct zone_time t;
	struct err e;
	size_t which;
	if (zone_open(&utc, "UTC", &e) != 0)
		return;
	const int64_t at = window_next(&which, w, 1, utc, now_ms);
	assert(at >= now_ms && which == 0);
	zone_local(&t, utc, at / 1000);
	assert(window_is_open(w, &t));
	zone_local(&t, utc, at / 1000 - 60);
	assert(at == now_ms || !window_is_open(w, &t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = { (const char *)data, size };
	struct window w;
	struct err e = { .code = ERR_NONE };
	if (window_parse(&w, text, &e) != 0) {
		assert(e.code == ERR_INPUT);
		return 0;
	}
	assert(w.days != 0 && w.days < 128);
	assert(w.from_min >= 0 && w.from_min < w.to_min && w.to_min < w.from_min + 1441);
	check_next(&w);
	return 0;
}
