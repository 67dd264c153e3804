/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* One POST by libcurl: http and https only, no redirects, within a time. */
struct http_post {
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t n_headers;
	struct str body;
	int64_t timeout_ms;
	int direct; /* past any proxy: the server is on this host */
	/* out */
	int status;
	struct buf answer; /* the caller inits it; what does not fit is dropped */
};

/* ERR_UNAVAILABLE when no answer came, ERR_INPUT for a url that is none. */
int http_send(struct http_post *post, struct err *e) MUST_CHECK;

#endif
