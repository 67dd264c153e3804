/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's REST API, also of GitHub Enterprise Server (https://HOST/api/v3). Facts: GitHub Docs,
 * "REST API endpoints for pull requests".
 */

#include "vcs/api_impl.h"

static int github_base(struct str *out, struct str clone_url, struct arena *arena, struct err *e)
{
	(void)arena;
	return api_cloud_base(out, clone_url, "github.com", "https://api.github.com",
			      "https://github.example.com/api/v3", e);
}

static void add_pulls(struct buf *path, const struct api_place *place)
{
	buf_adds(path, "/repos/");
	api_escape_path(path, place->full_name);
	buf_adds(path, "/pulls");
}

static void github_pull_path(struct buf *path, const struct api_place *place, struct str number)
{
	add_pulls(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
}

static void github_merged_path(struct buf *path, const struct api_place *place, int64_t since_ms,
			       int64_t cursor)
{
	(void)since_ms; /* there is no such filter */
	add_pulls(path, place);
	buf_adds(path, "?state=closed&sort=updated&direction=desc&base=");
	api_escape(path, place->branch);
	buf_addf(path, "&per_page=%d&page=%lld", API_PAGE, (long long)cursor + 1);
}

/* Lists leave `merged` out; the time of the merge is in both. */
static int read_state(struct api_pull *pull, const struct json *pr, struct err *e)
{
	const struct json *merged = json_get(pr, "merged");
	if (fact_str(&pull->state_word, pr, "state", e) != 0 ||
	    api_time(&pull->merged_ms, pr, "merged_at", e) != 0 ||
	    api_time(&pull->updated_ms, pr, "updated_at", e) != 0)
		return -1;
	const int is_merged = merged != NULL ? json_bool(merged) == 1 : pull->merged_ms > 0;
	pull->state = API_OTHER;
	if (is_merged)
		pull->state = API_MERGED;
	else if (str_eq_cstr(pull->state_word, "open"))
		pull->state = API_PENDING;
	return 0;
}

static int github_read_one(struct api_pull *out, const struct json *root,
			   const struct api_place *place, struct arena *arena, struct err *e)
{
	struct str commit;
	struct api_pull pull = { .event = { .repository = place->full_name,
					    .action = STR("closed") } };
	(void)arena;
	if (read_state(&pull, root, e) != 0 || fact_object(root, "merged_by", e) != 0 ||
	    fact_str(&pull.event.actor, root, "merged_by.login", e) != 0 ||
	    github_read_pull(&pull.event, &commit, root, e) != 0 ||
	    fact_number(&pull.event.repository_id, root, "base.repo.id", e) != 0)
		return -1;
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

static int github_read_page(struct api_page *out, const struct json *root,
			    const struct api_place *place, int64_t cursor, struct arena *arena,
			    struct err *e)
{
	struct api_page page;
	if (api_read_list(&page, root, place, github_read_one, arena, e) != 0)
		return -1;
	page.next = page.n > 0 ? cursor + 1 : -1;
	*out = page;
	return 0;
}

const struct api github_api = {
	.name = "github",
	.auth = API_AUTH_BEARER,
	.headers = { "Accept: application/vnd.github+json", "X-GitHub-Api-Version: 2022-11-28",
		     NULL },
	.scope = "pull requests: read",
	.newest_first = 1,
	.base = github_base,
	.pull_path = github_pull_path,
	.read_pull = github_read_one,
	.merged_path = github_merged_path,
	.read_page = github_read_page,
};
