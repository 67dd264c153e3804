/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authors as a hostile repository or body names them. The first byte picks the provider, then come
 * lines: a clone url, a pattern, a login (or the address of a commit), an id, a second id, a name.
 * What is taken is text without control characters, of bounded length, and one identity.
 */

#include "vcs/author.h"
#include "vcs/provider.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 6 };

static size_t characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; n++)
		i += str_utf8_len(str_from(s, i));
	return n;
}

static void check_text(struct str s)
{
	assert(str_is_utf8(s) && !str_has_control(s));
	assert(characters(s) <= AUTHOR_CHARACTERS_MAX);
}

static void check_author(const struct author *a)
{
	check_text(a->id);
	check_text(a->other_id);
	check_text(a->login);
	check_text(a->name);
	assert(a->other_id.n == 0 || !str_eq(a->id, a->other_id));
}

/* An exact pattern matches itself in any case, and so does one behind a star. */
static void check_patterns(struct str pattern, struct str login)
{
	const int matches = author_matches(pattern, login);
	assert(author_matches(STR("*"), login));
	assert(author_matches(pattern, pattern));
	if (str_find(pattern, '*') == pattern.n)
		assert(matches == str_eq_nocase(pattern, login));
	else
		assert(!matches || str_starts(pattern, STR("*")) ||
		       str_eq_nocase(str_first(pattern, 1), str_first(login, 1)));
}

static void check_event(struct str provider, const struct str line[LINES], struct arena *arena)
{
	const struct event event = {
		.author = { .id = line[3], .other_id = line[4], .login = line[2], .name = line[5] },
	};
	struct author a;
	struct err e = { .code = ERR_NONE };
	if (author_of_event(&a, provider, &event, &line[1], 1, arena, &e) != 0) {
		assert(e.code == ERR_INPUT && e.msg[0] != '\0');
		return;
	}
	check_author(&a);
	assert((a.id.n == 0) == (line[3].n == 0 && line[2].n == 0));
	assert(line[2].n == 0 || !author_matches(line[1], line[2]) || a.bot == EVENT_BOT_YES);
}

static void check_commit(struct str provider, struct str host, const struct str line[LINES],
			 struct arena *arena)
{
	const struct event_person person = { .email = line[1], .id = line[3], .other_id = line[4] };
	const struct event event = { .kind = EVENT_PUSH, .people = &person, .n_people = 1 };
	const struct author_commit commit = { .email = line[2], .name = line[5] };
	struct author a;
	struct err e = { .code = ERR_NONE };
	if (author_of_commit(&a, provider, host, &event, &commit, NULL, 0, arena, &e) != 0) {
		assert(e.code == ERR_INPUT && e.msg[0] != '\0');
		return;
	}
	check_author(&a);
	assert(a.id.n > 0 && a.bot != EVENT_BOT_UNKNOWN);
	assert(!a.by_email || str_find(a.id, ':') < a.id.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const providers[] = { "github",    "gitlab",
						 "bitbucket", "bitbucket-server",
						 "azure",     "gitea",
						 "git",       "other" };
	AUTO(arena) struct arena arena;
	struct str line[LINES] = { { NULL, 0 } };
	if (size == 0)
		return 0;
	struct str rest = { (const char *)data + 1, size - 1 };
	for (size_t i = 0; i < LINES && str_split(&line[i], &rest, '\n'); i++)
		line[i] = str_first(line[i], 4096);
	const struct str provider = str_of(providers[data[0] & 7U]);
	arena_init(&arena, 1 << 20);
	const struct str host = author_host(line[0], &arena);
	assert(host.n > 0 && str_find(host, '/') == host.n && str_find(host, '@') == host.n);
	check_patterns(line[1], line[2]);
	(void)author_is_gitlab_bot(line[2]);
	check_event(provider, line, &arena);
	check_commit(provider, host, line, &arena);
	return 0;
}
