/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST API of Bitbucket Data Center and Server. A pull request whose commits reached the target
 * by a push has no merge commit in its properties; its activities may name one. Facts: Atlassian
 * Developer, "Bitbucket Data Center REST API", Pull Requests.
 */

#include "vcs/api_impl.h"

static int bitbucket_server_base(struct str *out, struct str clone_url, struct arena *arena,
				 struct err *e)
{
	(void)out, (void)clone_url, (void)arena;
	return err_set(e, ERR_INPUT,
		       "each Bitbucket Data Center has an address of its own; set 'api.url', such "
		       "as https://bitbucket.example.com/rest/api/1.0");
}

static void add_pulls(struct buf *path, const struct api_place *place)
{
	buf_adds(path, "/projects/");
	api_escape(path, fact_owner(place->full_name));
	buf_adds(path, "/repos/");
	api_escape(path, fact_name(place->full_name));
	buf_adds(path, "/pull-requests");
}

static void bitbucket_server_pull_path(struct buf *path, const struct api_place *place,
				       struct str number)
{
	add_pulls(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
}

static void bitbucket_server_merged_path(struct buf *path, const struct api_place *place,
					 int64_t since_ms, int64_t cursor)
{
	(void)since_ms; /* there is no such filter */
	add_pulls(path, place);
	buf_adds(path, "?state=MERGED&order=NEWEST&at=refs%2Fheads%2F");
	api_escape(path, place->branch);
	buf_addf(path, "&limit=%d&start=%lld", API_PAGE, (long long)cursor);
}

/* Milliseconds since 1970, as numbers. */
static int read_ms(int64_t *out, const struct json *pr, const char *key, struct err *e)
{
	const struct json *j = json_get(pr, key);
	int64_t ms = 0;
	if (j != NULL && j->kind != JSON_NULL && (json_int(&ms, j) != 0 || ms < 0))
		return err_set(e, ERR_INPUT, "'%s' is malformed (expected milliseconds)", key);
	*out = ms;
	return 0;
}

static int bitbucket_server_read_one(struct api_pull *out, const struct json *root,
				     const struct api_place *place, struct arena *arena,
				     struct err *e)
{
	static const struct api_word words[] = { { "MERGED", API_MERGED },
						 { "OPEN", API_PENDING },
						 { NULL, API_OTHER } };
	struct str commit;
	int64_t closed_ms = 0;
	struct api_pull pull = { .event = { .action = STR("pr:merged") } };
	if (fact_str(&pull.state_word, root, "state", e) != 0 ||
	    read_ms(&closed_ms, root, "closedDate", e) != 0 ||
	    read_ms(&pull.updated_ms, root, "updatedDate", e) != 0 ||
	    bitbucket_server_read_pull(&pull.event, &commit, root, arena, e) != 0)
		return -1;
	pull.event.repository = fact_either(pull.event.repository, place->full_name);
	pull.merged_ms = api_either_time(closed_ms, pull.updated_ms);
	pull.state = api_state_of(words, pull.state_word);
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

static int bitbucket_server_read_page(struct api_page *out, const struct json *root,
				      const struct api_place *place, int64_t cursor,
				      struct arena *arena, struct err *e)
{
	struct api_page page;
	int64_t next = -1;
	if (api_read_list(&page, json_get(root, "values"), place, bitbucket_server_read_one, arena,
			  e) != 0)
		return -1;
	if (json_bool(json_get(root, "isLastPage")) == 0 &&
	    (json_int(&next, json_get(root, "nextPageStart")) != 0 || next <= cursor))
		return err_set(e, ERR_INPUT,
			       "'nextPageStart' is malformed (expected a number above %lld)",
			       (long long)cursor);
	page.next = next;
	*out = page;
	return 0;
}

static void bitbucket_server_commit_path(struct buf *path, const struct api_place *place,
					 struct str number)
{
	bitbucket_server_pull_path(path, place, number);
	buf_addf(path, "/activities?limit=%d", API_PAGE_MAX);
}

/* The newest activity that merged it; absent when none names a commit. */
static int bitbucket_server_read_commit(struct str *out, const struct json *root, struct err *e)
{
	const struct json *values = json_get(root, "values");
	if (values == NULL || values->kind != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "the answer holds no list of activities");
	for (const struct json *item = values->child; item != NULL; item = item->next) {
		struct str action, commit;
		if (fact_str(&action, item, "action", e) != 0)
			return -1;
		if (!str_eq_cstr(action, "MERGED"))
			continue;
		if (fact_object(item, "commit", e) != 0 ||
		    fact_str(&commit, item, "commit.id", e) != 0)
			return -1;
		*out = commit;
		return 0;
	}
	*out = STR_NULL;
	return 0;
}

const struct api bitbucket_server_api = {
	.name = "bitbucket-server",
	.auth = API_AUTH_BEARER,
	.headers = { "Accept: application/json", NULL },
	.scope = "repository read",
	.base = bitbucket_server_base,
	.pull_path = bitbucket_server_pull_path,
	.read_pull = bitbucket_server_read_one,
	.merged_path = bitbucket_server_merged_path,
	.read_page = bitbucket_server_read_page,
	.commit_path = bitbucket_server_commit_path,
	.read_commit = bitbucket_server_read_commit,
};
