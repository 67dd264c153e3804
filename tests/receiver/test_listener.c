/* SPDX-License-Identifier: Apache-2.0 */
/* The listener over real sockets: what it refuses, and its bounds. */

#include "tests/receiver/listener_fixture.h"

static struct rig *start(const char *settings)
{
	struct rig *rig = calloc(1, sizeof *rig);
	assert_non_null(rig);
	rig_start(rig, settings);
	return rig;
}

static void stop(struct rig *rig)
{
	rig_stop(rig);
	free(rig);
}

#define H "POST /x HTTP/1.1\r\nHost: a\r\n"
#define HELLO "Content-Length: 5\r\n\r\nhello"
#define CASE(name, status, closed, bytes)                                                          \
	{                                                                                          \
		name, status, closed, bytes, sizeof bytes - 1                                      \
	}

struct probe {
	const char *name;
	int status; /* 0: no answer, only closed */
	int closed;
	const char *bytes;
	size_t n;
};

static const struct probe probes[] = {
	CASE("plain", 200, 0, H HELLO),
	CASE("no Host", 400, 1, "POST /x HTTP/1.1\r\n" HELLO),
	CASE("two Host", 400, 1, H "Host: b\r\n" HELLO),
	CASE("two different Content-Length", 400, 1, H "Content-Length: 3\r\n" HELLO),
	CASE("the same Content-Length twice", 400, 1, H "Content-Length: 5\r\n" HELLO),
	CASE("Content-Length and chunked", 400, 1,
	     H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	CASE("xchunked", 400, 1, H "Transfer-Encoding: xchunked\r\n" HELLO),
	CASE("xchunked alone", 400, 1, H "Transfer-Encoding: xchunked\r\n\r\nhello"),
	CASE("chunked under 1.0", 400, 1,
	     "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	CASE("Content-Length: +5", 400, 1, H "Content-Length: +5\r\n\r\nhello"),
	CASE("Content-Length: 5, 5", 400, 1, H "Content-Length: 5, 5\r\n\r\nhello"),
	CASE("Content-Length: -1", 400, 1, H "Content-Length: -1\r\n\r\n"),
	CASE("bare LF everywhere", 400, 1, "POST /x HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello"),
	CASE("bare LF behind the request line", 400, 1, "POST /x HTTP/1.1\nHost: a\r\n" HELLO),
	CASE("bare LF behind a header", 400, 1, H "X-A: b\n" HELLO),
	CASE("bare LF for the empty line", 400, 1, H "Content-Length: 5\r\n\nhello"),
	CASE("bare CR in a header", 400, 1, H "X-A: b\rContent-Length: 5\r\n\r\n"),
	CASE("folded header", 400, 1, H "X-A: b\r\n c\r\n" HELLO),
	CASE("folded last header", 400, 1, H "Content-Length: 5\r\nX-A: b\r\n\tc\r\n\r\nhello"),
	CASE("folded length", 400, 1, H "X-A: b\r\n Content-Length: 5\r\n\r\n"),
	CASE("blank before the first header", 400, 1, "GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n"),
	CASE("blank before the colon", 400, 1, H "Content-Length : 5\r\n\r\nhello"),
	CASE("NUL in a value", 400, 1, H "X-A: b\0c\r\n" HELLO),
	CASE("NUL in a name", 400, 1, H "X-\0A: b\r\n" HELLO),
	CASE("NUL in the target", 400, 1, "GET /x\0y HTTP/1.1\r\nHost: a\r\n\r\n"),
	CASE("control byte in a value", 400, 1, H "X-A: b\001\r\n" HELLO),
	CASE("blank in the target", 400, 1, "GET /x y HTTP/1.1\r\nHost: a\r\n\r\n"),
	CASE("two blanks", 400, 1, "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n"),
	CASE("no version", 400, 1, "GET /x\r\n\r\n"),
	CASE("HTTP/1.7", 400, 1, "GET /x HTTP/1.7\r\nHost: a\r\n\r\n"),
	CASE("HTTP/2 preface", 505, 1, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	CASE("no colon", 400, 1, H "foo\r\n\r\n"),
	CASE("HTTP/1.0", 200, 1, "POST /x HTTP/1.0\r\n" HELLO),
	CASE("chunked", 200, 1, H "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"),
	CASE("bad chunk", 400, 1, H "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
	CASE("refused with its body unread", 405, 1, "POST /no HTTP/1.1\r\nHost: a\r\n" HELLO),
	CASE("refused without a body", 405, 0, "GET /no HTTP/1.1\r\nHost: a\r\n\r\n"),
};

static void test_listener_refuses_what_two_parsers_read_differently(void **state)
{
	(void)state;
	struct rig *rig = start("");
	int wrong = 0;
	for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
		const struct probe *p = &probes[i];
		struct reply r;
		client_talk(&r, rig->port, p->bytes, p->n);
		if (r.status != p->status || r.closed != p->closed || r.answers > 1) {
			print_error("%s: status %d closed %d answers %d\n", p->name, r.status,
				    r.closed, r.answers);
			wrong++;
		}
	}
	stop(rig);
	assert_int_equal(wrong, 0);
}

static void test_listener_takes_nothing_for_a_request_behind_a_refusal(void **state)
{
	(void)state;
	static const char smuggled[] =
	    H "Content-Length : 30\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char chunked[] = H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
					"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
	struct rig *rig = start("");
	struct reply r;
	int fd = client_open(rig->port);
	(void)client_send(fd, smuggled, sizeof smuggled - 1);
	client_read(&r, fd, 0, 3000);
	assert_int_equal(r.status, 400);
	assert_int_equal(r.answers, 1);
	assert_int_equal(r.closed, 1);
	(void)close(fd);
	fd = client_open(rig->port);
	(void)client_send(fd, chunked, sizeof chunked - 1);
	client_read(&r, fd, 0, 3000);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.answers, 1);
	assert_int_equal(r.closed, 1);
	(void)close(fd);
	stop(rig);
}

static void test_listener_bounds_the_head(void **state)
{
	(void)state;
	static char text[96 * 1024];
	struct rig *rig = start("");
	struct reply r;
	int n = snprintf(text, sizeof text, H "X-A: %070000d\r\n\r\n", 0);
	client_talk(&r, rig->port, text, (size_t)n);
	assert_int_equal(r.status, 431);
	assert_int_equal(r.closed, 1);
	size_t at = (size_t)snprintf(text, sizeof text, H);
	for (int i = 0; i < REQUEST_HEADERS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "X-%d: y\r\n", i);
	at += (size_t)snprintf(text + at, sizeof text - at, "\r\n");
	client_talk(&r, rig->port, text, at);
	assert_int_equal(r.status, 400);
	assert_int_equal(r.closed, 1);
	stop(rig);
}

static void test_listener_keeps_alive_and_pipelines(void **state)
{
	(void)state;
	struct rig *rig = start("listener_threads: 1");
	struct reply r;
	int fd = client_open(rig->port);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(client_send(fd, H HELLO, sizeof(H HELLO) - 1), 0);
		client_read(&r, fd, 1, 3000);
		assert_int_equal(r.status, 200);
	}
	static const char two[] = H HELLO "GET /last?a=b%20c HTTP/1.1\r\nHost: a\r\n\r\n";
	assert_int_equal(client_send(fd, two, sizeof two - 1), 0);
	client_read(&r, fd, 2, 3000);
	assert_int_equal(r.answers, 2);
	assert_string_equal(r.body, "{\"method\":\"GET\",\"path\":\"/last\","
				    "\"query\":\"a=b%20c\",\"bytes\":0}");
	assert_non_null(strstr(r.head, "Content-Type: application/json\r\n"));
	(void)close(fd);
	stop(rig);
}

static void test_listener_answers_head_without_a_body(void **state)
{
	(void)state;
	static const char two[] = "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
				  "HEAD /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct rig *rig = start("");
	char text[4096];
	size_t n = 0;
	int fd = client_open(rig->port);
	assert_int_equal(client_send(fd, two, sizeof two - 1), 0);
	for (ssize_t got = 1; got > 0; n += (size_t)got) {
		got = recv(fd, text + n, sizeof text - 1 - n, 0);
		assert_true(got >= 0);
	}
	text[n] = '\0';
	const char *second = strstr(text, "\r\n\r\n");
	assert_non_null(second);
	assert_int_equal(strncmp(second + 4, "HTTP/1.1 405 ", 13), 0);
	assert_string_equal(text + n - 4, "\r\n\r\n");
	(void)close(fd);
	stop(rig);
}

static void test_listener_answers_expect_continue(void **state)
{
	(void)state;
	struct rig *rig = start("");
	struct reply r;
	int fd = client_open(rig->port);
	static const char head[] = H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
	assert_int_equal(client_send(fd, head, sizeof head - 1), 0);
	client_read(&r, fd, 1, 200);
	assert_int_equal(r.status, 100);
	assert_int_equal(client_send(fd, "hello", 5), 0);
	client_read(&r, fd, 1, 3000);
	assert_int_equal(r.status, 200);
	(void)close(fd);
	static const char large[] = H "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n";
	client_talk(&r, rig->port, large, sizeof large - 1);
	assert_int_equal(r.status, 413);
	assert_int_equal(r.closed, 1);
	stop(rig);
}

/* Sends `total` bytes of a body in chunks of 8 KiB; stops when the server has closed. */
static size_t send_chunks(int fd, size_t total)
{
	static char chunk[8192 + 8];
	int head = snprintf(chunk, sizeof chunk, "2000\r\n");
	memset(chunk + head, 'x', 8192);
	size_t sent = 0;
	for (; sent < total; sent += 8192) {
		if (client_send(fd, chunk, (size_t)head + 8192) != 0 ||
		    client_send(fd, "\r\n", 2) != 0)
			break;
	}
	return sent;
}

/* An exchange ends a little after its client has the answer. */
static void check_no_bytes_in_flight(struct rig *rig)
{
	struct listener_stats stats = { .inflight_bytes = 1 };
	for (int i = 0; i < 200 && stats.inflight_bytes > 0; i++) {
		client_sleep(5);
		listener_stats(&stats, rig->listener);
	}
	assert_int_equal(stats.inflight_bytes, 0);
}

#define CHUNKED H "Transfer-Encoding: chunked\r\n\r\n"

static void test_listener_caps_bodies(void **state)
{
	(void)state;
	struct rig *rig = start("limits: {max_body: 64KiB}");
	struct reply r;
	static const char known[] = H "Content-Length: 65537\r\n\r\nxxxx";
	client_talk(&r, rig->port, known, sizeof known - 1);
	assert_int_equal(r.status, 413);
	assert_int_equal(r.closed, 1);

	int fd = client_open(rig->port);
	assert_int_equal(client_send(fd, CHUNKED, sizeof CHUNKED - 1), 0);
	assert_int_equal(send_chunks(fd, 65536), 65536);
	assert_int_equal(client_send(fd, "0\r\n\r\n", 5), 0);
	client_read(&r, fd, 1, 3000);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "\"bytes\":65536"));
	(void)close(fd);

	/* Without an end: the answer comes while the client still sends, and then the end. */
	fd = client_open(rig->port);
	assert_int_equal(client_send(fd, CHUNKED, sizeof CHUNKED - 1), 0);
	(void)send_chunks(fd, 1024 * 1024);
	client_read(&r, fd, 1, 3000);
	assert_int_equal(r.status, 413);
	check_no_bytes_in_flight(rig);
	assert_true(client_is_closed(fd, 4000));
	(void)close(fd);
	stop(rig);
}

