/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns over paths: what matches, what is refused, the literal prefix, and the time it takes. */

#include "base/clock.h"
#include "base/mem.h"
#include "vcs/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct match_row {
	const char *pattern;
	const char *path;
	int matches;
};

static const struct match_row match_rows[] = {
	/* the traps of pathspecs: what .gitignore users expect */
	{ "migrations/**/*.sql", "migrations/a.sql", 1 },
	{ "migrations/**/*.sql", "migrations/2024/a.sql", 1 },
	{ "migrations/**/*.sql", "migrations/2024/x/a.sql", 1 },
	{ "migrations/**/*.sql", "migrations/a.sqlx", 0 },
	{ "migrations/**/*.sql", "other/migrations/a.sql", 0 },
	{ "migrations/**/*.sql", "migrations.sql", 0 },
	{ "migrations/*.sql", "migrations/a.sql", 1 },
	{ "migrations/*.sql", "migrations/x/a.sql", 0 },
	{ "migrations/*.sql", "migrations/2024/x/a.sql", 0 },
	{ "migrations/*/*.sql", "migrations/x/a.sql", 1 },
	{ "migrations/*/*.sql", "migrations/a.sql", 0 },
	{ "*.sql", "a.sql", 1 },
	{ "*.sql", "x/a.sql", 0 },
	/* literals, case, dots */
	{ "a.sql", "a.sql", 1 },
	{ "a.sql", "A.sql", 0 },
	{ "a.sql", "aXsql", 0 },
	{ "a.sql", "a.sql.bak", 0 },
	{ "a.sql", "xa.sql", 0 },
	{ "*.sql", ".sql", 1 },
	{ "*", ".hidden", 1 },
	{ "**", ".git/x", 1 },
	{ ".*/x", ".a/x", 1 },
	/* stars */
	{ "*", "", 0 },
	{ "*", "a", 1 },
	{ "*", "a/b", 0 },
	{ "a*", "a", 1 },
	{ "a*c", "abc", 1 },
	{ "a*c", "ac", 1 },
	{ "a*c", "abcd", 0 },
	{ "a*b*c", "a1b2b3c", 1 },
	{ "a*b*c", "a1c2b", 0 },
	{ "*a*b", "aab", 1 },
	{ "*ab", "aaab", 1 },
	{ "*aab", "aaaab", 1 },
	{ "a**b", "axxb", 1 },
	{ "a**b", "ax/xb", 0 },
	{ "a***", "abc", 1 },
	{ "***", "abc", 1 },
	{ "***", "a/b", 0 },
	/* a double star is whole segments */
	{ "**", "a", 1 },
	{ "**", "a/b/c", 1 },
	{ "**/a", "a", 1 },
	{ "**/a", "x/a", 1 },
	{ "**/a", "x/y/a", 1 },
	{ "**/a", "x/ya", 0 },
	{ "a/**", "a/b", 1 },
	{ "a/**", "a/b/c", 1 },
	{ "a/**", "a", 0 },
	{ "a/**", "ab", 0 },
	{ "a/**/**", "a", 0 },
	{ "a/**/**", "a/b", 1 },
	{ "a/**/b", "a/b", 1 },
	{ "a/**/b", "a/x/y/b", 1 },
	{ "a/**/b", "a/x/y/c", 0 },
	{ "a/**/b/**/c", "a/b/c", 1 },
	{ "a/**/b/**/c", "a/1/b/2/3/c", 1 },
	{ "a/**/b/**/c", "a/c/b", 0 },
	{ "**/**/a", "a", 1 },
	{ "**/a/**/a", "a/a", 1 },
	{ "**/a/**/a", "a", 0 },
	{ "**/x/*.sql", "x/x/a.sql", 1 },
	{ "**/x/*.sql", "x/y/a.sql", 0 },
	{ "**/*/b", "b", 0 },
	{ "**/*/b", "a/b", 1 },
	/* one character */
	{ "?", "a", 1 },
	{ "?", "ab", 0 },
	{ "?", "/", 0 },
	{ "a?c", "a/c", 0 },
	{ "?", "\xc3\xa9", 1 },
	{ "??", "\xc3\xa9", 0 },
	{ "*??", "\xe2\x82\xac", 0 },
	{ "caf\xc3\xa9/*", "caf\xc3\xa9/x", 1 },
	{ "?", "\xff", 1 },
	{ "*", "\xff\xfe", 1 },
	{ "\xc3\xbf", "\xff", 0 },
	/* classes */
	{ "[0-9]*.sql", "1.sql", 1 },
	{ "[0-9]*.sql", "a.sql", 0 },
	{ "[abc]", "b", 1 },
	{ "[a-c]", "d", 0 },
	{ "[!a-c]", "d", 1 },
	{ "[^a-c]", "b", 0 },
	{ "[!a]", "", 0 },
	{ "x[!a]y", "x/y", 0 },
	{ "[]]", "]", 1 },
	{ "[!]]", "]", 0 },
	{ "[a-]", "-", 1 },
	{ "[-a]", "-", 1 },
	{ "[\\]a]", "]", 1 },
	{ "[a\\-c]", "b", 0 },
	{ "[{]", "{", 1 },
	{ "[*?]", "x", 0 },
	{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", 1 },
	{ "[!a]", "\xff", 1 },
	/* either */
	{ "{a,b}.sql", "a.sql", 1 },
	{ "{a,b}.sql", "b.sql", 1 },
	{ "{a,b}.sql", "c.sql", 0 },
	{ "{a,b}{1,2}", "b2", 1 },
	{ "{a,b}{1,2}", "ab", 0 },
	{ "{a,{b,c}d}", "cd", 1 },
	{ "{a,{b,c}d}", "c", 0 },
	{ "{db,app/sql}/*.sql", "app/sql/1.sql", 1 },
	{ "{db,app/sql}/*.sql", "app/1.sql", 0 },
	{ "m/{**/,}*.sql", "m/x/a.sql", 1 },
	{ "a{,b}", "a", 1 },
	{ "a{,b}", "ab", 1 },
	{ "{a}", "a", 1 },
	{ "{a,b}*", "bcd", 1 },
	{ "a,b", "a,b", 1 },
	{ "a}", "a}", 1 },
	{ "{[,],x}", ",", 1 },
	{ "{[}],x}", "}", 1 },
	/* escapes */
	{ "\\*", "*", 1 },
	{ "\\*", "a", 0 },
	{ "\\{a,b}", "{a,b}", 1 },
	{ "{\\,,b}", ",", 1 },
	{ "\\?", "?", 1 },
	{ "\\[a]", "[a]", 1 },
	{ "\\\\", "\\", 1 },
	{ "a\\/b", "a/b", 1 },
	{ "\\\xc3\xa9", "\xc3\xa9", 1 },
};

static struct glob *compiled(const char *pattern)
{
	struct glob *g = NULL;
	struct err e = { .code = ERR_NONE };
	if (glob_compile(&g, str_of(pattern), &e) != 0)
		fail_msg("'%s': %s", pattern, e.msg);
	return g;
}

static void test_glob_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof match_rows / sizeof match_rows[0]; i++) {
		const struct match_row *row = &match_rows[i];
		AUTO(glob) struct glob *g = compiled(row->pattern);
		if (glob_match(g, str_of(row->path)) != row->matches)
			fail_msg("'%s' on '%s' should be %d", row->pattern, row->path,
				 row->matches);
	}
}

