/* SPDX-License-Identifier: Apache-2.0 */
/* A path: its version, canonical, must be the same version, and be found again in its own name. */

#include "base/buf.h"
#include "release/version.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = { (const char *)data, size };
	struct str version;
	struct str again;
	char canonical[VERSION_TEXT];
	char twice[VERSION_TEXT];
	struct err e;
	size_t half = str_find(path, '\n');
	if (version_canonical(canonical, path, &e) == 0)
		assert(version_compare(path, str_of(canonical)) == 0);
	/* Any two texts have an order, and the opposite one the other way round. */
	int order = version_compare(str_first(path, half), str_from(path, half + 1));
	int back = version_compare(str_from(path, half + 1), str_first(path, half));
	assert((order > 0) == (back < 0) && (order == 0) == (back == 0));
	if (!version_of_path(&version, path) || version_canonical(canonical, version, &e) != 0)
		return 0;
	assert(version_compare(version, str_of(canonical)) == 0);
	AUTO(buf) struct buf name;
	buf_init(&name, 4096);
	buf_addf(&name, "dir/V%s__x.sql", canonical);
	assert(version_of_path(&again, buf_str(&name)) && str_eq_cstr(again, canonical));
	assert(version_canonical(twice, again, &e) == 0 && strcmp(canonical, twice) == 0);
	return 0;
}
