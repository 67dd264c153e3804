/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that can be read in two ways, from tables. */

#include "receiver/http_check.h"
#include "tests/support/check.h"

#include <string.h>

enum { HEADERS = 160 };

struct sample {
	const char *method, *target, *version;
	const char *headers; /* "Name: value" lines; parted at the first ": " */
	const char *problem; /* part of the message; NULL: taken */
};

/* Parts the lines of `text` in place. */
static size_t split_headers(struct header *headers, char *text)
{
	size_t n = 0;
	for (char *line = text; *line != '\0'; n++) {
		char *end = strchr(line, '\n');
		char *colon = strstr(line, ": ");
		assert_non_null(end);
		assert_true(colon != NULL && colon < end);
		headers[n].name = (struct str){ line, (size_t)(colon - line) };
		headers[n].value = (struct str){ colon + 2, (size_t)(end - colon - 2) };
		line = end + 1;
	}
	return n;
}

static void check_sample(const struct sample *s)
{
	static struct header headers[HEADERS];
	char text[4096];
	assert_true(strlen(s->headers) < sizeof text);
	memcpy(text, s->headers, strlen(s->headers) + 1);
	struct http_head head = { .method = str_of(s->method),
				  .target = str_of(s->target),
				  .version = str_of(s->version),
				  .headers = headers };
	head.n_headers = split_headers(headers, text);
	struct http_framing framing = { .length = 99 };
	struct err e = { 0 };
	int rc = http_check(&framing, &head, &e);
	if (s->problem == NULL) {
		check_ok(rc, &e);
		return;
	}
	if (rc == 0)
		fail_msg("taken: %s %s", s->target, s->headers);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(framing.length, 99);
	if (strstr(e.msg, s->problem) == NULL)
		fail_msg("'%s' instead of '%s'", e.msg, s->problem);
}

#define HOST "Host: a\n"

static const struct sample lines[] = {
	{ "POST", "/x", "HTTP/1.1", HOST, NULL },
	{ "GET", "/x?q=%20&y=+", "HTTP/1.1", HOST, NULL },
	{ "OPTIONS", "*", "HTTP/1.1", HOST, NULL },
	{ "", "/x", "HTTP/1.1", HOST, "method" },
	{ "PO ST", "/x", "HTTP/1.1", HOST, "method" },
	{ "PO\001ST", "/x", "HTTP/1.1", HOST, "method" },
	{ "POST", "", "HTTP/1.1", HOST, "target" },
	{ "POST", "/a b", "HTTP/1.1", HOST, "target" },
	{ "POST", "/a\tb", "HTTP/1.1", HOST, "target" },
	{ "POST", "/a\177", "HTTP/1.1", HOST, "target" },
	{ "POST", "/a\303\244", "HTTP/1.1", HOST, "target" },
	{ "POST", "/x", "", HOST, "version" },
	{ "POST", "/x", "HTTP/0.9", HOST, "version" },
	{ "POST", "/x", "HTTP/1.2", HOST, "version" },
	{ "POST", "/x", "HTTP/1.1 ", HOST, "version" },
	{ "POST", "/x", "HTTP/2.0", HOST, "version" },
	{ "POST", "/x", "http/1.1", HOST, "version" },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: b\tc\n", NULL },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: \n", NULL },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: gr\303\274n\n", NULL },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: gr\374n\n", "X-A" },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A : b\n", "name of header 2" },
	{ "POST", "/x", "HTTP/1.1", " X: 1\n" HOST, "name of header 1" },
	{ "POST", "/x", "HTTP/1.1", HOST "X\001: b\n", "name of header 2" },
	{ "POST", "/x", "HTTP/1.1", HOST "X(: b\n", "name of header 2" },
	{ "POST", "/x", "HTTP/1.1", HOST ": b\n", "name of header 2" },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: b\rc\n", "X-A" },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: b\033[2J\n", "X-A" },
	{ "POST", "/x", "HTTP/1.1", HOST "X-A: b\177\n", "X-A" },
};