static void test_listener_bounds_bytes_in_flight(void **state)
{
	(void)state;
	struct rig *rig = start("limits: {max_body: 64KiB, max_inflight: 100KiB}");
	static const char half[] = H "Content-Length: 65536\r\n\r\nx";
	struct reply r;
	int first = client_open(rig->port);
	assert_int_equal(client_send(first, half, sizeof half - 1), 0);
	client_sleep(100);
	client_talk(&r, rig->port, half, sizeof half - 1);
	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.head, "Retry-After: "));
	assert_int_equal(r.closed, 1);
	/* Chunked: what comes is counted. */
	int fd = client_open(rig->port);
	assert_int_equal(client_send(fd, CHUNKED, sizeof CHUNKED - 1), 0);
	(void)send_chunks(fd, 56 * 1024);
	client_read(&r, fd, 1, 3000);
	assert_int_equal(r.status, 503);
	(void)close(fd);
	(void)close(first);
	check_no_bytes_in_flight(rig);
	client_talk(&r, rig->port, H HELLO, sizeof(H HELLO) - 1);
	assert_int_equal(r.status, 200);
	stop(rig);
}

/* Otherwise a few hundred bytes from anybody would shut the receiver for everybody. */
static void test_listener_announced_bytes_are_not_in_flight(void **state)
{
	(void)state;
	struct rig *rig = start("limits: {max_body: 1MiB, max_inflight: 1MiB}");
	static const char head[] = H "Content-Length: 1048576\r\n\r\n";
	struct reply r;
	int fds[4];
	for (int i = 0; i < 4; i++) {
		fds[i] = client_open(rig->port);
		assert_int_equal(client_send(fds[i], head, sizeof head - 1), 0);
	}
	client_sleep(100);
	client_talk(&r, rig->port, H HELLO, sizeof(H HELLO) - 1);
	assert_int_equal(r.status, 200);
	for (int i = 0; i < 4; i++)
		(void)close(fds[i]);
	stop(rig);
}

