/* SPDX-License-Identifier: Apache-2.0 */
/* A script, for each driver: what is decided about it holds for its statements, which lie in the
 * text one behind the other; what is refused has a reason, and its place is in the text. */

#include "release/script.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statements(const struct script *s, struct str text)
{
	const char *at = text.p;
	for (size_t i = 0; i < s->n; i++) {
		const struct db_statement *st = &s->statements[i];
		assert(st->text.n > 0 && st->text.p >= at);
		assert(st->text.p + st->text.n <= text.p + text.n);
		assert(st->place.statement == i + 1 && st->place.line >= 1 &&
		       st->place.column >= 1);
		at = st->text.p + st->text.n;
		/* What could leave the one transaction is not in it. */
		if (s->way == SCRIPT_TRANSACTION)
			assert((st->flags & (DB_OUTSIDE | DB_CONTROL)) == 0);
		assert(script_control(st) != SCRIPT_OTHER_CONTROL);
		assert(script_kind(st).p != NULL);
	}
	assert(script_open_at(s, s->n) == 0);
	assert((s->why[0] != '\0') == (s->way == SCRIPT_STEPWISE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	size_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	for (const struct db_driver *const *d = db_drivers(); *d != NULL; d++) {
		AUTO(arena) struct arena arena;
		struct script script;
		struct db_place failed = { .line = 0 };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, (size_t)64 << 20);
		if (script_read(&script, &failed, *d, text, &arena, &e) == 0)
			check_statements(&script, text);
		else
			assert(e.code != ERR_NONE && e.msg[0] != '\0' && failed.line <= lines);
	}
	return 0;
}
