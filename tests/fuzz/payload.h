/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_PAYLOAD_H
#define TESTS_FUZZ_PAYLOAD_H

/* What the fuzz targets of all providers do alike. */

#include "vcs/provider.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void payload_check_text(struct str s)
{
	assert(s.p != NULL || s.n == 0);
	assert(s.p == NULL || str_is_utf8(s));
}

/* Whatever branch is asked for, the event stays one that a push can be. */
static inline void payload_check_changes(const struct event *event)
{
	assert(event->n_changes == 0 || event->kind == EVENT_PUSH);
	for (size_t i = 0; i < event->n_changes; i++) {
		struct event other = *event;
		const struct str branch = event->changes[i].branch;
		const int taken = event_select_branch(&other, branch.p != NULL ? branch : STR("x"));
		assert(taken || branch.p == NULL);
		assert(!taken || branch.p == NULL || str_eq(other.target_branch, branch));
	}
}

/* `merge_word`: the action without which nothing may be a merge. */
static inline void payload_check(const struct event *event, const char *merge_word)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e;
	if (event->kind == EVENT_MERGE)
		assert(str_eq_cstr(event->action, merge_word));
	else if (event->kind != EVENT_PUSH)
		assert(event->merge_commit.p == NULL);
	if (event->author.id.p == NULL && event->author.login.p == NULL)
		assert(event->author.bot == EVENT_BOT_UNKNOWN);
	payload_check_text(event->repository);
	payload_check_text(event->target_branch);
	payload_check_text(event->pull_request.url);
	payload_check_changes(event);
	(void)oid_is_valid(event->merge_commit);
	(void)branch_is_valid(event->target_branch);
	buf_init(&out, 64 << 20);
	jw_init(&w, &out, 2);
	event_write_json(&w, NULL, event);
	int rc = buf_check(&out, &e);
	assert(rc == 0);
}

/* `types`: four values of the event header, of which the first byte picks one; or NULL. */
static inline int payload_run(const struct provider *p, const char *const *types,
			      const char *merge_word, const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct header headers[2] = { { STR("Content-Type"), STR("application/json") } };
	size_t n = 1;
	if (types != NULL)
		headers[n++] =
		    (struct header){ str_of(p->event_header), str_of(types[data[0] & 3U]) };
	const struct request r = { headers, n, { (const char *)data + 1, size - 1 } };
	AUTO(arena) struct arena arena;
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 64 << 20);
	if (p->parse(&event, &r, &arena, &e) == 0)
		payload_check(&event, merge_word);
	else
		assert(e.code != ERR_NONE && e.msg[0] != '\0');
	return 0;
}

#endif
