/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, read back from a pipe. */

#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int pipe_ends[2];
static struct log out;

static int open_pipe(void **state)
{
	(void)state;
	if (pipe(pipe_ends) != 0 || fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	out = (struct log){ .fd = pipe_ends[1], .level = LOG_INFO };
	return 0;
}

static int close_pipe(void **state)
{
	(void)state;
	(void)close(pipe_ends[0]);
	return close(pipe_ends[1]);
}

/* What was written, without the time that stands first. */
static const char *read_line(void)
{
	static char line[8192];
	ssize_t n = read(pipe_ends[0], line, sizeof line - 1);
	line[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		return "";
	assert_memory_equal(line, "time=2", 6);
	assert_int_equal(line[29], ' ');
	return line + 30;
}

static void test_log_line_has_fields(void **state)
{
	(void)state;
	log_line(&out, LOG_INFO, "release made", LOG_TEXT("release", "r-1"), LOG_INT("files", -3));
	assert_string_equal(read_line(), "level=info msg=\"release made\" release=r-1 files=-3\n");
	log_line(&out, LOG_ERROR, "no fields");
	assert_string_equal(read_line(), "level=error msg=\"no fields\"\n");
}

static void test_log_line_absent_is_left_out(void **state)
{
	(void)state;
	log_line(&out, LOG_WARN, "m", LOG_STR("a", STR_NULL), LOG_STR("b", STR("")),
		 LOG_INT("c", 0));
	assert_string_equal(read_line(), "level=warn msg=\"m\" b=\"\" c=0\n");
}

/* What an attacker sends can neither forge a line nor reach the terminal. */
static void test_log_line_escapes(void **state)
{
	(void)state;
	static const struct {
		struct str value;
		const char *text;
	} rows[] = {
		{ { "plain-1/2", 9 }, "plain-1/2" },
		{ { "a b", 3 }, "\"a b\"" },
		{ { "a=b", 3 }, "\"a=b\"" },
		{ { "\"\\", 2 }, "\"\\\"\\\\\"" },
		{ { "x\nlevel=info", 12 }, "\"x\\nlevel=info\"" },
		{ { "\r\t\0\x1b[2J\x7f", 8 }, "\"\\r\\t\\u0000\\u001b[2J\\u007f\"" },
		{ { "\xc2\x9b"
		    "2J",
		    4 },
		  "\"\\u009b2J\"" },
		{ { "\xc3\xa9\xff", 3 }, "\"\xc3\xa9\xef\xbf\xbd\"" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		log_line(&out, LOG_INFO, "m", LOG_STR("k", rows[i].value));
		const char *line = read_line() + strlen("level=info msg=\"m\" k=");
		assert_memory_equal(line, rows[i].text, strlen(rows[i].text));
		assert_string_equal(line + strlen(rows[i].text), "\n");
	}
}

static void test_log_line_cuts_values(void **state)
{
	(void)state;
	char value[4001];
	for (size_t i = 0; i < sizeof value - 1; i += 2)
		memcpy(value + i, "\xc3\xa9", 3);
	value[0] = 'x';
	value[1] = 'y';
	log_line(&out, LOG_INFO, "m", LOG_STR("k", str_from(str_of(value), 1)));
	const char *line = read_line();
	size_t n = strlen(line);
	assert_in_range(n, 2000, 2040);
	assert_string_equal(line + n - 7, "\xc3\xa9...\"\n");
}

static void test_log_levels_and_no_place(void **state)
{
	(void)state;
	log_line(&out, LOG_DEBUG, "too low");
	assert_string_equal(read_line(), "");
	struct log none = { .fd = -1, .level = LOG_DEBUG };
	log_line(&none, LOG_ERROR, "nowhere");
	log_line(NULL, LOG_ERROR, "nowhere");
	struct log closed = { .fd = 12345, .level = LOG_DEBUG };
	log_line(&closed, LOG_ERROR, "nowhere");
	assert_string_equal(read_line(), "");
}

static void test_log_without_memory_says_so(void **state)
{
	(void)state;
	char line[256];
	mem_fail_after(0);
	log_line(&out, LOG_ERROR, "m");
	ssize_t n = read(pipe_ends[0], line, sizeof line - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "a log line was lost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_line_has_fields),
		cmocka_unit_test(test_log_line_absent_is_left_out),
		cmocka_unit_test(test_log_line_escapes),
		cmocka_unit_test(test_log_line_cuts_values),
		cmocka_unit_test(test_log_levels_and_no_place),
		cmocka_unit_test(test_log_without_memory_says_so),
	};
	return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
