/* SPDX-License-Identifier: Apache-2.0 */
/* What the providers' APIs have in common: the table, paths, times, lists. It knows no provider. */

#include "vcs/api.h"

#include "base/clock.h"
#include "vcs/api_impl.h"

#include <string.h>

static const struct api *const apis[] = {
	&github_api, &gitlab_api, &bitbucket_api, &bitbucket_server_api, &azure_api, &gitea_api,
};

const struct api *api_find(struct str name)
{
	for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++) {
		if (str_eq_cstr(name, apis[i]->name))
			return apis[i];
	}
	return NULL;
}

/* --- places --- */

int api_base(struct str *out, const struct api *api, struct str configured, struct str clone_url,
	     struct arena *arena, struct err *e)
{
	if (configured.p == NULL)
		return api->base(out, clone_url, arena, e);
	struct str base = configured;
	while (str_ends(base, STR("/")))
		base.n--;
	*out = base;
	return 0;
}

struct str api_clone_host(struct str url)
{
	size_t colon = str_find(url, ':');
	struct str host;
	if (colon == url.n || str_starts(url, STR("file:")))
		return STR_NULL;
	if (str_starts(str_from(url, colon), STR("://"))) {
		host = str_from(url, colon + strlen("://"));
		host = str_first(host, str_find(host, '/'));
	} else {
		host = str_first(url, colon); /* user@host:path */
	}
	size_t at = str_find_last(host, '@');
	if (at < host.n)
		host = str_from(host, at + 1);
	return str_first(host, str_find(host, ':'));
}

int api_cloud_base(struct str *out, struct str clone_url, const char *host, const char *url,
		   const char *example, struct err *e)
{
	if (!str_eq_nocase(api_clone_host(clone_url), str_of(host)))
		return err_set(
		    e, ERR_INPUT,
		    "where the API is cannot be told from the clone_url, which is not of "
		    "%s; set 'api.url', such as %s",
		    host, example);
	*out = str_of(url);
	return 0;
}

/* --- paths --- */

static int is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~';
}

void api_escape(struct buf *out, struct str s)
{
	const int dots = str_eq_cstr(s, ".") || str_eq_cstr(s, "..");
	for (size_t i = 0; i < s.n; i++) {
		if (is_unreserved(s.p[i]) && !dots)
			buf_addc(out, s.p[i]);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)s.p[i]);
	}
}

void api_escape_path(struct buf *out, struct str s)
{
	struct str part;
	for (int first = 1; str_split(&part, &s, '/'); first = 0) {
		if (!first)
			buf_addc(out, '/');
		api_escape(out, part);
	}
}

int api_number_is_valid(struct str number)
{
	if (number.n == 0 || number.n > 19)
		return 0;
	for (size_t i = 0; i < number.n; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return 0;
	}
	return 1;
}

int api_commit_is_short(struct str commit)
{
	if (commit.n < 12 || commit.n >= 40)
		return 0;
	for (size_t i = 0; i < commit.n; i++) {
		const char c = commit.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return 0;
	}
	return 1;
}

/* --- answers --- */

int api_time(int64_t *out_ms, const struct json *root, const char *path, struct err *e)
{
	struct str text;
	int64_t ms = 0;
	if (fact_str(&text, root, path, e) != 0)
		return -1;
	/* An age, which is read as well, would be one before 1970. */
	if (text.p != NULL && (clock_parse(&ms, text, 0, NULL) != 0 || ms < 0))
		return err_set(e, ERR_INPUT, "'%s' is malformed (expected a time)", path);
	*out_ms = ms;
	return 0;
}

int64_t api_either_time(int64_t first, int64_t second)
{
	return first != 0 ? first : second;
}

enum api_state api_state_of(const struct api_word *words, struct str word)
{
	for (; words->word != NULL; words++) {
		if (str_eq_cstr(word, words->word))
			return words->state;
	}
	return API_OTHER;
}

void api_set_merge(struct api_pull *pull, struct str commit)
{
	pull->event.kind = EVENT_PR;
	if (pull->state != API_MERGED)
		return;
	pull->event.kind = EVENT_MERGE;
	pull->event.merge_commit = commit;
}

static int count_objects(size_t *n, const struct json *array, struct err *e)
{
	size_t count = 0;
	if (array == NULL || array->kind != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "the answer holds no list of pull requests");
	for (const struct json *item = array->child; item != NULL; item = item->next) {
		if (item->kind != JSON_OBJECT)
			return err_set(e, ERR_INPUT, "item %zu of the answer is no object",
				       count + 1);
		if (++count > API_PAGE_MAX)
			return err_set(e, ERR_INPUT, "the answer has more than %d items",
				       API_PAGE_MAX);
	}
	*n = count;
	return 0;
}

int api_read_list(struct api_page *out, const struct json *array, const struct api_place *place,
		  int (*read)(struct api_pull *out, const struct json *item,
			      const struct api_place *place, struct arena *arena, struct err *e),
		  struct arena *arena, struct err *e)
{
	size_t n = 0, i = 0;
	if (count_objects(&n, array, e) != 0)
		return -1;
	struct api_pull *pulls = arena_array(arena, n + 1, sizeof *pulls);
	if (pulls == NULL)
		return arena_err(arena, e);
	for (const struct json *item = array->child; item != NULL; item = item->next, i++) {
		if (read(&pulls[i], item, place, arena, e) != 0)
			return err_wrap(e, "item %zu of the answer", i + 1);
	}
	*out = (struct api_page){ .pulls = pulls, .n = n, .next = -1 };
	return 0;
}

int api_pull_copy(struct api_pull *out, const struct api_pull *pull, struct arena *arena,
		  struct err *e)
{
	struct api_pull copy = *pull;
	struct event *v = &copy.event;
	struct str *const texts[] = {
		&copy.state_word,
		&v->action,
		&v->repository,
		&v->target_branch,
		&v->source_branch,
		&v->merge_commit,
		&v->before,
		&v->pull_request.number,
		&v->pull_request.title,
		&v->pull_request.url,
		&v->author.id,
		&v->author.other_id,
		&v->author.login,
		&v->author.name,
		&v->actor,
		&v->source_commit,
		&v->repository_id,
		&v->subscription_id,
		&v->delivery_id,
	};
	/* No API tells of a push, so there are no lists to copy. */
	v->changes = NULL;
	v->n_changes = 0;
	v->people = NULL;
	v->n_people = 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i]->p == NULL)
			continue;
		*texts[i] = arena_str(arena, *texts[i]);
		if (texts[i]->p == NULL)
			return arena_err(arena, e);
	}
	*out = copy;
	return 0;
}
