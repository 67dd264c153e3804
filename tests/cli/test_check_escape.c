/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others in the logs of pipelines: nothing in it becomes a command. */

#include "cli/check_escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef void (*escape_fn)(struct buf *out, struct str s);

struct row {
	escape_fn escape;
	const char *in, *out;
};

static const struct row rows[] = {
	{ check_escape_github, "a: 100%, done", "a: 100%25, done" },
	{ check_escape_github, "one\r\n::error::two", "one%0D%0A::error::two" },
	{ check_escape_github, "tab\tand\x1b[31m", "tab\tand\\x1b[31m" },
	{ check_escape_github, "##[error]x", "#\\x23[error]x" },
	{ check_escape_github, "###", "#\\x23#" },
	{ check_escape_github_property, "a:b,c%d\n", "a%3Ab%2Cc%25d%0A" },
	{ check_escape_github_property, "m/\xc3\xa9.sql", "m/\xc3\xa9.sql" },
	{ check_escape_github_property, "m/\xff.sql", "m/\\xff.sql" },
	{ check_escape_azure, "100%\n##vso[task.x]y", "100%AZP25%0A#\\x23vso[task.x]y" },
	{ check_escape_azure_property, "a;b]c%d\r", "a%3Bb%5Dc%AZP25d%0D" },
	{ check_escape_azure, "\xe2\x80\xae", "\\xe2\\x80\\xae" },
	{ check_escape_uri, "db/a b#c?d%.sql", "db/a%20b%23c%3Fd%25.sql" },
	{ check_escape_uri, "\xc3\xa9", "%C3%A9" },
};

static void test_check_escape_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, 1024);
		rows[i].escape(&out, str_of(rows[i].in));
		assert_string_equal(out.p, rows[i].out);
	}
}

static void test_check_escape_hides_a_nul(void **state)
{
	AUTO(buf) struct buf out;
	(void)state;
	buf_init(&out, 1024);
	check_escape_github(&out, STR("a\0b"));
	assert_string_equal(out.p, "a\\x00b");
	buf_clear(&out);
	check_escape_uri(&out, STR("a\0b"));
	assert_string_equal(out.p, "a%00b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_escape_forms),
		cmocka_unit_test(test_check_escape_hides_a_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
