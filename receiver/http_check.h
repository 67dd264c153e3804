/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_HTTP_CHECK_H
#define RECEIVER_HTTP_CHECK_H

#include "base/err.h"
#include "base/str.h"
#include "vcs/provider.h"

#include <stdint.h>

/* Whether the head of a request can be read in one way only. Pure functions over what the HTTP
 * library parsed. */

/* A request's head as the library gives it. Values are not trimmed. */
struct http_head {
	struct str method;
	struct str target; /* with the query, not decoded */
	struct str version;
	const struct header *headers;
	size_t n_headers;
	size_t size; /* bytes from the method to the body, for http_check_layout */
};

/* Where its body ends. */
struct http_framing {
	int chunked;
	uint64_t length; /* 0 when there is none, or when it is chunked */
};

/*
 * ERR_INPUT, saying what is wrong, for: a method or header name that is no token (a blank before
 * the colon, too); a target with a blank, a control or a non-ASCII byte; another version than
 * HTTP/1.1 and HTTP/1.0; a value with a control byte or ill-formed UTF-8; more than
 * REQUEST_HEADERS_MAX headers; Host missing (1.1), repeated or malformed; Content-Length repeated
 * or not of digits; Transfer-Encoding repeated, other than "chunked", under HTTP/1.0 or beside
 * Content-Length. RFC 9112, sections 3.2, 5 and 6.
 */
int http_check(struct http_framing *out, const struct http_head *head, struct err *e) MUST_CHECK;

/*
 * What libmicrohttpd 0.9.75 takes without a trace in the strings: line ends of a bare LF, folded
 * headers, NUL bytes inside a line, blanks or CR lost from the request line. It parses in place,
 * putting NULs over the line ends, so the strings of a clean head lie in memory one behind the
 * other, parted by a blank, a colon or a CRLF, and fill it to its end. All strings must be those
 * that the library gave. ERR_INPUT. Not told apart: a NUL in the place of one of a CRLF's bytes.
 */
int http_check_layout(const struct http_head *head, struct err *e) MUST_CHECK;

#endif
