/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_API_IMPL_H
#define VCS_API_IMPL_H

#include "base/buf.h"
#include "vcs/api.h"
#include "vcs/event.h"
#include "vcs/fact.h"

/*
 * What the files of the providers' APIs share with each other and with those of the webhooks, and
 * nobody else sees. A provider describes a pull request in its API as it does in its webhooks, so
 * that one function reads both: all facts but the kind of the event; the merge commit is told
 * apart, since only a merged one has it. ERR_INPUT as vcs/fact.h has it.
 */
int github_read_pull(struct event *event, struct str *commit, const struct json *pr,
		     struct err *e) MUST_CHECK;
int gitea_read_pull(struct event *event, struct str *commit, const struct json *pr,
		    struct err *e) MUST_CHECK;
int bitbucket_read_pull(struct event *event, struct str *commit, const struct json *pr,
			struct err *e) MUST_CHECK;
int bitbucket_server_read_pull(struct event *event, struct str *commit, const struct json *pr,
			       struct arena *arena, struct err *e) MUST_CHECK;
int azure_read_pull(struct event *event, struct str *commit, const struct json *resource,
		    struct arena *arena, struct err *e) MUST_CHECK;

/* Append `s` as one part of a path or a value of a query: all but A-Z a-z 0-9 '-' '_' '.' '~' as
 * %XX, and "." and ".." as well. */
void api_escape(struct buf *out, struct str s);
/* The same for each part of "acme/app", with the '/' between them. */
void api_escape_path(struct buf *out, struct str s);

/* Milliseconds since 1970 of an RFC 3339 time: 0 when it is missing or null; ERR_INPUT when it is
 * another thing. */
int api_time(int64_t *out_ms, const struct json *root, const char *path, struct err *e) MUST_CHECK;
/* The first of the two that is not 0. */
int64_t api_either_time(int64_t first, int64_t second);

/* The state that `word` has in a NULL-ended table of words; API_OTHER for an unknown one. */
struct api_word {
	const char *word;
	enum api_state state;
};
enum api_state api_state_of(const struct api_word *words, struct str word);

/* Make the event that of a merge, with its commit; nothing unless `pull` is merged. */
void api_set_merge(struct api_pull *pull, struct str commit);

/*
 * The elements of an array as pull requests, each by `read`. ERR_INPUT when `array` is no array of
 * at most API_PAGE_MAX objects.
 */
int api_read_list(struct api_page *out, const struct json *array, const struct api_place *place,
		  int (*read)(struct api_pull *out, const struct json *item,
			      const struct api_place *place, struct arena *arena, struct err *e),
		  struct arena *arena, struct err *e) MUST_CHECK;

/* The base url of a provider whose only place is `host`: `url` when the clone url leads to `host`,
 * else ERR_INPUT that says to set api.url to `example`. */
int api_cloud_base(struct str *out, struct str clone_url, const char *host, const char *url,
		   const char *example, struct err *e) MUST_CHECK;
/* The host of a clone url of any form, without user and port; absent for a file. */
struct str api_clone_host(struct str clone_url);

#endif
