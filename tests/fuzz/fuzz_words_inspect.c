/* SPDX-License-Identifier: Apache-2.0 */
/* Facts by words over any text: it ends, and stays within the text. */

#include "db/words.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum words_dialect dialects[] = { WORDS_SQLITE, WORDS_MYSQL };
	const struct db_statement one = { .text = { (const char *)data, size } };
	for (size_t i = 0; i < 2; i++) {
		AUTO(arena) struct arena arena;
		struct db_inspection in;
		struct word w;
		size_t at = 0;
		arena_init(&arena, 64 << 20);
		do {
			size_t before = at;
			at = words_next(&w, one.text, at, dialects[i]);
			assert(at <= size && (w.kind == WORD_END || at > before));
		} while (w.kind != WORD_END);
		if (words_inspect(&in, dialects[i], &one, 1, &arena, NULL) == 0)
			assert(in.n > 0);
	}
	return 0;
}
