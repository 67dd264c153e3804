/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting scripts for MySQL. Beyond not crashing: the statements lie in the text in their order,
 * their places grow, and each one by itself is the same single statement again.
 */

#include "db/db.h"
#include "db/mysql_sql.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_statement(const struct db_statement *s, struct str text)
{
	const unsigned known = DB_OUTSIDE | DB_CONTROL | DB_SESSION | DB_REPEATABLE;
	check(s->text.n > 0 && s->text.p >= text.p && s->text.p + s->text.n <= text.p + text.n);
	check(s->place.line > 0 && s->place.column > 0);
	check((s->flags & ~known) == 0 && (s->flags == 0 || s->kind != NULL));
	struct db_statement again = { .text = s->text };
	mydb_classify(&again);
	check(again.flags == s->flags && again.kind == s->kind);
	(void)mydb_changes_rows(s->text, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct db_statement *list = NULL;
	struct db_place failed;
	struct err e = { .code = ERR_NONE };
	size_t n = 0;
	AUTO(arena) struct arena arena;
	arena_init(&arena, (size_t)16 << 20);
	if (db_script_split(&list, &n, &failed, &db_mysql, text, &arena, &e) != 0) {
		check(e.code == ERR_REFUSED && e.msg[0] != '\0');
		check(failed.line > 0 && failed.column > 0);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		check(list[i].place.statement == i + 1);
		check(i == 0 || list[i].text.p >= list[i - 1].text.p + list[i - 1].text.n);
		check(i == 0 || list[i].place.line >= list[i - 1].place.line);
		check_statement(&list[i], text);
	}
	return 0;
}
