/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RECEIVER_HTTP_CLIENT_H
#define TESTS_RECEIVER_HTTP_CLIENT_H

/* A client over a raw socket, which sends any bytes and says what came back. */

#include "base/clock.h"
#include "tests/support/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct reply {
	int status;  /* of the last answer; 0: there was none */
	int answers; /* how many there were */
	int closed;  /* the server ended the connection */
	char head[2048];
	char body[2048];
};

static inline void client_sleep(int64_t ms)
{
	struct timespec pause = { .tv_sec = (time_t)(ms / 1000),
				  .tv_nsec = (long)(ms % 1000) * 1000000L };
	(void)nanosleep(&pause, NULL);
}

static inline int client_open(unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* 0, or -1 when the server has closed. */
static inline int client_send(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static inline size_t client_body_length(const char *head)
{
	const char *field = strstr(head, "Content-Length: ");
	return field != NULL ? (size_t)strtoull(field + 16, NULL, 10) : 0;
}

/* Take the first whole answer out of `text`; 0 when it is not all there. */
static inline size_t client_take(struct reply *out, const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");
	if (end == NULL)
		return 0;
	size_t head = (size_t)(end - text) + 4;
	assert_true(head < sizeof out->head);
	memcpy(out->head, text, head);
	out->head[head] = '\0';
	size_t body = client_body_length(out->head);
	assert_true(body < sizeof out->body);
	if (strlen(text + head) < body)
		return 0;
	memcpy(out->body, text + head, body);
	out->body[body] = '\0';
	out->status = (int)strtol(text + sizeof "HTTP/1.1", NULL, 10);
	if (out->status != 100)
		out->answers++;
	return head + body;
}

/* Read until `want` answers came (0: as many as come), the server closes, or `ms` went by. */
static inline void client_read(struct reply *out, int fd, int want, int64_t ms)
{
	static _Thread_local char text[16384];
	size_t n = 0;
	int64_t until = clock_mono_ms() + ms;
	*out = (struct reply){ .status = 0 };
	while ((want == 0 || out->answers < want) && clock_mono_ms() < until) {
		struct timeval wait = { .tv_usec = 20000 };
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
		ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			out->closed = 1;
			return;
		}
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
		for (size_t used; (used = client_take(out, text)) > 0; n -= used)
			memmove(text, text + used, n - used + 1);
	}
}

/* Whether the server ends the connection within `ms`. */
static inline int client_is_closed(int fd, int64_t ms)
{
	struct reply r;
	client_read(&r, fd, 0, ms);
	return r.closed;
}

/* Send all, read one answer and whether the connection ends behind it. */
static inline void client_talk(struct reply *out, unsigned port, const char *p, size_t n)
{
	int fd = client_open(port);
	assert_true(fd >= 0);
	(void)client_send(fd, p, n);
	client_read(out, fd, 1, 5000);
	if (!out->closed && out->answers > 0)
		out->closed = client_is_closed(fd, 60);
	(void)close(fd);
}

#endif
