/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_API_H
#define VCS_API_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "vcs/event.h"

#include <stddef.h>
#include <stdint.h>

/*
 * How a provider's API is asked for what its webhooks do not say, and how its answers are read.
 * Each provider is one .c file of pure functions over bytes (no socket, file, clock or environment
 * in them), ending in a `const struct api`; who sends the requests is receiver/provider_api.h. All
 * requests are GETs of the base url with a path behind it; what goes into a path is escaped.
 */

enum {
	API_PAGE = 50,      /* pull requests that are asked for at a time */
	API_PAGE_MAX = 500, /* and that are taken in one answer */
	API_HEADERS_MAX = 4,
};

/* What is asked about: from the configuration alone, never from a payload. */
struct api_place {
	struct str base;      /* "https://api.github.com": no '/' at its end */
	struct str full_name; /* of the repository */
	struct str branch;    /* bare */
};

/* How the token is sent. With a user's name it is always Basic. */
enum api_auth {
	API_AUTH_BEARER,  /* Authorization: Bearer TOKEN */
	API_AUTH_TOKEN,   /* Authorization: token TOKEN */
	API_AUTH_PRIVATE, /* PRIVATE-TOKEN: TOKEN */
	API_AUTH_BASIC,   /* Authorization: Basic, with an empty user's name */
};

enum api_state {
	API_MERGED,
	API_PENDING, /* not merged (yet): the API may lag behind the event */
	API_OTHER,   /* closed without a merge, or the merge failed */
};

/* A pull request as the API describes it. */
struct api_pull {
	enum api_state state;
	struct str state_word; /* the provider's own, for messages */
	struct event event;    /* EVENT_MERGE with its commit when it is merged, else EVENT_PR */
	int64_t merged_ms;     /* since 1970; 0: not said */
	int64_t updated_ms;    /* since 1970; 0: not said */
};

/* One answer of several pull requests. */
struct api_page {
	struct api_pull *pulls;
	size_t n;
	int64_t next; /* what the next page is asked for by; -1: this was the last */
};

struct api {
	const char *name; /* the provider's: "github" */
	enum api_auth auth;
	/* Further headers, "Name: value", NULL-ended. */
	const char *headers[API_HEADERS_MAX];
	const char *scope; /* what the token must be allowed to, for messages */
	int decides;       /* hooks are not signed: of a pull request, what the API says counts */
	int newest_first;  /* pages come in the order of updated_ms: an old one ends the search */

	/*
	 * The base url where the configuration names none: derived from the repository's clone
	 * url. ERR_INPUT when that is not the provider's own cloud.
	 */
	int (*base)(struct str *out, struct str clone_url, struct arena *arena, struct err *e);

	/* The path of a pull request. `number` is decimal digits. */
	void (*pull_path)(struct buf *path, const struct api_place *place, struct str number);
	int (*read_pull)(struct api_pull *out, const struct json *root,
			 const struct api_place *place, struct arena *arena, struct err *e);

	/*
	 * The path of a page of merged pull requests of the branch; what is not of it, or older
	 * than `since_ms`, MAY be among them. `cursor` is 0, then what the page before said.
	 */
	void (*merged_path)(struct buf *path, const struct api_place *place, int64_t since_ms,
			    int64_t cursor);
	int (*read_page)(struct api_page *out, const struct json *root,
			 const struct api_place *place, int64_t cursor, struct arena *arena,
			 struct err *e);

	/* Who an id is; fills login, name and bot of the author. MAY be NULL: webhooks say it. */
	void (*author_path)(struct buf *path, const struct api_place *place, struct str id);
	int (*read_author)(struct event *event, const struct json *root, struct err *e);

	/* Where the merge commit stands that read_pull did not find. MAY be NULL: nowhere. */
	void (*commit_path)(struct buf *path, const struct api_place *place, struct str number);
	int (*read_commit)(struct str *out, const struct json *root, struct err *e);
};

extern const struct api github_api;
extern const struct api gitlab_api;
extern const struct api bitbucket_api;
extern const struct api bitbucket_server_api;
extern const struct api azure_api;
extern const struct api gitea_api;

/* By the provider's name in the configuration; NULL when it has no API. */
const struct api *api_find(struct str name);

/*
 * The base url: `configured` without '/' at its end, or derived (absent: from the clone url).
 * ERR_INPUT says what to configure.
 */
int api_base(struct str *out, const struct api *api, struct str configured, struct str clone_url,
	     struct arena *arena, struct err *e) MUST_CHECK;

/* Whether `number` may go into a path: 1 to 19 decimal digits. */
int api_number_is_valid(struct str number);

/* 12 to 39 lower-case hexadecimal digits: a commit that the provider cut, to be expanded. */
int api_commit_is_short(struct str commit);

/* A copy whose strings are all in `arena`. ERR_NOMEM, ERR_LIMIT. */
int api_pull_copy(struct api_pull *out, const struct api_pull *pull, struct arena *arena,
		  struct err *e) MUST_CHECK;

#endif
