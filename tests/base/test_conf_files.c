/* SPDX-License-Identifier: Apache-2.0 */
/* The sample that is installed: it loads, and what its comments call defaults are the defaults. */

#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Tests run in tests/. */
static const char sample[] = "../deploy/tidegate.yaml";

static struct conf *load(void)
{
	struct conf *c = NULL;
	struct err e = { .msg = "" };
	if (conf_load(&c, sample, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static void test_conf_sample_loads_with_its_secrets(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = load();
	struct err e = { .msg = "" };
	static const char *const names[] = { "PROD_PASSWORD", "GITHUB_TOKEN",
					     "GITHUB_WEBHOOK_SECRET" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(setenv(names[i], "x", 1), 0);
	if (conf_load_secrets(c, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(c->environments.n, 2);
	assert_int_equal(c->repositories.n, 1);
}

/* The value behind "default " in the sample's line of `key`, and the value that stands there. */
static int read_row(const char *line, char value[128], char fallback[128])
{
	const char *comment = strstr(line, "# default ");
	const char *colon = strstr(line, ": ");
	if (comment == NULL || colon == NULL || colon > comment)
		return 0;
	return sscanf(colon + 2, "%127[^ #\n]", value) == 1 &&
	       sscanf(comment + strlen("# default "), "%127[^; \n]", fallback) == 1;
}

/* Where the sample's value is what its comment calls the default, the file without the line must
 * give the same configuration. */
static void test_conf_sample_names_the_true_defaults(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = load();
	AUTO(buf) struct buf full, text, shown;
	AUTO(fclose) FILE *f = fopen(sample, "rb");
	char line[512], value[128], fallback[128];
	struct err e = { .msg = "" };
	int left_out = 0;
	buf_init(&full, 100000);
	buf_init(&text, 100000);
	buf_init(&shown, 100000);
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		int same = read_row(line, value, fallback) && strcmp(value, fallback) == 0;
		left_out += same;
		buf_adds(&text, same ? "\n" : line);
	}
	assert_true(left_out >= 18);
	/* A mapping whose keys are all left out has no value: the whole of it is a default. */
	char *limits = strstr(text.p, "limits:\n");
	assert_non_null(limits);
	limits[0] = '#';
	AUTO(conf) struct conf *bare = NULL;
	if (conf_parse(&bare, buf_str(&text), sample, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(conf_show(&full, c, &e), 0);
	assert_int_equal(conf_show(&shown, bare, &e), 0);
	assert_string_equal(full.p, shown.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_sample_loads_with_its_secrets),
		cmocka_unit_test(test_conf_sample_names_the_true_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
