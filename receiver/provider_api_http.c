/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One GET by libcurl: bounded in time, size and tries, to one host and no other. What a status
 * means is decided here; nothing of an answer but its status gets into a message.
 */

#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "receiver/provider_api_impl.h"

#include <openssl/crypto.h>

#include <string.h>
#include <time.h>

enum {
	CONNECT_MS = 5000,
	PAUSE_MS = 500, /* before the second try; doubled before each further one */
	SLICE_MS = 100, /* how often a wait looks whether to stop */
	TOKEN_MAX = 16 * 1024,
};

int provider_api_library_init(struct err *e)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_SYS, "cannot start libcurl");
	return 0;
}

void provider_api_library_shutdown(void)
{
	curl_global_cleanup();
}

/* --- what every request of one object has --- */

static int add_header(struct provider_api *api, const char *line, struct err *e)
{
	struct curl_slist *longer = curl_slist_append(api->headers, line);
	if (longer == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	api->headers = longer;
	return 0;
}

static void add_basic(struct buf *line, struct str user, struct str token, struct err *e)
{
	AUTO(buf) struct buf pair;
	buf_init(&pair, TOKEN_MAX);
	buf_add(&pair, user);
	buf_addc(&pair, ':');
	buf_add(&pair, token);
	char *text = buf_check(&pair, e) == 0 ? mem_alloc(BASE64_TEXT(pair.n)) : NULL;
	buf_adds(line, "Authorization: Basic ");
	if (text == NULL) {
		line->failed = ERR_NOMEM;
	} else {
		buf_adds(line, base64_encode(text, (const unsigned char *)pair.p, pair.n));
		mem_free_secret(text, strlen(text));
	}
	OPENSSL_cleanse(pair.p, pair.n);
}

static int add_token(struct provider_api *api, struct err *e)
{
	const struct conf_api *conf = api->options.repository->api;
	AUTO(buf) struct buf line;
	buf_init(&line, (size_t)TOKEN_MAX * 2);
	if (conf->token == NULL || conf->token->value == NULL)
		return 0;
	const struct str token = secret_reveal(conf->token->value);
	if (str_has_control(token))
		return err_set(e, ERR_INPUT,
			       "the API token of repository '%.*s' holds a control "
			       "character (is it more than one line?)",
			       STR_ARG(api->options.repository->id));
	if (conf->username.p != NULL || api->driver->auth == API_AUTH_BASIC)
		add_basic(&line, conf->username, token, e);
	else if (api->driver->auth == API_AUTH_PRIVATE)
		buf_adds(&line, "PRIVATE-TOKEN: ");
	else
		buf_adds(&line, api->driver->auth == API_AUTH_TOKEN ? "Authorization: token "
								    : "Authorization: Bearer ");
	if (conf->username.p == NULL && api->driver->auth != API_AUTH_BASIC)
		buf_add(&line, token);
	int rc = buf_check(&line, e);
	if (rc == 0)
		rc = add_header(api, line.p, e);
	OPENSSL_cleanse(line.p, line.n);
	return rc;
}

/* libcurl asks this while it waits. */
static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
		       curl_off_t up_now)
{
	const struct provider_api *api = context;
	(void)total, (void)now, (void)up_total, (void)up_now;
	return api->options.stop != NULL && api->options.stop(api->options.context);
}

static int set_up(struct provider_api *api)
{
	CURL *c = api->curl;
	const struct conf_api *conf = api->options.repository->api;
	const int is_http = str_starts(api->place.base, STR("http://"));
	const long timeout = (long)conf->timeout_ms;
	int failed = 0;
	failed |=
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, is_http ? "http" : "https") != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
	failed |=
	    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
				   timeout < CONNECT_MS ? timeout : (long)CONNECT_MS) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, api->headers) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_USERAGENT, "tidegate/" TIDEGATE_VERSION) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, NULL) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, api) != CURLE_OK;
	if (api->ca_file != NULL)
		failed |= curl_easy_setopt(c, CURLOPT_CAINFO, api->ca_file) != CURLE_OK;
	return failed;
}