/* A walk that leaves directories out by glob_may_match_below must not lose a match. */
static void test_glob_never_prunes_a_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof match_rows / sizeof match_rows[0]; i++) {
		const struct match_row *row = &match_rows[i];
		if (!row->matches)
			continue;
		AUTO(glob) struct glob *g = compiled(row->pattern);
		const struct str path = str_of(row->path);
		for (size_t n = 0; n < path.n; n++) {
			if (path.p[n] == '/' && !glob_may_match_below(g, str_first(path, n)))
				fail_msg("'%s' prunes '%s'", row->pattern, row->path);
		}
		assert_int_equal(glob_may_match_below(g, STR("")), 1);
	}
}

static void test_glob_prunes_what_cannot_match(void **state)
{
	static const struct match_row rows[] = {
		{ "*.sql", "src", 0 },
		{ "migrations/*.sql", "migrations", 1 },
		{ "migrations/*.sql", "migrations/x", 0 },
		{ "migrations/*.sql", "src", 0 },
		{ "migrations/**/*.sql", "migrations/x/y", 1 },
		{ "migrations/**/*.sql", "src", 0 },
		{ "*/sql/*.sql", "a", 1 },
		{ "*/sql/*.sql", "a/sql", 1 },
		{ "*/sql/*.sql", "a/src", 0 },
		{ "{a,b/c}/x", "b", 1 },
		{ "{a,b/c}/x", "c", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(glob) struct glob *g = compiled(rows[i].pattern);
		if (glob_may_match_below(g, str_of(rows[i].path)) != rows[i].matches)
			fail_msg("'%s' below '%s' should be %d", rows[i].pattern, rows[i].path,
				 rows[i].matches);
	}
}

static void test_glob_refuses(void **state)
{
	static const struct {
		const char *pattern;
		const char *says;
	} rows[] = {
		{ "", "empty" },
		{ "/a", "leading '/' (paths start at the root of the repository) at character 1" },
		{ "a//b", "an empty segment at character 3" },
		{ "a/", "an empty segment at character 2" },
		{ "./a", "a segment '.' or '..' at character 1" },
		{ "a/../b", "a segment '.' or '..' at character 3" },
		{ "a/.", "a segment '.' or '..'" },
		{ "a/\\.", "a segment '.' or '..'" },
		{ "ab[c", "'[' is not closed at character 3" },
		{ "[]", "'[' is not closed at character 1" },
		{ "[a-", "'[' is not closed" },
		{ "[a\\", "'[' is not closed" },
		{ "a{b", "'{' is not closed at character 2" },
		{ "{a,{b}", "'{' is not closed at character 1" },
		{ "{{{{{a}}}}}", "nested too deep at character 5" },
		{ "[z-a]", "runs backwards at character 2" },
		{ "[a/b]", "a '/' cannot stand inside '[...]' at character 3" },
		{ "[[:alpha:]]", "named character classes" },
		{ "a\\", "nothing behind it at character 2" },
		{ "{,a}/b", "leading '/'" },
		{ "a\xff", "not UTF-8" },
		{ "{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}", "more than 64 alternatives" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct glob *g = NULL;
		struct err e = { .code = ERR_NONE };
		assert_int_equal(glob_compile(&g, str_of(rows[i].pattern), &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_null(g);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("'%s' says: %s", rows[i].pattern, e.msg);
	}
}

static void test_glob_has_a_longest_pattern(void **state)
{
	static char text[GLOB_MAX + 1];
	(void)state;
	memset(text, 'a', sizeof text);
	struct glob *g = NULL;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(glob_compile(&g, (struct str){ text, sizeof text }, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(glob_compile(&g, (struct str){ "a\0b", 3 }, &e), -1);
	assert_int_equal(glob_compile(&g, (struct str){ text, GLOB_MAX }, &e), 0);
	assert_int_equal(glob_match(g, (struct str){ text, GLOB_MAX }), 1);
	glob_free(g);
}

static void test_glob_takes_64_alternatives(void **state)
{
	(void)state;
	AUTO(glob) struct glob *g = compiled("{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}");
	assert_int_equal(glob_match(g, STR("010101")), 1);
	assert_int_equal(glob_match(g, STR("010121")), 0);
}

static void test_glob_prefix(void **state)
{
	static const struct {
		const char *pattern;
		const char *prefix;
	} rows[] = {
		{ "db/migrations/[0-9]*.sql", "db/migrations" },
		{ "migrations/**/*.sql", "migrations" },
		{ "migrations/a.sql", "migrations" },
		{ "*.sql", "" },
		{ "a.sql", "" },
		{ "**", "" },
		{ "a/**", "a" },
		{ "a/b*/c", "a" },
		{ "a\\*b/x", "a*b" },
		{ "db/{a,b}/x", "db" },
		{ "db/{a,a}/x", "db/a" },
		{ "{db,dc}/x", "" },
		{ "db{/a,/b}/x", "db" },
		{ "caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x98\x80/*",
		  "caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x98\x80" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(glob) struct glob *g = compiled(rows[i].pattern);
		if (!str_eq_cstr(glob_prefix(g), rows[i].prefix))
			fail_msg("'%s' has prefix '%.*s'", rows[i].pattern,
				 STR_ARG(glob_prefix(g)));
		assert_true(str_eq_cstr(glob_pattern(g), rows[i].pattern));
	}
}

/* Patterns that make backtracking matchers take for ever. */
static void test_glob_takes_linear_time(void **state)
{
	static char path[4096];
	static const char *const patterns[] = {
		"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
		"**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b",
		"**/*a*a*a*/**/*a*a*a*/**/*a*a*a*/**/*a*a*a*/**/*a*a*a*/**/b",
	};
	(void)state;
	int64_t start = clock_mono_ms();
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		AUTO(glob) struct glob *g = compiled(patterns[i]);
		memset(path, 'a', sizeof path);
		assert_int_equal(glob_match(g, (struct str){ path, sizeof path }), 0);
		for (size_t at = 1; at < sizeof path; at += 2)
			path[at] = '/';
		assert_int_equal(glob_match(g, (struct str){ path, sizeof path - 1 }), 0);
	}
	assert_in_range(clock_mono_ms() - start, 0, 2000);
}

static void test_glob_survives_lack_of_memory(void **state)
{
	(void)state;
	int failed = 0;
	for (long calls = 0;; calls++) {
		struct glob *g = NULL;
		struct err e = { .code = ERR_NONE };
		mem_fail_after(calls);
		int rc = glob_compile(&g, STR("db/{a,b}[x-z]/**/*.sql"), &e);
		mem_fail_after(-1);
		glob_free(g);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
		failed++;
	}
	assert_in_range(failed, 2, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob_matches),
		cmocka_unit_test(test_glob_never_prunes_a_match),
		cmocka_unit_test(test_glob_prunes_what_cannot_match),
		cmocka_unit_test(test_glob_refuses),
		cmocka_unit_test(test_glob_has_a_longest_pattern),
		cmocka_unit_test(test_glob_takes_64_alternatives),
		cmocka_unit_test(test_glob_prefix),
		cmocka_unit_test(test_glob_takes_linear_time),
		cmocka_unit_test(test_glob_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