static void test_listener_bounds_connections(void **state)
{
	(void)state;
	struct rig *rig = start("limits: {max_connections: 4}");
	int fds[4];
	struct reply r;
	for (int i = 0; i < 4; i++) {
		fds[i] = client_open(rig->port);
		assert_int_equal(client_send(fds[i], H HELLO, sizeof(H HELLO) - 1), 0);
		client_read(&r, fds[i], 1, 3000);
		assert_int_equal(r.status, 200);
	}
	client_talk(&r, rig->port, H HELLO, sizeof(H HELLO) - 1);
	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.head, "Retry-After: "));
	assert_int_equal(r.closed, 1);
	(void)close(fds[0]);
	client_sleep(100);
	client_talk(&r, rig->port, H HELLO, sizeof(H HELLO) - 1);
	assert_int_equal(r.status, 200);
	for (int i = 1; i < 4; i++)
		(void)close(fds[i]);
	stop(rig);
}

static void test_listener_says_what_it_cannot_listen_on(void **state)
{
	(void)state;
	struct rig *rig = start("");
	struct rig second = { .log = { .fd = -1 } };
	struct conf *conf = NULL;
	struct err e = { 0 };
	char text[128];
	(void)snprintf(text, sizeof text,
		       "listen: 127.0.0.1:%u\nstore: /tmp/unused.db\nenvironments: [{id: dev}]\n",
		       rig->port);
	check_ok(conf_parse(&conf, str_of(text), "test.yaml", &e), &e);
	assert_int_equal(live_init(&second.live, conf), 0);
	struct listener_options options = { .live = &second.live,
					    .log = &second.log,
					    .socket = -1 };
	assert_int_equal(listener_start(&second.listener, &options, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(e.sys, EADDRINUSE);
	live_destroy(&second.live);
	stop(rig);
}

static void test_listener_takes_over_a_socket(void **state)
{
	(void)state;
	struct rig *rig = start("");
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		stop(rig);
		print_message("no IPv6 here\n");
		return;
	}
	assert_int_equal(listen(fd, 8), 0);
	struct listener *l = NULL;
	struct err e = { 0 };
	struct listener_options options = { .live = &rig->live,
					    .log = &rig->log,
					    .routes = rig->routes,
					    .n_routes = 1,
					    .socket = fd };
	check_ok(listener_start(&l, &options, &e), &e);
	a.sin6_port = htons((uint16_t)listener_port(l));
	int client = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(client_send(client, H HELLO, sizeof(H HELLO) - 1), 0);
	struct reply r;
	client_read(&r, client, 1, 3000);
	assert_int_equal(r.status, 200);
	(void)close(client);
	listener_stop(l, 1000);
	stop(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener_refuses_what_two_parsers_read_differently),
		cmocka_unit_test(test_listener_takes_nothing_for_a_request_behind_a_refusal),
		cmocka_unit_test(test_listener_bounds_the_head),
		cmocka_unit_test(test_listener_keeps_alive_and_pipelines),
		cmocka_unit_test(test_listener_answers_head_without_a_body),
		cmocka_unit_test(test_listener_answers_expect_continue),
		cmocka_unit_test(test_listener_caps_bodies),
		cmocka_unit_test(test_listener_bounds_bytes_in_flight),
		cmocka_unit_test(test_listener_announced_bytes_are_not_in_flight),
		cmocka_unit_test(test_listener_bounds_connections),
		cmocka_unit_test(test_listener_says_what_it_cannot_listen_on),
		cmocka_unit_test(test_listener_takes_over_a_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
