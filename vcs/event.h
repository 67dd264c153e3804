/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_EVENT_H
#define VCS_EVENT_H

#include "base/json_write.h"
#include "base/str.h"

/* What a delivery says, in one shape for all providers. An absent str is what the payload lacks. */

enum event_kind {
	EVENT_MERGE, /* a pull request was merged */
	EVENT_PR,    /* anything else about a pull request */
	EVENT_PUSH,  /* a branch moved */
	EVENT_PING,  /* the provider tries the endpoint */
	EVENT_OTHER,
};

/* "unknown" is its own answer: it must not silently become "a person" or "not counted". */
enum event_bot { EVENT_BOT_UNKNOWN, EVENT_BOT_NO, EVENT_BOT_YES };

/* One ref that a push moved. */
struct event_change {
	struct str branch; /* bare; absent: a tag or another ref */
	struct str before; /* absent or zero: it is new */
	struct str after;  /* absent or zero: it is gone */
	int deleted;
};

/* An account that a push names beside an address, so that commits with it are that account's. */
struct event_person {
	struct str email;
	struct str id;
	struct str other_id;
	struct str login;
	struct str name;
	enum event_bot bot;
};

struct event {
	enum event_kind kind;
	struct str action;        /* the provider's own word for what happened, for messages */
	struct str repository;    /* full name: "acme/app" */
	struct str target_branch; /* bare; of a push: the branch that moved */
	struct str source_branch; /* bare */
	struct str merge_commit;  /* of a merge: the commit on the target; of a push: the new tip */
	struct str before;        /* of a push: the old tip */
	int deleted;              /* of a push: the branch is gone */
	struct {
		struct str number; /* decimal text */
		struct str title;
		struct str url;
	} pull_request;
	struct {
		struct str id;       /* as the provider writes it; kept as text */
		struct str other_id; /* a second id of the same account, not in every body */
		struct str login;
		struct str name;
		enum event_bot bot;
	} author;         /* who wrote the pull request, not who merged it */
	struct str actor; /* login of who caused the event */

	/*
	 * Of a push, where the provider reports several refs in one event: all of them in the
	 * body's order. What stands above is the first; event_select_branch takes another.
	 */
	const struct event_change *changes;
	size_t n_changes;
	/* Of a push: the accounts that it names with id and address; not all of its authors. */
	const struct event_person *people;
	size_t n_people;
	struct str source_commit;   /* tip of the source branch; after a fast-forward it MAY be the
				       commit on the target: to be looked up there, never trusted */
	int from_fork;              /* the source is another repository, or one that is gone */
	struct str repository_id;   /* the provider's own id, which no rename changes */
	struct str subscription_id; /* Azure DevOps: which service hook sent it */
	struct str delivery_id;     /* where the body holds it, not a header */
};

/* Make the change at `index` (< n_changes) what the event is about. */
void event_take_change(struct event *event, size_t index);
/*
 * Make the last change of `branch` in a push of several refs what the event is about. 1 when the
 * event is about it now; 0, and nothing changed, when the push did not move it.
 */
int event_select_branch(struct event *event, struct str branch);

/* "merge", "pr", "push", "ping", "other". */
const char *event_kind_name(enum event_kind kind);

/*
 * The event as the member `key` (NULL: at the top), in the documented form of `replay --dry-run`:
 * {"kind","repository","target_branch","merge_commit","pull_request":{"number","title","url"},
 * "author":{"id","login","bot"}}. The shape is always the same: what the payload does not hold is
 * null, as is merge_commit of all but a merge. number is a JSON number.
 */
void event_write_json(struct json_writer *w, const char *key, const struct event *event);

#endif
