/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and rules over any text: no crash, no endless recursion, places within the text. */

#include "db/inspect.h"
#include "release/lint.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena arena;
	struct err e;
	struct lint_policy policy;
	struct lint_file file = { .text = { (const char *)data, size }, .transactional = 1 };
	struct lint_context context = { .driver = &db_postgres, .policy = &policy };
	struct db_statement *list;
	struct db_place failed;
	struct db_inspection in;
	struct advice *advices;
	size_t n;
	arena_init(&arena, 256 << 20);
	lint_policy(&policy, NULL);
	if (db_script_split(&list, &file.n, &failed, &db_postgres, file.text, &arena, &e) != 0)
		return 0;
	if (db_inspect(&in, &db_postgres, file.text, list, file.n, &arena, &e) != 0)
		return 0;
	assert(in.n >= file.n);
	for (size_t i = 0; i < in.n; i++)
		assert(in.facts[i].statement < file.n && in.facts[i].place.line > 0);
	file.statements = list;
	file.inspection = &in;
	if (lint_file(&advices, &n, &context, &file, &arena, &e) == 0)
		assert(n <= LINT_ADVICES_MAX);
	return 0;
}
