/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_FACT_H
#define VCS_FACT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/json_write.h"
#include "vcs/provider.h"

/*
 * For the providers: single facts out of a body. What is missing or null, or whose holder is, is
 * absent; what has the wrong kind is ERR_INPUT with the path, since a body that lies about one fact
 * is not to be trusted with the others. Strings point into the arena or the body.
 */

/*
 * The JSON object of a body that is sent as application/json. A byte order mark before it, as old
 * senders write, is left out. ERR_INPUT: another content type, no JSON, no object.
 */
int fact_root(struct json **out, const struct request *r, struct arena *arena,
	      struct err *e) MUST_CHECK;

/* The value of the header that holds the event's type. ERR_INPUT: missing, empty, repeated. */
int fact_event_type(struct str *out, const struct request *r, const char *header,
		    struct err *e) MUST_CHECK;

/* Objects may be null (deleted user, deleted fork), but nothing else. */
int fact_object(const struct json *root, const char *path, struct err *e) MUST_CHECK;
int fact_str(struct str *out, const struct json *root, const char *path, struct err *e) MUST_CHECK;
/* A whole number of at most 64 bits, kept as text; in quotes it is taken too. */
int fact_number(struct str *out, const struct json *root, const char *path,
		struct err *e) MUST_CHECK;
/* An address of the web, for people: what does not begin with http:// or https:// is absent. */
int fact_url(struct str *out, const struct json *root, const char *path, struct err *e) MUST_CHECK;

/* The branch of a full ref ("refs/heads/x" is "x"), absent for other refs; a bare name is a branch.
 */
struct str fact_branch(struct str ref);

/* Whether two repositories, by their ids, are not the same; one that is gone is another. Without
 * the target's id nothing is known, and it is no fork. */
int fact_is_fork(struct str source, struct str target);

/* The first of the two that is there. */
struct str fact_either(struct str first, struct str second);

/*
 * The array of the refs that a push moved, element by element: `read` fills one change. The event
 * takes the first as its own and keeps all. An empty or missing array leaves the event as it is;
 * ERR_INPUT when it is no array or holds something else than objects.
 */
int fact_changes(struct event *event, const struct json *array,
		 int (*read)(struct event_change *out, const struct json *item, struct err *e),
		 struct arena *arena, struct err *e) MUST_CHECK;

/* Writing: an id of digits only as a number, `fallback` when it is absent. */
void fact_write_id(struct json_writer *w, const char *key, struct str id, int64_t fallback);
/* "refs/heads/" + branch. */
void fact_write_ref(struct json_writer *w, const char *key, struct str branch);
/* The part of a full name before and behind its last '/'. */
struct str fact_owner(struct str full_name);
struct str fact_name(struct str full_name);

/* "0000000000000000000000000000000000000000" */
struct str fact_zero_oid(void);

#endif
