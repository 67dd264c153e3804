/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST API of Azure DevOps, Services and Server. A service hook is not signed, so where a token
 * is configured the pull request is looked at again, and what this says counts. Facts: Microsoft
 * Learn, "Azure DevOps Services REST API", Pull Requests; version 6.0 is what Server 2020 knows.
 */

#include "vcs/api_impl.h"

#include <string.h>

static const char version[] = "api-version=6.0";

/* --- where it is --- */

/* The organisation of "v3/ORG/PROJECT/REPO" or "/ORG/PROJECT/_git/REPO". */
static struct str part_at(struct str path, size_t index)
{
	struct str part = STR_NULL;
	if (str_starts(path, STR("/")))
		path = str_from(path, 1);
	for (size_t i = 0; i <= index; i++) {
		if (!str_split(&part, &path, '/'))
			return STR_NULL;
	}
	return part;
}

/* What follows the host of a clone url. */
static struct str path_of(struct str url)
{
	size_t at = str_find(url, ':');
	if (!str_starts(str_from(url, at), STR("://")))
		return str_from(url, at + 1);
	struct str rest = str_from(url, at + strlen("://"));
	return str_from(rest, str_find(rest, '/'));
}

static struct str organisation_of(struct str clone_url)
{
	static const struct str old = { ".visualstudio.com", sizeof ".visualstudio.com" - 1 };
	const struct str host = api_clone_host(clone_url), path = path_of(clone_url);
	if (str_eq_nocase(host, STR("dev.azure.com")))
		return part_at(path, 0);
	if (str_eq_nocase(host, STR("ssh.dev.azure.com")) ||
	    str_eq_nocase(host, STR("vs-ssh.visualstudio.com")))
		return part_at(path, 1);
	if (host.n > old.n && str_eq_nocase(str_from(host, host.n - old.n), old))
		return str_first(host, host.n - old.n);
	return STR_NULL;
}

static int azure_base(struct str *out, struct str clone_url, struct arena *arena, struct err *e)
{
	const struct str organisation = organisation_of(clone_url);
	if (organisation.n == 0)
		return err_set(
		    e, ERR_INPUT,
		    "the organisation cannot be told from the clone_url, which is not of "
		    "dev.azure.com; set 'api.url', such as https://dev.azure.com/ORG or "
		    "https://tfs.example.com/COLLECTION");
	const char *url = arena_printf(arena, "https://dev.azure.com/%.*s", STR_ARG(organisation));
	if (url == NULL)
		return arena_err(arena, e);
	*out = str_of(url);
	return 0;
}

/* --- paths --- */

static void add_pulls(struct buf *path, const struct api_place *place)
{
	buf_addc(path, '/');
	api_escape(path, fact_owner(place->full_name));
	buf_adds(path, "/_apis/git/repositories/");
	api_escape(path, fact_name(place->full_name));
	buf_adds(path, "/pullrequests");
}

static void azure_pull_path(struct buf *path, const struct api_place *place, struct str number)
{
	add_pulls(path, place);
	buf_addc(path, '/');
	api_escape(path, number);
	buf_addf(path, "?%s", version);
}

static void azure_merged_path(struct buf *path, const struct api_place *place, int64_t since_ms,
			      int64_t cursor)
{
	(void)since_ms; /* there is no such filter in this version */
	add_pulls(path, place);
	buf_adds(path, "?searchCriteria.status=completed"
		       "&searchCriteria.targetRefName=refs%2Fheads%2F");
	api_escape(path, place->branch);
	buf_addf(path, "&$top=%d&$skip=%lld&%s", API_PAGE, (long long)cursor, version);
}

/* --- answers --- */

/*
 * Completing takes a second or two: until then it is active, or its merge is queued. An active one
 * whose merge cannot succeed will not be completed by waiting.
 */
static enum api_state state_of(struct str status, struct str merge_status)
{
	const int waits = merge_status.p == NULL || str_eq_cstr(merge_status, "queued") ||
			  str_eq_cstr(merge_status, "notSet");
	const int succeeded = str_eq_cstr(merge_status, "succeeded");
	if (str_eq_cstr(status, "completed") && succeeded)
		return API_MERGED;
	if (str_eq_cstr(status, "completed") && waits)
		return API_PENDING;
	return str_eq_cstr(status, "active") && (waits || succeeded) ? API_PENDING : API_OTHER;
}

static int azure_read_one(struct api_pull *out, const struct json *root,
			  const struct api_place *place, struct arena *arena, struct err *e)
{
	struct str status, merge_status, commit;
	struct api_pull pull = { .event = { .action = STR("git.pullrequest.merged") } };
	(void)place;
	if (fact_str(&status, root, "status", e) != 0 ||
	    fact_str(&merge_status, root, "mergeStatus", e) != 0 ||
	    api_time(&pull.merged_ms, root, "closedDate", e) != 0 ||
	    azure_read_pull(&pull.event, &commit, root, arena, e) != 0)
		return -1;
	const char *word =
	    arena_printf(arena, "%.*s, merge %.*s", STR_ARG(fact_either(status, STR("?"))),
			 STR_ARG(fact_either(merge_status, STR("not tried"))));
	if (word == NULL)
		return arena_err(arena, e);
	pull.state_word = str_of(word);
	pull.updated_ms = pull.merged_ms;
	pull.state = state_of(status, merge_status);
	api_set_merge(&pull, commit);
	*out = pull;
	return 0;
}

static int azure_read_page(struct api_page *out, const struct json *root,
			   const struct api_place *place, int64_t cursor, struct arena *arena,
			   struct err *e)
{
	struct api_page page;
	if (api_read_list(&page, json_get(root, "value"), place, azure_read_one, arena, e) != 0)
		return -1;
	page.next = page.n > 0 ? cursor + (int64_t)page.n : -1;
	*out = page;
	return 0;
}

const struct api azure_api = {
	.name = "azure",
	.auth = API_AUTH_BASIC,
	.headers = { "Accept: application/json", NULL },
	.scope = "Code (Read)",
	.decides = 1,
	.base = azure_base,
	.pull_path = azure_pull_path,
	.read_pull = azure_read_one,
	.merged_path = azure_merged_path,
	.read_page = azure_read_page,
};
