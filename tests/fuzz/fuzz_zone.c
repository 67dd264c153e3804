/* SPDX-License-Identifier: Apache-2.0 */
/* TZif files of any bytes, and the local times that they give. */

#include "base/zone.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_time(const struct zone *z, int64_t at)
{
	struct zone_time t;
	zone_local(&t, z, at);
	assert(t.year >= -1 && t.year <= 10000);
	assert(t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31);
	assert(t.hour >= 0 && t.hour <= 23 && t.minute >= 0 && t.minute <= 59);
	assert(t.second >= 0 && t.second <= 59);
	assert(t.offset_s > -26 * 3600 && t.offset_s < 27 * 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(zone) struct zone *z = NULL;
	struct err e = { .code = ERR_NONE };
	if (zone_parse(&z, (struct str){ (const char *)data, size }, &e) != 0) {
		assert(z == NULL && e.code == ERR_INPUT);
		return 0;
	}
	static const int64_t times[] = { INT64_MIN,  -4000000000,  -1,
					 0,          1774745999,   1795434301,
					 4853844438, 253402300799, INT64_MAX };
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		check_time(z, times[i]);
	return 0;
}
