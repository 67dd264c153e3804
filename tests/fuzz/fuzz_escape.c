/* SPDX-License-Identifier: Apache-2.0 */
/* Any text, in each of the forms for the logs of pipelines: one line of UTF-8, and no command. */

#include "cli/check_escape.h"
#include "cli/screen.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void (*escape_fn)(struct buf *out, struct str s);

static int has(struct str s, const char *what)
{
	const struct str wanted = str_of(what);
	for (size_t i = 0; i < s.n; i++) {
		if (str_starts(str_from(s, i), wanted))
			return 1;
	}
	return 0;
}

static void check(escape_fn escape, struct str text, const char *never)
{
	AUTO(buf) struct buf out;
	struct err e;
	buf_init(&out, 1 << 22);
	escape(&out, text);
	assert(buf_check(&out, &e) == 0);
	const struct str line = buf_str(&out);
	assert(str_is_utf8(line) && !has(line, "##"));
	for (size_t i = 0; i < line.n; i++)
		assert((unsigned char)line.p[i] >= ' ' || line.p[i] == '\t');
	for (size_t i = 0; never[i] != '\0'; i++)
		assert(memchr(line.p, never[i], line.n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = { (const char *)data, size };
	if (size > 1 << 16)
		return 0;
	check(check_escape_github, text, "\r\n");
	check(check_escape_github_property, text, "\r\n:,");
	check(check_escape_azure, text, "\r\n");
	check(check_escape_azure_property, text, "\r\n;]");
	check(check_escape_uri, text, "\r\n#?: ");
	check(screen_add, text, "\r\n\t");
	return 0;
}