int provider_api_http_open(struct provider_api *api, struct err *e)
{
	const struct conf_api *conf = api->options.repository->api;
	if (conf->ca_file.p != NULL) {
		api->ca_file = str_to_cstr(conf->ca_file, e);
		if (api->ca_file == NULL)
			return -1;
	}
	for (const char *const *h = api->driver->headers; *h != NULL; h++) {
		if (add_header(api, *h, e) != 0)
			return -1;
	}
	if (add_token(api, e) != 0)
		return -1;
	api->curl = curl_easy_init();
	if (api->curl == NULL || set_up(api))
		return err_set(e, ERR_NOMEM, "cannot prepare a request: out of memory");
	return 0;
}

void provider_api_http_close(struct provider_api *api)
{
	if (api->curl != NULL)
		curl_easy_cleanup(api->curl);
	for (struct curl_slist *h = api->headers; h != NULL; h = h->next)
		OPENSSL_cleanse(h->data, strlen(h->data));
	curl_slist_free_all(api->headers);
	mem_free(api->ca_file);
}

/* --- one try --- */

struct answer {
	struct buf body;
	CURLcode code;
	long status;
	int64_t retry_after_ms; /* 0: not said */
	int rate_limited;       /* a header says that no request is left */
	char reason[CURL_ERROR_SIZE];
};

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
	struct answer *a = context;
	(void)size; /* always 1 */
	buf_add(&a->body, (struct str){ bytes, n });
	return a->body.failed == ERR_NONE ? n : 0;
}

static struct str header_value(struct str line, const char *name)
{
	const size_t colon = str_find(line, ':');
	if (colon == line.n || !str_eq_nocase(str_first(line, colon), str_of(name)))
		return STR_NULL;
	struct str value = str_from(line, colon + 1);
	while (str_ends(value, STR("\n")) || str_ends(value, STR("\r")))
		value.n--;
	return str_trim(value);
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
	struct answer *a = context;
	const struct str line = { bytes, n };
	uint64_t seconds;
	(void)size; /* always 1 */
	const struct str after = header_value(line, "Retry-After");
	/* A date is as good as none: the pause between tries is then our own. */
	if (after.p != NULL && num_parse_u64(&seconds, after, 0, 1000000) == 0)
		a->retry_after_ms = (int64_t)seconds * 1000;
	if (str_eq_cstr(header_value(line, "X-RateLimit-Remaining"), "0") ||
	    str_eq_cstr(header_value(line, "RateLimit-Remaining"), "0"))
		a->rate_limited = 1;
	return n;
}

static int perform(struct answer *a, struct provider_api *api, const char *url, struct err *e)
{
	CURL *c = api->curl;
	int failed = 0;
	buf_clear(&a->body);
	a->status = 0;
	a->retry_after_ms = 0;
	a->rate_limited = 0;
	a->reason[0] = '\0';
	failed |= curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_WRITEDATA, a) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_HEADERDATA, a) != CURLE_OK;
	failed |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->reason) != CURLE_OK;
	if (failed)
		return err_set(e, ERR_NOMEM, "cannot prepare a request: out of memory");
	a->code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	return 0;
}

/* --- what it means --- */

/* libcurl's own words, unless they could hold the credentials of a proxy. */
static const char *reason_of(const struct answer *a)
{
	if (a->reason[0] == '\0' || strchr(a->reason, '@') != NULL)
		return curl_easy_strerror(a->code);
	return a->reason;
}

static int not_carried(const struct answer *a, const struct provider_api *api, struct err *e)
{
	const int64_t timeout = api->options.repository->api->timeout_ms;
	if (a->body.failed == ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "the answer is longer than %d bytes",
			       PROVIDER_API_ANSWER_MAX);
	if (a->body.failed != ERR_NONE || a->code == CURLE_OUT_OF_MEMORY)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (a->code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, ERR_UNAVAILABLE, "the request was stopped");
	if (a->code == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, ERR_UNAVAILABLE, "no answer within %lld ms (api.timeout)",
			       (long long)timeout);
	if (a->code == CURLE_PEER_FAILED_VERIFICATION || a->code == CURLE_SSL_CACERT_BADFILE)
		return err_set(e, ERR_AUTH,
			       "the certificate of '%.*s' cannot be verified: %s (set api.ca_file "
			       "when it is of a CA of your own)",
			       STR_ARG(api->place.base), reason_of(a));
	return err_set(e, ERR_UNAVAILABLE, "no answer from '%.*s': %s", STR_ARG(api->place.base),
		       reason_of(a));
}

