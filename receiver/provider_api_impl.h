/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PROVIDER_API_IMPL_H
#define RECEIVER_PROVIDER_API_IMPL_H

#include "receiver/provider_api.h"

#include <curl/curl.h>

/* What provider_api.c and provider_api_http.c share, and nobody else sees. */

struct provider_api {
	struct provider_api_options options;
	const struct api *driver;
	struct api_place place;
	struct arena arena; /* a base url that was derived */
	CURL *curl;
	struct curl_slist *headers; /* the token is in them */
	char *ca_file;              /* NULL: the system's */
};

/* The handle and the headers. provider_api_close takes down what a failure leaves. */
int provider_api_http_open(struct provider_api *api, struct err *e) MUST_CHECK;
void provider_api_http_close(struct provider_api *api);

/* The body of the answer to a GET of the base url with `path` behind it: its status was 200. The
 * text lives in `arena`. */
int provider_api_http_get(struct str *body, struct provider_api *api, const char *path,
			  struct arena *arena, struct err *e) MUST_CHECK;

#endif
