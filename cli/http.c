/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client of `tidegate simulate`: plays the provider, who sends one request and reads the
 * answer. */
#include "cli/http.h"

#include "base/auto.h"

#include <curl/curl.h>

AUTO_DEFINE(curl, CURL *, curl_easy_cleanup);
AUTO_DEFINE(curl_slist, struct curl_slist *, curl_slist_free_all);

static size_t take_answer(char *bytes, size_t size, size_t n, void *context)
{
	struct buf *answer = context;
	const size_t room = answer->max - answer->n;
	const size_t all = size * n; /* size is always 1 */

	buf_add(answer, str_first((struct str){ bytes, all }, room));
	return all;
}

static int add_headers(struct curl_slist **list, const struct http_post *post)
{
	for (size_t i = 0; i < post->n_headers; i++) {
		struct curl_slist *longer = curl_slist_append(*list, post->headers[i]);

		if (longer == NULL)
			return -1;
		*list = longer;
	}
	return 0;
}

static int set_up(CURL *curl, struct curl_slist *headers, struct http_post *post, char *reason)
{
	int failed = 0;

	failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_URL, post->url) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.p) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.n) !=
		  CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)&post->answer) != CURLE_OK;
	failed |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason) != CURLE_OK;
	if (post->direct)
		failed |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") != CURLE_OK;
	return failed ? -1 : 0;
}

int http_send(struct http_post *post, struct err *e)
{
	AUTO(curl) CURL *curl = curl_easy_init();
	AUTO(curl_slist) struct curl_slist *headers = NULL;
	char reason[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	if (curl == NULL || add_headers(&headers, post) != 0 ||
	    set_up(curl, headers, post, reason) != 0)
		return err_set(e, ERR_NOMEM, "cannot prepare the request: out of memory");
	code = curl_easy_perform(curl);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(e, ERR_INPUT, "'%s' is no http or https url", post->url);
	if (code != CURLE_OK)
		return err_set(e, ERR_UNAVAILABLE, "no answer from '%s': %s", post->url,
			       reason[0] != '\0' ? reason : curl_easy_strerror(code));
	if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return err_set(e, ERR_UNAVAILABLE, "the answer from '%s' has no status", post->url);
	post->status = (int)status;
	return 0;
}