static int by_status(const struct answer *a, const struct provider_api *api, struct err *e)
{
	const struct conf_api *conf = api->options.repository->api;
	const long status = a->status;
	if (status == 429 || status >= 500 || (status == 403 && a->rate_limited) ||
	    (status == 403 && a->retry_after_ms > 0))
		return err_set(e, ERR_UNAVAILABLE, "it answered %ld%s", status,
			       status == 429 || status == 403 ? " (too many requests)" : "");
	if (status == 401 || status == 403 || status == 203)
		return err_set(e, ERR_AUTH, "it answered %ld: %s with the scope '%s'", status,
			       conf->token != NULL ? "the token was refused; set api.token to one"
						   : "there is no token; set api.token to one",
			       api->driver->scope);
	if (status == 404)
		return err_set(e, ERR_NOTFOUND,
			       "it answered 404: there is no such thing, or %s (needed: '%s'), or "
			       "api.url '%.*s' is not right",
			       conf->token != NULL ? "the token may not see it"
						   : "it is not shown without api.token",
			       api->driver->scope, STR_ARG(api->place.base));
	/* Azure sends who is not known to a page for signing in. */
	if (status >= 300 && status < 400)
		return err_set(e, ERR_REFUSED,
			       "it answered %ld, a redirect, which is not followed; set api.url to "
			       "where the API is now, and look at api.token",
			       status);
	return err_set(e, ERR_REFUSED, "it answered %ld", status);
}

static int judge(const struct answer *a, const struct provider_api *api, struct err *e)
{
	if (a->code != CURLE_OK)
		return not_carried(a, api, e);
	return a->status == 200 ? 0 : by_status(a, api, e);
}

/* --- the tries --- */

/* Sleep, unless that goes beyond the deadline or somebody wants an end. */
static int pause_until(const struct provider_api *api, int64_t wait_ms, int64_t deadline_ms)
{
	const int64_t end = clock_mono_ms() + wait_ms;
	if (end >= deadline_ms)
		return -1;
	while (clock_mono_ms() < end) {
		const struct timespec slice = { 0, SLICE_MS * 1000000L };
		if (api->options.stop != NULL && api->options.stop(api->options.context))
			return -1;
		(void)nanosleep(&slice, NULL);
	}
	return 0;
}

static int try_all(struct answer *a, struct provider_api *api, const char *url, struct err *e)
{
	const int64_t deadline = clock_mono_ms() + PROVIDER_API_BUDGET_MS;
	int64_t wait = PAUSE_MS;
	for (int try = 1;; try++) {
		struct err why = { .code = ERR_NONE };
		if (perform(a, api, url, e) != 0)
			return -1;
		if (judge(a, api, &why) == 0)
			return 0;
		const int64_t pause = a->retry_after_ms > wait ? a->retry_after_ms : wait;
		if (why.code != ERR_UNAVAILABLE || try == PROVIDER_API_TRIES ||
		    pause_until(api, pause, deadline) != 0) {
			if (e != NULL)
				*e = why;
			return -1;
		}
		wait *= 2;
	}
}

int provider_api_http_get(struct str *body, struct provider_api *api, const char *path,
			  struct arena *arena, struct err *e)
{
	struct answer a = { .code = CURLE_OK };
	AUTO(buf) struct buf url;
	buf_init(&url, 8192);
	buf_add(&url, api->place.base);
	buf_adds(&url, path);
	if (buf_check(&url, e) != 0)
		return -1;
	buf_init(&a.body, PROVIDER_API_ANSWER_MAX);
	int rc = try_all(&a, api, url.p, e);
	if (rc == 0) {
		struct str kept = arena_str(arena, buf_str(&a.body));
		if (kept.p != NULL)
			*body = kept;
		else
			rc = arena_err(arena, e);
	}
	buf_free(&a.body);
	return rc;
}
