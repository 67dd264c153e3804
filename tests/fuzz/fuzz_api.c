/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the providers' APIs. The first byte picks the provider, the second what was asked for,
 * the rest is the answer. What was read must be consistent and must stay within its bounds.
 */

#include "vcs/api.h"
#include "vcs/provider.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
	assert(s.p != NULL || s.n == 0);
	assert(s.p == NULL || str_is_utf8(s));
}

static void check_pull(const struct api_pull *pull)
{
	AUTO(arena) struct arena arena;
	struct api_pull copy;
	struct err e;
	assert((pull->state == API_MERGED) == (pull->event.kind == EVENT_MERGE));
	assert(pull->state == API_MERGED || pull->event.merge_commit.p == NULL);
	assert(pull->merged_ms >= 0 && pull->updated_ms >= 0);
	assert(pull->event.n_changes == 0 && pull->event.deleted == 0);
	check_text(pull->event.repository);
	check_text(pull->event.pull_request.url);
	arena_init(&arena, 64 << 20);
	int rc = api_pull_copy(&copy, pull, &arena, &e);
	assert(rc == 0 && str_eq(copy.event.merge_commit, pull->event.merge_commit));
}

static int read_page(const struct api *api, const struct json *root, const struct api_place *place,
		     struct arena *arena, struct err *e)
{
	struct api_page page;
	if (api->read_page(&page, root, place, 7, arena, e) != 0)
		return -1;
	assert(page.n <= API_PAGE_MAX);
	assert(page.next == -1 || page.next > 7);
	for (size_t i = 0; i < page.n; i++)
		check_pull(&page.pulls[i]);
	return 0;
}

static int read_other(const struct api *api, const struct json *root, unsigned char what,
		      struct err *e)
{
	struct event event = { .author = { .id = STR("7") } };
	struct str commit;
	if (what == '2' && api->read_author != NULL)
		return api->read_author(&event, root, e);
	if (what == '3' && api->read_commit != NULL) {
		if (api->read_commit(&commit, root, e) != 0)
			return -1;
		check_text(commit);
	}
	return 0;
}

static int read_answer(const struct api *api, const struct json *root, unsigned char what,
		       struct arena *arena, struct err *e)
{
	const struct api_place place = { STR("https://h"), STR("a/b"), STR("main") };
	struct api_pull pull;
	if (what == '1')
		return read_page(api, root, &place, arena, e);
	if (what != '0')
		return read_other(api, root, what, e);
	if (api->read_pull(&pull, root, &place, arena, e) != 0)
		return -1;
	check_pull(&pull);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct api *const apis[] = { &github_api,           &gitlab_api, &bitbucket_api,
					   &bitbucket_server_api, &azure_api,  &gitea_api };
	AUTO(arena) struct arena arena;
	struct err e = { .code = ERR_NONE };
	struct json *root;
	arena_init(&arena, 64 << 20);
	if (size < 2 || data[0] < '0' || data[0] > '5')
		return 0;
	if (json_parse(&root, (struct str){ (const char *)data + 2, size - 2 }, &arena, &e) != 0)
		return 0;
	if (read_answer(apis[data[0] - '0'], root, data[1], &arena, &e) != 0)
		assert(e.code != ERR_NONE && e.msg[0] != '\0');
	return 0;
}
