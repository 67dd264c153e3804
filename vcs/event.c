/* SPDX-License-Identifier: Apache-2.0 */
/* The one shape of events as text and as JSON. It knows no provider. */

#include "vcs/event.h"

#include "base/num.h"

#include <assert.h>

const char *event_kind_name(enum event_kind kind)
{
	switch (kind) {
	case EVENT_MERGE:
		return "merge";
	case EVENT_PR:
		return "pr";
	case EVENT_PUSH:
		return "push";
	case EVENT_PING:
		return "ping";
	case EVENT_OTHER:
		return "other";
	}
	return "other";
}

void event_take_change(struct event *event, size_t index)
{
	assert(index < event->n_changes);
	const struct event_change *change = &event->changes[index];
	event->target_branch = change->branch;
	event->before = change->before;
	event->merge_commit = change->after;
	event->deleted = change->deleted;
}

int event_select_branch(struct event *event, struct str branch)
{
	/* From the end: should a body name a ref twice, the later state is the present one. */
	for (size_t i = event->n_changes; i > 0; i--) {
		const struct str moved = event->changes[i - 1].branch;
		if (moved.p == NULL || !str_eq(moved, branch))
			continue;
		event_take_change(event, i - 1);
		return 1;
	}
	return event->n_changes == 0 && event->target_branch.p != NULL &&
	       str_eq(event->target_branch, branch);
}

static void write_number(struct json_writer *w, struct str number)
{
	int64_t value;
	if (num_parse_i64(&value, number, 0, INT64_MAX) == 0)
		jw_int(w, "number", value);
	else
		jw_str(w, "number", number);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	jw_object(w, "pull_request");
	write_number(w, event->pull_request.number);
	jw_str(w, "title", event->pull_request.title);
	jw_str(w, "url", event->pull_request.url);
	jw_end_object(w);
}

static void write_bot(struct json_writer *w, enum event_bot bot)
{
	switch (bot) {
	case EVENT_BOT_UNKNOWN:
		jw_null(w, "bot");
		return;
	case EVENT_BOT_NO:
		jw_bool(w, "bot", 0);
		return;
	case EVENT_BOT_YES:
		jw_bool(w, "bot", 1);
		return;
	}
}

static void write_author(struct json_writer *w, const struct event *event)
{
	int known = event->author.id.p != NULL || event->author.login.p != NULL;
	jw_object(w, "author");
	jw_str(w, "id", event->author.id);
	jw_str(w, "login", event->author.login);
	write_bot(w, known ? event->author.bot : EVENT_BOT_UNKNOWN);
	jw_end_object(w);
}

void event_write_json(struct json_writer *w, const char *key, const struct event *event)
{
	jw_object(w, key);
	jw_text(w, "kind", event_kind_name(event->kind));
	jw_str(w, "repository", event->repository);
	jw_str(w, "target_branch", event->target_branch);
	jw_str(w, "merge_commit", event->kind == EVENT_MERGE ? event->merge_commit : STR_NULL);
	write_pull_request(w, event);
	write_author(w, event);
	jw_end_object(w);
}