static const struct sample hosts[] = {
	{ "GET", "/x", "HTTP/1.1", "X-A: b\n", "'Host' is missing" },
	{ "GET", "/x", "HTTP/1.0", "X-A: b\n", NULL },
	{ "GET", "/x", "HTTP/1.1", "Host: \n", NULL },
	{ "GET", "/x", "HTTP/1.1", "Host: [::1]:8420\n", NULL },
	{ "GET", "/x", "HTTP/1.1", "hOST: a\n", NULL },
	{ "GET", "/x", "HTTP/1.1", HOST HOST, "'Host' is there twice" },
	{ "GET", "/x", "HTTP/1.0", HOST "host: b\n", "'Host' is there twice" },
	{ "GET", "/x", "HTTP/1.1", "Host: a b\n", "'Host' is malformed" },
	{ "GET", "/x", "HTTP/1.1", "Host: a, b\n", "'Host' is malformed" },
	{ "GET", "/x", "HTTP/1.1", "Host: a/b\n", "'Host' is malformed" },
	{ "GET", "/x", "HTTP/1.1", "Host: me@a\n", "'Host' is malformed" },
};

#define POST11 "POST", "/x", "HTTP/1.1"

static const struct sample framings[] = {
	{ POST11, HOST "Content-Length: 5\n", NULL },
	{ POST11, HOST "Content-Length:  5 \n", NULL },
	{ POST11, HOST "Content-Length: 0\n", NULL },
	{ POST11, HOST "Content-Length: 9223372036854775807\n", NULL },
	{ POST11, HOST "Content-Length: 9223372036854775808\n", "no number" },
	{ POST11, HOST "Content-Length: 18446744073709551616\n", "no number" },
	{ POST11, HOST "Content-Length: \n", "no number" },
	{ POST11, HOST "Content-Length: +5\n", "no number" },
	{ POST11, HOST "Content-Length: -1\n", "no number" },
	{ POST11, HOST "Content-Length: 0x5\n", "no number" },
	{ POST11, HOST "Content-Length: 5, 5\n", "no number" },
	{ POST11, HOST "Content-Length: 5 5\n", "no number" },
	{ POST11, HOST "Content-Length: 5\nContent-Length: 5\n",
	  "'Content-Length' is there twice" },
	{ POST11, HOST "Content-Length: 5\ncontent-length: 3\n",
	  "'Content-Length' is there twice" },
	{ POST11, HOST "Transfer-Encoding: chunked\n", NULL },
	{ POST11, HOST "Transfer-Encoding: Chunked\n", NULL },
	{ POST11, HOST "Transfer-Encoding: xchunked\n", "is not 'chunked'" },
	{ POST11, HOST "Transfer-Encoding: gzip, chunked\n", "is not 'chunked'" },
	{ POST11, HOST "Transfer-Encoding: identity\n", "is not 'chunked'" },
	{ POST11, HOST "Transfer-Encoding: \n", "is not 'chunked'" },
	{ POST11, HOST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
	  "'Transfer-Encoding' is there twice" },
	{ POST11, HOST "Content-Length: 3\nTransfer-Encoding: chunked\n", "both" },
	{ POST11, HOST "Transfer-Encoding: chunked\nContent-Length: 3\n", "both" },
	{ "POST", "/x", "HTTP/1.0", HOST "Transfer-Encoding: chunked\n", "HTTP/1.0" },
};

#define CHECK_ALL(samples)                                                                         \
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples)[0]; i++)                          \
	check_sample(&(samples)[i])

static void test_http_check_lines(void **state)
{
	(void)state;
	CHECK_ALL(lines);
}

static void test_http_check_hosts(void **state)
{
	(void)state;
	CHECK_ALL(hosts);
}

static void test_http_check_framings(void **state)
{
	(void)state;
	CHECK_ALL(framings);
}

