/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket Cloud's REST API 2.0. Its commits have 12 digits in pull requests here too. Facts:
 * Atlassian Developer, "The Bitbucket Cloud REST API", Pullrequests.
 */

#include "vcs/api_impl.h"

static int bitbucket_base(struct str *out, struct str clone_url, struct arena *arena, struct err *e)
{
	(void)arena;
	return api_cloud_base(out, clone_url, "bitbucket.org", "https://api.bitbucket.org/2.0",
			      "https://api.bitbucket.org/2.0", e);
}

static void add_pulls(struct buf *path, const struct api_place *place)
{
	buf_adds(path, "/repositories/");
	api_escape_path(path, place->full_name);
	buf_adds(path, "/pullrequests");
}

static void bitbucket_pull_path(struct buf *path, const struct api_place *place, struct str number)
{
	add_pulls(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
}

static void bitbucket_merged_path(struct buf *path, const struct api_place *place, int64_t since_ms,
				  int64_t cursor)
{
	(void)since_ms; /* the order does it */
	add_pulls(path, place);
	buf_addf(path, "?state=MERGED&sort=-updated_on&pagelen=%d&page=%lld", API_PAGE,
		 (long long)cursor + 1);
}

static int bitbucket_read_one(struct api_pull *out, const struct json *root,
			      const struct api_place *place, struct arena *arena, struct err *e)
{
	static const struct api_word words[] = { { "MERGED", API_MERGED },
						 { "OPEN", API_PENDING },
						 { NULL, API_OTHER } };
	struct str commit;
	struct api_pull pull = { .event = { .repository = place->full_name,
					    .action = STR("pullrequest:fulfilled") } };
	int64_t closed_ms = 0;
	(void)arena;
	if (fact_str(&pull.state_word, root, "state", e) != 0 ||
	    api_time(&closed_ms, root, "closed_on", e) != 0 ||
	    api_time(&pull.updated_ms, root, "updated_on", e) != 0 ||
	    fact_object(root, "closed_by", e) != 0 ||
	    fact_str(&pull.event.actor, root, "closed_by.nickname", e) != 0 ||
	    bitbucket_read_pull(&pull.event, &commit, root, e) != 0 ||
	    fact_str(&pull.event.repository_id, root, "destination.repository.uuid", e) != 0)
		return -1;
	pull.merged_ms = api_either_time(closed_ms, pull.updated_ms);
	pull.state = api_state_of(words, pull.state_word);
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

static int bitbucket_read_page(struct api_page *out, const struct json *root,
			       const struct api_place *place, int64_t cursor, struct arena *arena,
			       struct err *e)
{
	struct api_page page;
	struct str next;
	if (api_read_list(&page, json_get(root, "values"), place, bitbucket_read_one, arena, e) !=
		0 ||
	    fact_str(&next, root, "next", e) != 0)
		return -1;
	/* Its address is not ours to follow; that there is one is enough. */
	page.next = next.p != NULL ? cursor + 1 : -1;
	*out = page;
	return 0;
}

const struct api bitbucket_api = {
	.name = "bitbucket",
	.auth = API_AUTH_BEARER,
	.headers = { "Accept: application/json", NULL },
	.scope = "pullrequest",
	.newest_first = 1,
	.base = bitbucket_base,
	.pull_path = bitbucket_pull_path,
	.read_pull = bitbucket_read_one,
	.merged_path = bitbucket_merged_path,
	.read_page = bitbucket_read_page,
};
