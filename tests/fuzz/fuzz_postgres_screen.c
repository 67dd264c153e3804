/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Screening scripts for PostgreSQL. Beyond not crashing: where PostgreSQL's own grammar can split a
 * script, our lexer must find the same statements, because it alone decides on newer syntax.
 */

#include "base/mem.h"
#include "db/place.h"
#include "db/postgres_sql.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void compare_splits(struct str text)
{
	struct postgres_statement *parsed = NULL, *lexed = NULL;
	size_t n = 0, m = 0;
	check(postgres_split(&parsed, &n, text, NULL) == 0);
	check(postgres_split_lexed(&lexed, &m, text, NULL) == 0);
	check(n == m);
	for (size_t i = 0; i < n; i++) {
		check(parsed[i].start == lexed[i].start && lexed[i].start < lexed[i].end);
		check(i == 0 || lexed[i - 1].end <= lexed[i].start);
		check(lexed[i].end <= text.n);
	}
	mem_free(parsed);
	mem_free(lexed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct db_script script = { .notice = NULL };
	struct err e = { .code = ERR_NONE };
	if (db_script_screen(&db_postgres, text, &script, &e) != 0) {
		check(e.code == ERR_REFUSED && e.msg[0] != '\0');
		check(script.failed.line > 0 && script.failed.column > 0);
	}
	if (memchr(data, 0, size) != NULL)
		return 0;
	char *copy = mem_copy(data, size);
	check(copy != NULL);
	compare_splits((struct str){ copy, size });
	mem_free(copy);
	return 0;
}
