/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a provider's API, and what its answers mean for us. How a request is carried is
 * in provider_api_http.c; how answers are written is each provider's own (vcs/api.h).
 */

#include "receiver/provider_api.h"

#include "base/mem.h"
#include "receiver/provider_api_impl.h"

#include <stdlib.h>

enum {
	PATH_BYTES = 4096,
	PAGE_MEMORY = 256 * 1024 * 1024, /* an answer as a tree takes several times its text */
};

int provider_api_check(const struct conf_repository *r, struct err *e)
{
	AUTO(arena) struct arena arena;
	const struct api *api = api_find(r->provider);
	struct str base;
	arena_init(&arena, 16 * 1024);
	if (r->api == NULL)
		return 0;
	if (api == NULL)
		return err_set(e, ERR_INPUT, "provider '%.*s' has no API (leave 'api' out)",
			       STR_ARG(r->provider));
	if (api_base(&base, api, r->api->url, r->clone_url, &arena, e) != 0)
		return err_wrap(e, "api");
	return 0;
}

int provider_api_open(struct provider_api **out, const struct provider_api_options *options,
		      struct err *e)
{
	const struct conf_repository *r = options->repository;
	const struct api *driver = api_find(r->provider);
	if (driver == NULL)
		return err_set(e, ERR_REFUSED, "provider '%.*s' has no API to ask",
			       STR_ARG(r->provider));
	if (r->api == NULL)
		return err_set(e, ERR_REFUSED,
			       "repository '%.*s' has no 'api' (add it with a token: api: {token: "
			       "{env: NAME}})",
			       STR_ARG(r->id));
	AUTO(provider_api) struct provider_api *api = mem_array(1, sizeof *api);
	if (api == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	api->options = *options;
	api->driver = driver;
	arena_init(&api->arena, 64 * 1024);
	if (api_base(&api->place.base, driver, r->api->url, r->clone_url, &api->arena, e) != 0)
		return err_wrap(e, "api of repository '%.*s'", STR_ARG(r->id));
	api->place.full_name = r->full_name;
	api->place.branch = r->branch;
	if (provider_api_http_open(api, e) != 0)
		return -1;
	*out = TAKE(api);
	return 0;
}

void provider_api_close(struct provider_api *api)
{
	if (api == NULL)
		return;
	provider_api_http_close(api);
	arena_free(&api->arena);
	mem_free(api);
}

/* Every failure says whose API failed. */
static int wrap(const struct provider_api *api, struct err *e)
{
	return err_wrap(e, "the API of repository '%.*s'", STR_ARG(api->options.repository->id));
}

/* GET a path and parse what comes; the tree lives in `arena`. */
static int ask(struct json **root, struct provider_api *api, const struct buf *path,
	       struct arena *arena, struct err *e)
{
	struct str text;
	if (buf_check(path, e) != 0 || provider_api_http_get(&text, api, path->p, arena, e) != 0)
		return wrap(api, e);
	if (json_parse(root, text, arena, e) != 0) {
		(void)err_wrap(e, "the answer is no JSON (is api.url right?)");
		return wrap(api, e);
	}
	return 0;
}

static int ask_commit(struct str *out, struct provider_api *api, struct str number,
		      struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf path;
	struct json *root;
	buf_init(&path, PATH_BYTES);
	api->driver->commit_path(&path, &api->place, number);
	if (ask(&root, api, &path, arena, e) != 0)
		return -1;
	return api->driver->read_commit(out, root, e) == 0 ? 0 : wrap(api, e);
}

/* The merge commit of a merged pull request, where that is not in what describes it. */
static int find_commit(struct api_pull *pull, struct provider_api *api, struct arena *arena,
		       struct err *e)
{
	if (pull->state != API_MERGED || pull->event.merge_commit.n > 0 ||
	    api->driver->commit_path == NULL)
		return 0;
	return ask_commit(&pull->event.merge_commit, api, pull->event.pull_request.number, arena,
			  e);
}

int provider_api_pull(struct api_pull *out, struct provider_api *api, struct str number,
		      struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf path;
	struct json *root;
	struct api_pull pull;
	buf_init(&path, PATH_BYTES);
	if (!api_number_is_valid(number))
		return err_set(e, ERR_INPUT, "'%.*s' is no number of a pull request",
			       STR_ARG(str_first(number, 32)));
	api->driver->pull_path(&path, &api->place, number);
	if (ask(&root, api, &path, arena, e) != 0)
		return -1;
	if (root->kind != JSON_OBJECT) {
		(void)err_set(e, ERR_INPUT, "the answer is no object (is api.url right?)");
		return wrap(api, e);
	}
	if (api->driver->read_pull(&pull, root, &api->place, arena, e) != 0)
		return wrap(api, e);
	if (!str_eq(pull.event.pull_request.number, number)) {
		(void)err_set(e, ERR_INPUT, "the answer is about '%.*s', asked was for '%.*s'",
			      STR_ARG(str_first(pull.event.pull_request.number, 32)),
			      STR_ARG(number));
		return wrap(api, e);
	}
	if (find_commit(&pull, api, arena, e) != 0)
		return -1;
	*out = pull;
	return 0;
}

int provider_api_author(struct event *event, struct provider_api *api, struct arena *arena,
			struct err *e)
{
	AUTO(buf) struct buf path;
	struct json *root;
	buf_init(&path, PATH_BYTES);
	if (api->driver->author_path == NULL || !api_number_is_valid(event->author.id))
		return 0;
	api->driver->author_path(&path, &api->place, event->author.id);
	if (ask(&root, api, &path, arena, e) != 0)
		return -1;
	return api->driver->read_author(event, root, e) == 0 ? 0 : wrap(api, e);
}

/* --- many --- */

struct harvest {
	struct api_pull *list; /* on the heap */
	size_t n, cap;
};

static void harvest_free(struct harvest *h)
{
	mem_free(h->list);
}
AUTO_DEFINE_INPLACE(harvest, struct harvest, harvest_free);

static int keep(struct harvest *h, const struct api_pull *pull, struct arena *arena, struct err *e)
{
	if (h->n == h->cap) {
		size_t cap = h->cap > 0 ? h->cap * 2 : 64;
		struct api_pull *grown = mem_resize(h->list, cap * sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		h->list = grown;
		h->cap = cap;
	}
	if (api_pull_copy(&h->list[h->n], pull, arena, e) != 0)
		return -1;
	h->n++;
	return 0;
}

static int64_t time_of(const struct api_pull *pull)
{
	return pull->merged_ms != 0 ? pull->merged_ms : pull->updated_ms;
}

static int is_wanted(const struct api_pull *pull, const struct provider_api *api, int64_t since_ms)
{
	const int64_t when = time_of(pull);
	return pull->state == API_MERGED && (when == 0 || when >= since_ms) &&
	       str_eq(pull->event.target_branch, api->place.branch);
}

static int keep_wanted(struct harvest *h, struct api_page *page, struct provider_api *api,
		       int64_t since_ms, struct arena *memory, struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < page->n; i++) {
		struct api_pull *pull = &page->pulls[i];
		if (!is_wanted(pull, api, since_ms))
			continue;
		if (find_commit(pull, api, memory, e) != 0 || keep(h, pull, arena, e) != 0)
			return -1;
	}
	return 0;
}

/* Whether what follows this page can only be older. */
static int is_past(const struct api_page *page, const struct api *driver, int64_t since_ms)
{
	if (!driver->newest_first || page->n == 0)
		return 0;
	const int64_t last = page->pulls[page->n - 1].updated_ms;
	return last != 0 && last < since_ms;
}

/* One page; `*cursor` is the next one's, or -1. */
static int read_page(struct harvest *h, int64_t *cursor, struct provider_api *api, int64_t since_ms,
		     struct arena *arena, struct err *e)
{
	AUTO(arena) struct arena memory;
	AUTO(buf) struct buf path;
	struct api_page page;
	struct json *root;
	arena_init(&memory, PAGE_MEMORY);
	buf_init(&path, PATH_BYTES);
	api->driver->merged_path(&path, &api->place, since_ms, *cursor);
	if (ask(&root, api, &path, &memory, e) != 0)
		return -1;
	if (api->driver->read_page(&page, root, &api->place, *cursor, &memory, e) != 0)
		return wrap(api, e);
	if (keep_wanted(h, &page, api, since_ms, &memory, arena, e) != 0)
		return -1;
	*cursor = is_past(&page, api->driver, since_ms) ? -1 : page.next;
	return 0;
}

static int by_time(const void *left, const void *right)
{
	const struct api_pull *a = left, *b = right;
	if (time_of(a) != time_of(b))
		return time_of(a) < time_of(b) ? -1 : 1;
	const struct str x = a->event.pull_request.number, y = b->event.pull_request.number;
	return x.n != y.n ? (x.n < y.n ? -1 : 1) : str_cmp(x, y);
}

/* A list that moves while it is paged shows one pull request on two pages. */
static size_t without_repeats(struct api_pull *list, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && str_eq(list[kept - 1].event.pull_request.number,
				       list[i].event.pull_request.number))
			continue;
		list[kept++] = list[i];
	}
	return kept;
}

int provider_api_merged(struct api_pull **out, size_t *n, int *complete, struct provider_api *api,
			int64_t since_ms, struct arena *arena, struct err *e)
{
	AUTO(harvest) struct harvest h = { 0 };
	int64_t cursor = 0;
	for (int page = 0; cursor >= 0 && page < PROVIDER_API_PAGES_MAX; page++) {
		if (read_page(&h, &cursor, api, since_ms, arena, e) != 0)
			return -1;
	}
	if (h.n > 0) {
		qsort(h.list, h.n, sizeof *h.list, by_time);
		h.n = without_repeats(h.list, h.n);
	}
	struct api_pull *list = arena_array(arena, h.n + 1, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < h.n; i++)
		list[i] = h.list[i];
	*out = list;
	*n = h.n;
	*complete = cursor < 0;
	return 0;
}
