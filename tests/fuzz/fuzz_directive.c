/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a script: what is read from it is one of the known values, what is refused has a
 * line that is there, and a statement before it hides it. */

#include "base/buf.h"
#include "release/directive.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct directives d = { .mode = DIRECTIVE_MODE_NONE };
	struct db_place failed = { .line = 0 };
	struct err e = { .code = ERR_NONE };
	size_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (directives_read(&d, &failed, text, &e) != 0)
		assert(e.code == ERR_REFUSED && failed.line >= 1 && failed.line <= lines);
	assert(d.mode >= DIRECTIVE_MODE_NONE && d.mode <= DIRECTIVE_MODE_OFF);
	assert(d.isolation >= DB_ISOLATION_DEFAULT && d.isolation <= DB_SERIALIZABLE);
	AUTO(buf) struct buf behind;
	buf_init(&behind, size + 16);
	buf_adds(&behind, "select 1;\n");
	buf_add(&behind, text);
	assert(directives_read(&d, &failed, buf_str(&behind), &e) == 0);
	assert(d.mode == DIRECTIVE_MODE_NONE && d.isolation == DB_ISOLATION_DEFAULT);
	return 0;
}
