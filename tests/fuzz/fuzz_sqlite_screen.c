/* SPDX-License-Identifier: Apache-2.0 */
/* Screening scripts for SQLite: a refusal always has a reason and a place inside the text. */

#include "db/db.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct db_script script = { .notice = NULL };
	struct err e = { .code = ERR_NONE };
	int rc = db_script_screen(&db_sqlite, text, &script, &e);
	check(script.statements <= size);
	if (rc == 0) {
		check(script.failed.line == 0);
		return 0;
	}
	check(e.code == ERR_REFUSED && e.msg[0] != '\0');
	check(script.failed.line > 0 && script.failed.line <= size + 1);
	check(script.failed.column > 0 && script.failed.column <= size + 1);
	return 0;
}
