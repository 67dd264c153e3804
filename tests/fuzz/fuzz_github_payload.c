/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's bodies. The first byte picks the event's type and the encoding, the rest is the body.
 * What was read must be consistent, and must be writable as JSON.
 */

#include "vcs/provider.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(const struct event *event)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e;
	if (event->kind == EVENT_MERGE)
		assert(str_eq_cstr(event->action, "closed"));
	else if (event->kind != EVENT_PUSH)
		assert(event->merge_commit.p == NULL);
	if (event->author.id.p == NULL && event->author.login.p == NULL)
		assert(event->author.bot == EVENT_BOT_UNKNOWN);
	(void)oid_is_valid(event->merge_commit);
	(void)branch_is_valid(event->target_branch);
	buf_init(&out, 64 << 20);
	jw_init(&w, &out, 2);
	event_write_json(&w, NULL, event);
	int rc = buf_check(&out, &e);
	assert(rc == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "pull_request", "push", "ping", "release" };
	static const char *const encodings[] = { "application/json",
						 "application/x-www-form-urlencoded" };
	if (size == 0)
		return 0;
	const struct header headers[] = {
		{ STR("X-GitHub-Event"), str_of(types[data[0] & 3U]) },
		{ STR("Content-Type"), str_of(encodings[data[0] >> 2 & 1U]) },
	};
	const struct request r = { headers, 2, { (const char *)data + 1, size - 1 } };
	AUTO(arena) struct arena arena;
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 64 << 20);
	if (provider_github.parse(&event, &r, &arena, &e) == 0)
		check_event(&event);
	else
		assert(e.code != ERR_NONE && e.msg[0] != '\0');
	return 0;
}
