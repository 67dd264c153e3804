/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_PROVIDER_API_H
#define RECEIVER_PROVIDER_API_H

#include "base/arena.h"
#include "base/auto.h"
#include "base/conf.h"
#include "base/err.h"
#include "vcs/api.h"
#include "vcs/event.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Asks a provider's API, by libcurl: only the url that is configured, with the certificate
 * verified, no redirect followed, the answer bounded, each request within `api.timeout`. What may
 * pass (429, 5xx, no connection) is tried up to PROVIDER_API_TRIES times within
 * PROVIDER_API_BUDGET_MS; a Retry-After is waited for when it fits in. The token is in a header,
 * and in no message. One object is used by one thread.
 */
enum {
	PROVIDER_API_TRIES = 3,
	PROVIDER_API_BUDGET_MS = 30 * 1000,
	PROVIDER_API_ANSWER_MAX = 16 * 1024 * 1024, /* 50 pull requests have about 2 MiB */
	PROVIDER_API_PAGES_MAX = 200,               /* 10,000 pull requests */
};

struct provider_api;

/* Once per process, before any thread. */
int provider_api_library_init(struct err *e) MUST_CHECK;
void provider_api_library_shutdown(void);

struct provider_api_options {
	const struct conf_repository *repository; /* lent; its secrets are loaded */
	/* Polled while it waits: not 0 ends with ERR_UNAVAILABLE. NULL: none. */
	int (*stop)(void *context);
	void *context;
};

/* No request is sent yet. ERR_REFUSED: the repository has no `api`, or its provider none;
 * ERR_INPUT: the url cannot be derived, or the token holds a control character. */
int provider_api_open(struct provider_api **out, const struct provider_api_options *options,
		      struct err *e) MUST_CHECK;
void provider_api_close(struct provider_api *api);
AUTO_DEFINE(provider_api, struct provider_api *, provider_api_close);

/*
 * One pull request, with its merge commit also where the provider keeps that elsewhere. ERR_AUTH:
 * the token was refused; ERR_NOTFOUND: there is none, or the token may not see it; ERR_UNAVAILABLE:
 * no answer that counts within the budget; ERR_REFUSED: a redirect, or a status that no waiting
 * changes; ERR_LIMIT: too long an answer; ERR_INPUT: it cannot be read. Messages say what to
 * configure.
 */
int provider_api_pull(struct api_pull *out, struct provider_api *api, struct str number,
		      struct arena *arena, struct err *e) MUST_CHECK;

/* Fill login, name and bot of the author, whose id is known. Nothing is asked and changed where
 * the provider's webhooks say it all. Errors as above. */
int provider_api_author(struct event *event, struct provider_api *api, struct arena *arena,
			struct err *e) MUST_CHECK;

/*
 * The merged pull requests of the branch since a time, in the order in which they were merged.
 * `*complete` is 0 when there were more than PROVIDER_API_PAGES_MAX pages to look through.
 */
int provider_api_merged(struct api_pull **out, size_t *n, int *complete, struct provider_api *api,
			int64_t since_ms, struct arena *arena, struct err *e) MUST_CHECK;

/* Whether the `api` of a repository can be used, or there is none: its provider has an API, and
 * its url is known. ERR_INPUT. */
int provider_api_check(const struct conf_repository *r, struct err *e) MUST_CHECK;

#endif
