/* SPDX-License-Identifier: Apache-2.0 */
/* The API of Gitea and Forgejo. Facts: Gitea's API reference, "repoListPullRequests". */

#include "vcs/api_impl.h"

static int gitea_base(struct str *out, struct str clone_url, struct arena *arena, struct err *e)
{
	(void)out, (void)clone_url, (void)arena;
	return err_set(e, ERR_INPUT,
		       "each Gitea has an address of its own; set 'api.url', such as "
		       "https://gitea.example.com/api/v1");
}

static void add_pulls(struct buf *path, const struct api_place *place)
{
	buf_adds(path, "/repos/");
	api_escape_path(path, place->full_name);
	buf_adds(path, "/pulls");
}

static void gitea_pull_path(struct buf *path, const struct api_place *place, struct str number)
{
	add_pulls(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
}

static void gitea_merged_path(struct buf *path, const struct api_place *place, int64_t since_ms,
			      int64_t cursor)
{
	(void)since_ms; /* there is no such filter, and none for the branch */
	add_pulls(path, place);
	buf_addf(path, "?state=closed&sort=recentupdate&limit=%d&page=%lld", API_PAGE,
		 (long long)cursor + 1);
}

static int gitea_read_one(struct api_pull *out, const struct json *root,
			  const struct api_place *place, struct arena *arena, struct err *e)
{
	struct str commit;
	struct api_pull pull = { .event = { .repository = place->full_name,
					    .action = STR("closed") } };
	(void)arena;
	if (fact_str(&pull.state_word, root, "state", e) != 0 ||
	    api_time(&pull.merged_ms, root, "merged_at", e) != 0 ||
	    api_time(&pull.updated_ms, root, "updated_at", e) != 0 ||
	    fact_object(root, "merged_by", e) != 0 ||
	    fact_str(&pull.event.actor, root, "merged_by.login", e) != 0 ||
	    gitea_read_pull(&pull.event, &commit, root, e) != 0 ||
	    fact_number(&pull.event.repository_id, root, "base.repo.id", e) != 0)
		return -1;
	pull.state = API_OTHER;
	if (json_bool(json_get(root, "merged")) == 1)
		pull.state = API_MERGED;
	else if (str_eq_cstr(pull.state_word, "open"))
		pull.state = API_PENDING;
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

/* A server may give fewer than were asked for, so only an empty page is the last. */
static int gitea_read_page(struct api_page *out, const struct json *root,
			   const struct api_place *place, int64_t cursor, struct arena *arena,
			   struct err *e)
{
	struct api_page page;
	if (api_read_list(&page, root, place, gitea_read_one, arena, e) != 0)
		return -1;
	page.next = page.n > 0 ? cursor + 1 : -1;
	*out = page;
	return 0;
}

const struct api gitea_api = {
	.name = "gitea",
	.auth = API_AUTH_TOKEN,
	.headers = { "Accept: application/json", NULL },
	.scope = "read:repository",
	.newest_first = 1,
	.base = gitea_base,
	.pull_path = gitea_pull_path,
	.read_pull = gitea_read_one,
	.merged_path = gitea_merged_path,
	.read_page = gitea_read_page,
};
