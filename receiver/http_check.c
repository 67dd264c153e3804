/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request, held against RFC 9112 where two parsers could differ: what one of them
 * takes for a body, the other would take for the next request. It knows no socket and no library.
 */

#include "receiver/http_check.h"

#include "base/num.h"

#include <string.h>

enum { HOST_MAX = 255 };

/* RFC 9110, section 5.6.2. */
static int is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		int alnum =
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return 0;
	}
	return s.n > 0;
}

static int is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f)
			return 0;
	}
	return s.n > 0;
}

static int is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return 0;
	}
	return str_is_utf8(s);
}

/* Empty (RFC 9112, section 3.2), or a host and perhaps a port. */
static int is_host(struct str s)
{
	for (size_t i = 0; s.p != NULL && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("/\\@?#,", c) != NULL)
			return 0;
	}
	return s.n <= HOST_MAX;
}

/* The only value of a header: absent when there is none. */
static int single(struct str *out, const struct http_head *head, const char *name, struct err *e)
{
	struct str found = STR_NULL;
	struct str wanted = str_of(name);
	for (size_t i = 0; i < head->n_headers; i++) {
		if (!str_eq_nocase(head->headers[i].name, wanted))
			continue;
		if (found.p != NULL)
			return err_set(e, ERR_INPUT, "header '%s' is there twice", name);
		found = str_trim(head->headers[i].value);
	}
	*out = found;
	return 0;
}

static int check_lines(const struct http_head *head, struct err *e)
{
	if (!is_token(head->method))
		return err_set(e, ERR_INPUT, "the method is malformed");
	if (!is_target(head->target))
		return err_set(e, ERR_INPUT, "the request target holds a byte that is not allowed");
	if (!str_eq_cstr(head->version, "HTTP/1.1") && !str_eq_cstr(head->version, "HTTP/1.0"))
		return err_set(e, ERR_INPUT, "unknown HTTP version");
	if (head->n_headers > REQUEST_HEADERS_MAX)
		return err_set(e, ERR_INPUT, "more than %d headers", REQUEST_HEADERS_MAX);
	for (size_t i = 0; i < head->n_headers; i++) {
		if (!is_token(head->headers[i].name))
			return err_set(e, ERR_INPUT, "the name of header %zu is malformed", i + 1);
		if (!is_value(head->headers[i].value))
			return err_set(e, ERR_INPUT,
				       "header '%.*s' holds a byte that is not allowed",
				       STR_ARG(str_first(head->headers[i].name, 64)));
	}
	return 0;
}

int http_check(struct http_framing *out, const struct http_head *head, struct err *e)
{
	struct str host = STR_NULL, length = STR_NULL, encoding = STR_NULL;
	struct http_framing framing = { .chunked = 0 };
	if (check_lines(head, e) != 0 || single(&host, head, "Host", e) != 0 ||
	    single(&length, head, "Content-Length", e) != 0 ||
	    single(&encoding, head, "Transfer-Encoding", e) != 0)
		return -1;
	int old = str_eq_cstr(head->version, "HTTP/1.0");
	if (host.p == NULL && !old)
		return err_set(e, ERR_INPUT, "header 'Host' is missing");
	if (!is_host(host))
		return err_set(e, ERR_INPUT, "header 'Host' is malformed");
	if (encoding.p != NULL && old)
		return err_set(e, ERR_INPUT, "HTTP/1.0 has no 'Transfer-Encoding'");
	if (encoding.p != NULL && length.p != NULL)
		return err_set(e, ERR_INPUT,
			       "'Content-Length' and 'Transfer-Encoding' are both there");
	if (encoding.p != NULL && !str_eq_nocase(encoding, STR("chunked")))
		return err_set(e, ERR_INPUT, "'Transfer-Encoding' is not 'chunked'");
	if (length.p != NULL && num_parse_u64(&framing.length, length, 0, INT64_MAX) != 0)
		return err_set(e, ERR_INPUT, "'Content-Length' is no number");
	framing.chunked = encoding.p != NULL;
	*out = framing;
	return 0;
}

/* How far `b` lies behind the end of `a`; huge when it lies before it or elsewhere. */
static uintptr_t distance(struct str a, const char *b)
{
	return (uintptr_t)b - ((uintptr_t)a.p + a.n);
}

/* A value follows its name after the colon, now a NUL, and blanks. */
static int value_follows(const struct header *h)
{
	const uintptr_t line_max = 64 * 1024; /* of the library's buffer */
	uintptr_t gap = distance(h->name, h->value.p);
	if (gap == 0 || gap > line_max)
		return 0;
	for (uintptr_t i = 1; i < gap; i++) {
		char c = h->name.p[h->name.n + i];
		if (c != ' ' && c != '\t')
			return 0;
	}
	return 1;
}

int http_check_layout(const struct http_head *head, struct err *e)
{
	if (distance(head->method, head->target.p) != 1 ||
	    distance(head->target, head->version.p) != 1)
		return err_set(e, ERR_INPUT, "the request line is malformed");
	struct str line = head->version;
	for (size_t i = 0; i < head->n_headers; i++) {
		const struct header *h = &head->headers[i];
		if (distance(line, h->name.p) != 2 || !value_follows(h))
			return err_set(e, ERR_INPUT,
				       "a header line is folded, holds a NUL or does not end "
				       "in CR LF");
		line = h->value;
	}
	/* CR LF CR LF, with NULs over them */
	static const char ends[4];
	if (distance(line, head->method.p + head->size) != sizeof ends ||
	    memcmp(line.p + line.n, ends, sizeof ends) != 0)
		return err_set(e, ERR_INPUT, "the head does not end in an empty line of CR LF");
	return 0;
}