static void test_http_check_tells_the_framing(void **state)
{
	(void)state;
	struct header headers[] = { { STR("Host"), STR("a") },
				    { STR("Content-Length"), STR("12") } };
	struct http_head head = { STR("POST"), STR("/x"), STR("HTTP/1.1"), headers, 2, 0 };
	struct http_framing framing = { .chunked = 1 };
	struct err e = { 0 };
	check_ok(http_check(&framing, &head, &e), &e);
	assert_int_equal(framing.chunked, 0);
	assert_int_equal(framing.length, 12);
	headers[1] = (struct header){ STR("Transfer-Encoding"), STR("chunked") };
	check_ok(http_check(&framing, &head, &e), &e);
	assert_int_equal(framing.chunked, 1);
	assert_int_equal(framing.length, 0);
}

static void test_http_check_counts_headers(void **state)
{
	(void)state;
	static struct header headers[REQUEST_HEADERS_MAX + 1];
	for (size_t i = 0; i < REQUEST_HEADERS_MAX + 1; i++)
		headers[i] = (struct header){ STR("X"), STR("y") };
	struct http_head head = { STR("GET"), STR("/x"),           STR("HTTP/1.0"),
				  headers,    REQUEST_HEADERS_MAX, 0 };
	struct http_framing framing;
	struct err e = { 0 };
	check_ok(http_check(&framing, &head, &e), &e);
	head.n_headers++;
	assert_int_equal(http_check(&framing, &head, &e), -1);
}

/* A head as the library leaves it: NULs over colons and line ends. */
struct layout_sample {
	const char *bytes;
	size_t n;
	size_t method, target, version; /* where each begins */
	size_t name, value;             /* of the only header */
	int good;
};

#define LAYOUT(bytes, ...)                                                                         \
	{                                                                                          \
		bytes, sizeof bytes - 1, __VA_ARGS__                                               \
	}

static const struct layout_sample layouts[] = {
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0 a\0\0\0\0", 0, 4, 7, 17, 23, 1),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0\t  a\0\0\0\0", 0, 4, 7, 17, 25, 1),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0a\0\0\0\0", 0, 4, 7, 17, 22, 1),
	/* a bare LF behind the request line, the header, the head */
	LAYOUT("GET\0/x\0HTTP/1.1\0Host\0 a\0\0\0\0", 0, 4, 7, 16, 22, 0),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0 a\0\0\0", 0, 4, 7, 17, 23, 0),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0 a\0\0", 0, 4, 7, 17, 23, 0),
	/* a NUL in the target, in the value */
	LAYOUT("GET\0/x\0y\0HTTP/1.1\0\0Host\0 a\0\0\0\0", 0, 4, 9, 19, 25, 0),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0 a\0b\0\0\0\0", 0, 4, 7, 17, 23, 0),
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0 a\0\0\0\0b\0\0\0\0", 0, 4, 7, 17, 23, 0),
	/* two blanks before the target */
	LAYOUT("GET\0 /x\0HTTP/1.1\0\0Host\0 a\0\0\0\0", 0, 5, 8, 18, 24, 0),
	/* something else than blanks before the value */
	LAYOUT("GET\0/x\0HTTP/1.1\0\0Host\0xa\0\0\0\0", 0, 4, 7, 17, 23, 0),
	/* a folded line: the name was moved behind the value */
	LAYOUT("GET\0/x\0HTTP/1.1\0\0a\0\0\0\0Host\0", 0, 4, 7, 22, 17, 0),
};

static void test_http_check_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
		const struct layout_sample *s = &layouts[i];
		struct header h = { str_of(s->bytes + s->name), str_of(s->bytes + s->value) };
		struct http_head head = { str_of(s->bytes + s->method),
					  str_of(s->bytes + s->target),
					  str_of(s->bytes + s->version),
					  &h,
					  1,
					  s->n };
		struct err e = { 0 };
		if ((http_check_layout(&head, &e) == 0) != s->good)
			fail_msg("layout %zu: %s", i, s->good ? e.msg : "taken");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_check_lines),
		cmocka_unit_test(test_http_check_hosts),
		cmocka_unit_test(test_http_check_framings),
		cmocka_unit_test(test_http_check_tells_the_framing),
		cmocka_unit_test(test_http_check_counts_headers),
		cmocka_unit_test(test_http_check_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
