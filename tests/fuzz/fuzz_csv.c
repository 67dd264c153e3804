/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values, and an export of Bytebase in them: whatever the bytes are, records lie
 * within the text or the arena, and every line is counted. */

#include "base/csv.h"
#include "release/adopt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void read_records(struct str text)
{
	AUTO(arena) struct arena arena;
	struct str fields[CSV_FIELDS_MAX];
	struct csv c;
	struct err e;
	size_t n, bytes = 0;
	arena_init(&arena, (size_t)1 << 26);
	csv_init(&c, text, &arena);
	while (csv_next(fields, &n, &c, &e) == 1) {
		if (n == 0 || n > CSV_FIELDS_MAX || c.line == 0 || c.line >= c.next_line + 1)
			abort();
		for (size_t i = 0; i < n; i++)
			bytes += fields[i].n;
	}
	if (bytes > text.n)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const struct str text = { (const char *)data, size };
	AUTO(arena) struct arena arena;
	struct adopt_history history = { .n = 0 };
	struct err e;
	read_records(text);
	arena_init(&arena, (size_t)1 << 26);
	if (adopt_bytebase_csv(&history, text, &arena, &e) == 0 && history.n > size)
		abort();
	struct adopt_history pages = { .n = 0 };
	struct str next;
	if (adopt_bytebase_json(&pages, &next, text, &arena, &e) == 0 && pages.n > size)
		abort();
	return 0;
}
