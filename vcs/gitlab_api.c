/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitLab's REST API. Its webhooks give the author's id alone, and no commit for a fast-forward.
 * Facts: GitLab Docs, "Merge requests API" and "Users API".
 */

#include "base/clock.h"
#include "vcs/api_impl.h"
#include "vcs/author.h"

static int gitlab_base(struct str *out, struct str clone_url, struct arena *arena, struct err *e)
{
	(void)arena;
	return api_cloud_base(out, clone_url, "gitlab.com", "https://gitlab.com/api/v4",
			      "https://gitlab.example.com/api/v4", e);
}

/* A project's path is one part of the url, with its '/' escaped. */
static void add_requests(struct buf *path, const struct api_place *place)
{
	buf_adds(path, "/projects/");
	api_escape(path, place->full_name);
	buf_adds(path, "/merge_requests");
}

static void gitlab_pull_path(struct buf *path, const struct api_place *place, struct str number)
{
	add_requests(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
}

static void gitlab_merged_path(struct buf *path, const struct api_place *place, int64_t since_ms,
			       int64_t cursor)
{
	char since[CLOCK_TEXT];
	add_requests(path, place);
	buf_adds(path, "?state=merged&scope=all&order_by=updated_at&sort=desc&target_branch=");
	api_escape(path, place->branch);
	buf_adds(path, "&updated_after=");
	api_escape(path, str_of(clock_format(since, since_ms)));
	buf_addf(path, "&per_page=%d&page=%lld", API_PAGE, (long long)cursor + 1);
}

/*
 * The commit on the target branch: of a merge, else of a squash without one, else (fast-forward)
 * the head of what was merged. Whether it is on the branch is looked at in the mirror.
 */
static int read_commit(struct str *out, const struct json *mr, struct err *e)
{
	struct str merge, squash, head;
	if (fact_str(&merge, mr, "merge_commit_sha", e) != 0 ||
	    fact_str(&squash, mr, "squash_commit_sha", e) != 0 ||
	    fact_str(&head, mr, "sha", e) != 0)
		return -1;
	*out = fact_either(fact_either(merge, squash), head);
	return 0;
}

/* `bot` is only in answers about users; elsewhere the name decides, as in webhooks. */
static int read_user(struct event *event, const struct json *user, struct err *e)
{
	if (fact_number(&event->author.id, user, "id", e) != 0 ||
	    fact_str(&event->author.login, user, "username", e) != 0 ||
	    fact_str(&event->author.name, user, "name", e) != 0)
		return -1;
	int bot = json_bool(json_get(user, "bot"));
	if (bot < 0 && event->author.login.p != NULL)
		bot = author_is_gitlab_bot(event->author.login);
	event->author.bot = EVENT_BOT_UNKNOWN;
	if (bot >= 0)
		event->author.bot = bot ? EVENT_BOT_YES : EVENT_BOT_NO;
	return 0;
}

static int read_sides(struct event *event, const struct json *mr, struct err *e)
{
	struct str source, target;
	if (fact_str(&event->target_branch, mr, "target_branch", e) != 0 ||
	    fact_str(&event->source_branch, mr, "source_branch", e) != 0 ||
	    fact_str(&event->source_commit, mr, "sha", e) != 0 ||
	    fact_number(&source, mr, "source_project_id", e) != 0 ||
	    fact_number(&target, mr, "target_project_id", e) != 0)
		return -1;
	event->repository_id = target;
	event->from_fork = fact_is_fork(source, target);
	return 0;
}

static int gitlab_read_one(struct api_pull *out, const struct json *root,
			   const struct api_place *place, struct arena *arena, struct err *e)
{
	static const struct api_word words[] = { { "merged", API_MERGED },
						 { "opened", API_PENDING },
						 { "locked", API_PENDING },
						 { NULL, API_OTHER } };
	struct str commit;
	struct api_pull pull = { .event = { .repository = place->full_name,
					    .action = STR("merge") } };
	struct event *event = &pull.event;
	(void)arena;
	if (fact_str(&pull.state_word, root, "state", e) != 0 ||
	    api_time(&pull.merged_ms, root, "merged_at", e) != 0 ||
	    api_time(&pull.updated_ms, root, "updated_at", e) != 0 ||
	    fact_number(&event->pull_request.number, root, "iid", e) != 0 ||
	    fact_str(&event->pull_request.title, root, "title", e) != 0 ||
	    fact_url(&event->pull_request.url, root, "web_url", e) != 0 ||
	    read_sides(event, root, e) != 0 || fact_object(root, "author", e) != 0 ||
	    read_user(event, json_get(root, "author"), e) != 0 ||
	    fact_object(root, "merged_by", e) != 0 ||
	    fact_str(&event->actor, root, "merged_by.username", e) != 0 ||
	    read_commit(&commit, root, e) != 0)
		return -1;
	pull.state = api_state_of(words, pull.state_word);
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

static int gitlab_read_page(struct api_page *out, const struct json *root,
			    const struct api_place *place, int64_t cursor, struct arena *arena,
			    struct err *e)
{
	struct api_page page;
	if (api_read_list(&page, root, place, gitlab_read_one, arena, e) != 0)
		return -1;
	page.next = page.n > 0 ? cursor + 1 : -1;
	*out = page;
	return 0;
}

static void gitlab_author_path(struct buf *path, const struct api_place *place, struct str id)
{
	(void)place;
	buf_adds(path, "/users/");
	api_escape(path, id);
}

static int gitlab_read_author(struct event *event, const struct json *root, struct err *e)
{
	struct event read = { .kind = EVENT_OTHER };
	if (root->kind != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "the answer is no object");
	if (read_user(&read, root, e) != 0)
		return -1;
	if (read.author.id.p == NULL || !str_eq(read.author.id, event->author.id))
		return err_set(e, ERR_INPUT, "the answer is about another user than was asked for");
	event->author.login = fact_either(read.author.login, event->author.login);
	event->author.name = fact_either(read.author.name, event->author.name);
	if (read.author.bot != EVENT_BOT_UNKNOWN)
		event->author.bot = read.author.bot;
	return 0;
}

const struct api gitlab_api = {
	.name = "gitlab",
	.auth = API_AUTH_PRIVATE,
	.headers = { "Accept: application/json", NULL },
	.scope = "read_api",
	.newest_first = 1,
	.base = gitlab_base,
	.pull_path = gitlab_pull_path,
	.read_pull = gitlab_read_one,
	.merged_path = gitlab_merged_path,
	.read_page = gitlab_read_page,
	.author_path = gitlab_author_path,
	.read_author = gitlab_read_author,
};
