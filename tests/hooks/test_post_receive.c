/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a push: which are refs, which is the branch, and in pieces of any size. */

#include "base/buf.h"
#include "hooks/post_receive.h"
#include "tests/support/check.h"

#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "0123456789abcdef0123456789abcdef01234567"
#define ZERO "0000000000000000000000000000000000000000"
#define A64 A "aaaaaaaaaaaaaaaaaaaaaaaa"

static void test_post_receive_lines(void **state)
{
	static const struct {
		const char *line;
		const char *ref; /* NULL: refused */
	} rows[] = {
		{ A " " B " refs/heads/main", "refs/heads/main" },
		{ ZERO " " B " refs/heads/a/b", "refs/heads/a/b" },
		{ A64 " " A64 " refs/tags/v1", "refs/tags/v1" },
		{ A " " B " refs/heads/\xc3\xa4\xff", "refs/heads/\xc3\xa4\xff" },
		{ A " " B " refs/heads/a b", NULL },
		{ A " " B " refs/heads/a\tb", NULL },
		{ A " " B " main", NULL },
		{ A " " B " ", NULL },
		{ A " " B, NULL },
		{ A, NULL },
		{ "", NULL },
		{ A "  " B " refs/heads/main", NULL },
		{ A64 " " B " refs/heads/main", NULL },
		{ A "a " B " refs/heads/main", NULL },
		{ A " " B "\r refs/heads/main", NULL },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA " B " refs/heads/main", NULL },
		{ "g23456789abcdef0123456789abcdef012345678 " B " refs/heads/main", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct post_receive_change change = { .before = "untouched" };
		struct str ref = STR_NULL;
		int rc = post_receive_line(&change, &ref, str_of(rows[i].line));
		if (rc != (rows[i].ref != NULL ? 0 : -1) ||
		    (rc == 0 && !str_eq_cstr(ref, rows[i].ref)))
			fail_msg("row %zu gives %d '%.*s'", i, rc, STR_ARG(ref));
		if (rc != 0)
			assert_string_equal(change.before, "untouched");
	}
}

static void feed_in_pieces(struct post_receive *p, const char *text, size_t piece)
{
	struct str rest = str_of(text);
	post_receive_init(p, STR("main"));
	while (rest.n > 0) {
		post_receive_feed(p, str_first(rest, piece));
		rest = str_from(rest, piece);
	}
	post_receive_end(p);
}

static void test_post_receive_finds_the_branch_among_many(void **state)
{
	static const char text[] =
	    ZERO " " A " refs/tags/main\n" A " " B " refs/heads/mainz\n" A " " B
		 " refs/heads/main\nnonsense\n" B " " A " refs/heads/x/main";
	static struct post_receive p;
	(void)state;
	for (size_t piece = 1; piece < sizeof text; piece++) {
		feed_in_pieces(&p, text, piece);
		assert_int_equal(p.found, 1);
		assert_string_equal(p.change.before, A);
		assert_string_equal(p.change.after, B);
		assert_int_equal(p.refs, 4);
		assert_int_equal(p.malformed, 1);
		assert_int_equal(p.sha256, 0);
	}
}

static void test_post_receive_without_the_branch(void **state)
{
	static struct post_receive p;
	(void)state;
	feed_in_pieces(&p, A " " B " refs/heads/other\n", 7);
	assert_int_equal(p.found, 0);
	assert_int_equal(p.refs, 1);
	feed_in_pieces(&p, "", 1);
	assert_int_equal(p.refs + p.malformed, 0);
	feed_in_pieces(&p, A64 " " A64 " refs/heads/main\n", 100);
	assert_int_equal(p.sha256, 1);
}

static void test_post_receive_drops_endless_lines(void **state)
{
	static struct post_receive p;
	static char text[POST_RECEIVE_LINE_MAX * 3];
	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, A " " B " refs/heads/", sizeof(A " " B " refs/heads/") - 1);
	post_receive_init(&p, STR("main"));
	post_receive_feed(&p, (struct str){ text, sizeof text });
	post_receive_feed(&p, STR("\n" A " " B " refs/heads/main\n"));
	post_receive_end(&p);
	assert_int_equal(p.malformed, 1);
	assert_int_equal(p.refs, 1);
	assert_int_equal(p.found, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post_receive_lines),
		cmocka_unit_test(test_post_receive_finds_the_branch_among_many),
		cmocka_unit_test(test_post_receive_without_the_branch),
		cmocka_unit_test(test_post_receive_drops_endless_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
