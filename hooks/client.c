/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to the daemon of this host. One short request at a time. */

#include "hooks/client.h"

#include "base/auto.h"
#include "base/json.h"
#include "base/num.h"

#include <curl/curl.h>

#include <errno.h>
#include <inttypes.h>

enum { ANSWER_MAX = 4 * 1024 * 1024, PATH_TEXT = 256 };

AUTO_DEFINE(curl, CURL *, curl_easy_cleanup);
AUTO_DEFINE(curl_slist, struct curl_slist *, curl_slist_free_all);

struct call {
	struct str socket;
	char url[PATH_TEXT];
	struct str body; /* absent: GET */
	int64_t timeout_ms;
	/* out */
	long status;
	struct buf answer;
};

int client_init(struct err *e)
{
	/* No TLS: nothing here leaves the host. */
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return err_set(e, ERR_SYS, "cannot start libcurl");
	return 0;
}

void client_shutdown(void)
{
	curl_global_cleanup();
}

static size_t take_answer(char *bytes, size_t size, size_t n, void *context)
{
	struct buf *answer = context;
	buf_add(answer, (struct str){ bytes, size * n }); /* size is always 1 */
	/* Over the maximum the transfer ends with an error. */
	return buf_check(answer, NULL) == 0 ? size * n : 0;
}

static int set_up(CURL *curl, struct curl_slist *headers, struct call *c, const char *socket)
{
	int failed = 0;
	failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_URL, c->url) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)&c->answer) != CURLE_OK;
	if (c->body.p == NULL)
		return failed ? -1 : 0;
	failed |= curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body.p) != CURLE_OK;
	failed |=
	    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n) != CURLE_OK;
	return failed ? -1 : 0;
}

/* Why no connection came about. */
static int fail_connect(CURL *curl, const char *socket, struct err *e)
{
	long why = 0;
	if (curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &why) != CURLE_OK)
		why = 0;
	if (why == EACCES || why == EPERM)
		return err_set(e, ERR_AUTH,
			       "this user may not use the daemon's socket '%s' (add the user to "
			       "the group of the socket)",
			       socket);
	if (why == EAGAIN)
		return err_set(e, ERR_UNAVAILABLE, "the daemon has too much to do");
	return err_set(e, ERR_NOTFOUND, "nobody listens on '%s'", socket);
}

static int perform(struct call *c, struct err *e)
{
	AUTO(curl) CURL *curl = curl_easy_init();
	AUTO(curl_slist) struct curl_slist *headers = NULL;
	AUTO(free) char *socket = str_to_cstr(c->socket, e);
	if (socket == NULL)
		return -1;
	/* No waiting for 100: the body is small. */
	headers = curl_slist_append(NULL, "Expect:");
	if (headers == NULL || curl_slist_append(headers, "Content-Type: application/json") == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (c->timeout_ms < 1)
		return err_set(e, ERR_UNAVAILABLE, "the time is over");
	if (curl == NULL || set_up(curl, headers, c, socket) != 0)
		return err_set(e, ERR_NOMEM, "cannot prepare the request to the daemon");
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_COULDNT_CONNECT)
		return fail_connect(curl, socket, e);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, ERR_UNAVAILABLE, "the daemon does not answer on '%s'", socket);
	if (code != CURLE_OK ||
	    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status) != CURLE_OK)
		return err_set(e, ERR_UNAVAILABLE, "no answer from the daemon on '%s': %s", socket,
			       curl_easy_strerror(code));
	return 0;
}

/* What an answer other than 2xx says. */
static int fail_answer(const struct call *c, struct arena *arena, struct err *e)
{
	struct json *root = NULL;
	struct err ignored;
	struct str message = STR_NULL;
	if (json_parse(&root, buf_str(&c->answer), arena, &ignored) == 0)
		message = str_first(json_str(json_get(root, "message")), 300);
	if (message.n == 0 || str_has_control(message))
		message = STR("it gave no reason");
	return err_set(e, c->status >= 500 ? ERR_UNAVAILABLE : ERR_REFUSED,
		       "the daemon answered %ld: %.*s", c->status, STR_ARG(message));
}

static int call(struct call *c, struct arena *arena, struct err *e)
{
	if (perform(c, e) != 0)
		return -1;
	return c->status / 100 == 2 ? 0 : fail_answer(c, arena, e);
}

int client_hand_in(int64_t *delivery, const struct conf *conf, struct str repository,
		   struct str body, int64_t timeout_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct call c = { .socket = conf->hook_socket, .body = body, .timeout_ms = timeout_ms };
	struct json *root;
	arena_init(&arena, 4 * ANSWER_MAX);
	buf_init(&c.answer, ANSWER_MAX);
	(void)snprintf(c.url, sizeof c.url, "http://localhost/hooks/%.*s", STR_ARG(repository));
	int rc = call(&c, &arena, e);
	AUTO(buf) struct buf answer = c.answer;
	if (rc != 0)
		return -1;
	if (json_parse(&root, buf_str(&answer), &arena, e) != 0 ||
	    num_parse_i64(delivery, json_str(json_get(root, "delivery")), 1, INT64_MAX) != 0)
		return err_set(e, ERR_UNAVAILABLE, "the daemon's answer names no delivery");
	return 0;
}

int client_progress(struct progress *out, const struct conf *conf, int64_t delivery,
		    int64_t timeout_ms, struct arena *arena, struct err *e)
{
	struct call c = { .socket = conf->hook_socket, .timeout_ms = timeout_ms };
	buf_init(&c.answer, ANSWER_MAX);
	(void)snprintf(c.url, sizeof c.url, "http://localhost/hooks/deliveries/%" PRId64, delivery);
	int rc = call(&c, arena, e);
	AUTO(buf) struct buf answer = c.answer;
	if (rc != 0)
		return -1;
	/* The strings shall outlive the buffer. */
	struct str text = arena_str(arena, buf_str(&answer));
	if (text.p == NULL)
		return arena_err(arena, e);
	return progress_parse(out, text, arena, e);
}
