/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VCS_API_FIXTURE_H
#define TESTS_VCS_API_FIXTURE_H

/* What the tests of all providers' APIs do alike. */

#include "base/mem.h"
#include "tests/support/check.h"
#include "vcs/api.h"

#include <string.h>

#define COMMIT "1f0c4de7a2b35c6d7e8f90123456789abcdef012"

static inline struct api_place sample_place(void)
{
	return (struct api_place){ .base = STR("https://api.example.com"),
				   .full_name = STR("brook/the mill"),
				   .branch = STR("release/1.2") };
}

static inline int try_read(const struct api *api, struct api_pull *out, const char *text,
			   struct arena *arena, struct err *e)
{
	const struct api_place place = sample_place();
	struct json *root;
	if (json_parse(&root, str_of(text), arena, e) != 0)
		return -1;
	return api->read_pull(out, root, &place, arena, e);
}

static inline void assert_text(struct str is, const char *want)
{
	if ((is.p == NULL) != (want == NULL) || !str_eq(is, str_of(want)))
		fail_msg("'%.*s' instead of '%s'", STR_ARG(is), want != NULL ? want : "(absent)");
}

/* Answers and what is read from them. */
struct reading {
	const char *text;
	enum api_state state;
	const char *commit; /* NULL: absent */
};

static inline void check_readings(const struct api *api, const struct reading *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		struct api_pull pull;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		if (try_read(api, &pull, rows[i].text, &arena, &e) != 0)
			fail_msg("row %zu: %s", i, e.msg);
		if (pull.state != rows[i].state)
			fail_msg("row %zu has state %d", i, (int)pull.state);
		assert_int_equal(pull.event.kind,
				 pull.state == API_MERGED ? EVENT_MERGE : EVENT_PR);
		assert_text(pull.event.merge_commit, rows[i].commit);
	}
}

/* Answers that must not be read, and what is said about them. */
static inline void check_unreadable(const struct api *api, const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		struct api_pull pull = { .merged_ms = 4711 };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		if (try_read(api, &pull, rows[i][0], &arena, &e) != -1)
			fail_msg("row %zu is read", i);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(pull.merged_ms, 4711);
		if (strstr(e.msg, rows[i][1]) == NULL)
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static inline int try_page(const struct api *api, struct api_page *out, const char *text,
			   int64_t cursor, struct arena *arena, struct err *e)
{
	const struct api_place place = sample_place();
	struct json *root;
	if (json_parse(&root, str_of(text), arena, e) != 0)
		return -1;
	return api->read_page(out, root, &place, cursor, arena, e);
}

/* A page: how many it has, and what the next is asked for by. -2: it cannot be read. */
struct paging {
	const char *text;
	int64_t cursor;
	int64_t n;
	int64_t next;
};

static inline void check_pages(const struct api *api, const struct paging *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		struct api_page page = { .n = 0 };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		int rc = try_page(api, &page, rows[i].text, rows[i].cursor, &arena, &e);
		if ((rc == 0) != (rows[i].next != -2))
			fail_msg("row %zu: %s", i, e.msg);
		if (rc != 0) {
			assert_int_equal(e.code, ERR_INPUT);
			continue;
		}
		assert_int_equal(page.n, rows[i].n);
		assert_int_equal(page.next, rows[i].next);
	}
}

static inline void check_path(void (*write)(struct buf *path, const struct api_place *place,
					    struct str number),
			      const char *number, const char *want)
{
	const struct api_place place = sample_place();
	AUTO(buf) struct buf path;
	buf_init(&path, 4096);
	write(&path, &place, str_of(number));
	assert_string_equal(path.p, want);
}

static inline void check_merged_path(const struct api *api, int64_t since_ms, int64_t cursor,
				     const char *want)
{
	const struct api_place place = sample_place();
	AUTO(buf) struct buf path;
	buf_init(&path, 4096);
	api->merged_path(&path, &place, since_ms, cursor);
	assert_string_equal(path.p, want);
}

/* The base url of a clone url; NULL: none, and the message names api.url. */
static inline void check_base(const struct api *api, const char *clone_url, const char *want)
{
	AUTO(arena) struct arena arena;
	struct str base;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 12);
	int rc = api_base(&base, api, STR_NULL, str_of(clone_url), &arena, &e);
	if ((rc == 0) != (want != NULL))
		fail_msg("%s: %s", clone_url, rc == 0 ? "is taken" : e.msg);
	if (rc == 0) {
		assert_text(base, want);
		return;
	}
	assert_int_equal(e.code, ERR_INPUT);
	assert_non_null(strstr(e.msg, "api.url"));
}

/* Each allocation of a reading fails once, and each bound of the arena is kept. */
static inline void check_short_of_memory(const struct api *api, const char *text)
{
	for (size_t max = 0;; max += 64) {
		AUTO(arena) struct arena arena;
		struct api_pull pull, copy;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, max);
		if (try_read(api, &pull, text, &arena, &e) == 0 &&
		    api_pull_copy(&copy, &pull, &arena, &e) == 0)
			break;
		assert_true(e.code == ERR_LIMIT || e.code == ERR_NOMEM);
		assert_true(max < 1 << 20);
	}
}

#endif
