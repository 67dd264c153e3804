/* SPDX-License-Identifier: Apache-2.0 */
/* A full name: what is taken is the one spelling of what it names. */

#include "release/name.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena arena;
	struct str text = { (const char *)data, size };
	struct name name;
	struct err e;
	arena_init(&arena, 1 << 24);
	if (name_parse(&name, text, &e) != 0) {
		assert(e.code == ERR_INPUT);
		return 0;
	}
	struct str again = name_text(&name, &arena);
	assert(str_eq(again, text));
	return 0;
}
