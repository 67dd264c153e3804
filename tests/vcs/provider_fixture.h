/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VCS_PROVIDER_FIXTURE_H
#define TESTS_VCS_PROVIDER_FIXTURE_H

/* What the tests of all providers do alike. */

#include "base/mem.h"
#include "tests/support/check.h"
#include "vcs/provider.h"

#include <string.h>

#define COMMIT "1f0c4de7a2b35c6d7e8f90123456789abcdef012"
#define ZERO "0000000000000000000000000000000000000000"

static inline int try_authenticate(const struct provider *p, const struct request *r,
				   const struct str *secrets, size_t n, int64_t now_s,
				   struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	assert_non_null(d);
	return p->authenticate(r, secrets, n, now_s, d, e);
}

/* A request that must not pass: up to three headers ("Name: value"), and what is said about it. */
struct refusal {
	const char *headers[4];
	const char *says;
};

static inline size_t read_headers(struct header *out, const char *const *lines)
{
	size_t n = 0;
	for (; n < 4 && lines[n] != NULL; n++) {
		const struct str line = str_of(lines[n]);
		const size_t colon = str_find(line, ':');
		out[n] =
		    (struct header){ str_first(line, colon), str_trim(str_from(line, colon + 1)) };
	}
	return n;
}

static inline void check_refusals(const struct provider *p, const struct refusal *rows, size_t n,
				  struct str body, struct str secret, int64_t now_s)
{
	for (size_t i = 0; i < n; i++) {
		struct header headers[4];
		const struct request r = { headers, read_headers(headers, rows[i].headers), body };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(try_authenticate(p, &r, &secret, 1, now_s, &e), -1);
		assert_int_equal(e.code, ERR_AUTH);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static inline int try_parse(const struct provider *p, struct event *event, const char *type,
			    struct str body, struct arena *arena, struct err *e)
{
	struct header headers[2] = { { STR("Content-Type"), STR("application/json") } };
	size_t n = 1;
	if (p->event_header != NULL && type != NULL)
		headers[n++] = (struct header){ str_of(p->event_header), str_of(type) };
	const struct request r = { headers, n, body };
	return p->parse(event, &r, arena, e);
}

/* A body that must be refused: the event's type, the body, and what is said about it. */
static inline void check_malformed(const struct provider *p, const char *const (*rows)[3], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		struct event event = { .kind = EVENT_PING };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		if (try_parse(p, &event, rows[i][0], str_of(rows[i][1]), &arena, &e) != -1)
			fail_msg("row %zu is taken", i);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(event.kind, EVENT_PING);
		if (strstr(e.msg, rows[i][2]) == NULL)
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static inline void assert_same(const char *what, struct str a, struct str b)
{
	if ((a.p == NULL) != (b.p == NULL) || !str_eq(a, b))
		fail_msg("%s is '%.*s' instead of '%.*s'", what, STR_ARG(a), STR_ARG(b));
}

static inline void assert_same_event(const struct event *back, const struct event *event)
{
	assert_int_equal(back->kind, event->kind);
	assert_int_equal(back->deleted, event->deleted);
	assert_int_equal(back->from_fork, event->from_fork);
	assert_same("repository", back->repository, event->repository);
	assert_same("target", back->target_branch, event->target_branch);
	assert_same("source", back->source_branch, event->source_branch);
	assert_same("source commit", back->source_commit, event->source_commit);
	assert_same("commit", back->merge_commit, event->merge_commit);
	assert_same("number", back->pull_request.number, event->pull_request.number);
	assert_same("title", back->pull_request.title, event->pull_request.title);
	assert_same("url", back->pull_request.url, event->pull_request.url);
	assert_same("author id", back->author.id, event->author.id);
	assert_same("author", back->author.login, event->author.login);
	assert_int_equal(back->author.bot, event->author.bot);
	assert_same("actor", back->actor, event->actor);
}

/* What is composed and signed must be taken and read back as the same event. */
static inline void check_read_back(const struct provider *p, const struct event *event,
				   struct str secret)
{
	AUTO(arena) struct arena arena;
	AUTO(digest) struct digest *d = digest_new();
	AUTO(buf) struct buf body, value;
	const char *type = NULL, *name = NULL;
	struct event back;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 20);
	buf_init(&body, 1 << 20);
	buf_init(&value, 1 << 12);
	check_ok(p->compose(&body, &type, event, &e), &e);
	if (try_parse(p, &back, type, buf_str(&body), &arena, &e) != 0)
		fail_msg("%s in %s", e.msg, body.p);
	assert_same_event(&back, event);
	check_ok(p->sign(&name, &value, buf_str(&body), secret, d, &e), &e);
	const struct header header = { str_of(name), buf_str(&value) };
	const struct request r = { &header, 1, buf_str(&body) };
	check_ok(p->authenticate(&r, &secret, 1, 1, d, &e), &e);
}

static inline struct event sample_merge(void)
{
	return (struct event){
		.kind = EVENT_MERGE,
		.repository = STR("brook/mill"),
		.target_branch = STR("release/1.2"),
		.source_branch = STR("sluice"),
		.source_commit = STR("5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2"),
		.merge_commit = STR(COMMIT),
		.pull_request = { STR("41"), STR("Add \"it\" \xf0\x9f\x8c\x8a"),
				  STR("https://vcs.example.com/brook/mill/41") },
		.author = { .id = STR("9007199254740993"),
			    .login = STR("ada"),
			    .bot = EVENT_BOT_NO },
		.actor = STR("otto"),
	};
}

/* A pull request, a push, a new branch and a deletion, as `read back` wants them. */
static inline void check_read_back_kinds(const struct provider *p, struct event merge,
					 struct str secret)
{
	check_read_back(p, &merge, secret);
	merge.from_fork = 1;
	check_read_back(p, &merge, secret);
	merge.kind = EVENT_PR;
	merge.merge_commit = STR_NULL;
	check_read_back(p, &merge, secret);
	struct event push = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("release/1"),
		.merge_commit = STR(COMMIT),
		.actor = STR("otto"),
	};
	check_read_back(p, &push, secret);
	push.before = STR("77aa0c12de34f56789abcdef0123456789abcdef");
	check_read_back(p, &push, secret);
	const struct event other = { .kind = EVENT_OTHER, .repository = STR("brook/mill") };
	AUTO(buf) struct buf body;
	const char *type = NULL;
	struct err e = { .code = ERR_NONE };
	buf_init(&body, 1 << 16);
	assert_int_equal(p->compose(&body, &type, &other, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_null(type);
}

/* Every allocation of parse fails once. */
static inline void check_lack_of_memory(const struct provider *p, const char *type,
					const char *body)
{
	int failed = 0;
	for (long calls = 0;; calls++) {
		AUTO(arena) struct arena arena;
		struct event event;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		mem_fail_after(calls);
		int rc = try_parse(p, &event, type, str_of(body), &arena, &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
		failed++;
	}
	assert_in_range(failed, 1, 100);
	/* And every bound of the arena is kept. */
	for (size_t max = 0;; max += 64) {
		AUTO(arena) struct arena arena;
		struct event event;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, max);
		if (try_parse(p, &event, type, str_of(body), &arena, &e) == 0)
			break;
		assert_true(e.code == ERR_LIMIT || e.code == ERR_NOMEM);
	}
}

#endif
