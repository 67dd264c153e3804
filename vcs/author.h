/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_AUTHOR_H
#define VCS_AUTHOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "vcs/event.h"

#include <stddef.h>

/*
 * Who wrote a change, as the one identity that seats are counted by, and whether that is a person.
 * Pure functions over what an event or a commit says.
 */

/* Longest id; names are cut to it. Characters, not bytes. */
enum { AUTHOR_CHARACTERS_MAX = 256 };

struct author {
	/*
	 * Unique at one instance of a provider: the provider's id; "login:x" where an event has
	 * only a login; "email:x@y" of a commit whose author the provider did not name. Absent:
	 * nobody is known, as after an account was deleted.
	 */
	struct str id;
	struct str other_id; /* a second id of the same account; absent: none */
	struct str login;    /* of one known by the address alone: the address */
	struct str name;
	struct str email; /* lower case; absent: not known */
	int by_email;     /* only the address is known: id is made of it */
	enum event_bot bot;
};

/*
 * The host of an instance: that of the repository's clone url in lower case, without user and port,
 * and with the names that hosted services use for ssh replaced by their own ("ssh.github.com" is
 * "github.com"). Ids of two hosts are never the same person. "local" for a path or file://. In
 * `arena`; absent without memory.
 */
struct str author_host(struct str clone_url, struct arena *arena);

/*
 * The author of a merge. ERR_INPUT: a control character in an id, the login or the name, an id
 * longer than AUTHOR_CHARACTERS_MAX; names are cut to that. `bot` is decided (author_bot).
 */
int author_of_event(struct author *out, struct str provider, const struct event *event,
		    const struct str *bots, size_t n_bots, struct arena *arena,
		    struct err *e) MUST_CHECK;

/* What a commit says of its author: bytes that anybody may have chosen. */
struct author_commit {
	struct str email;
	struct str name;
};

/*
 * The author of a commit that a push added: the account that the event names for the address
 * (event->people), else the one that a provider's own no-reply address holds, else the address.
 * Such an author is a person unless a rule says otherwise. Errors as of author_of_event, but what
 * is no text in a name is only replaced.
 */
int author_of_commit(struct author *out, struct str provider, struct str host,
		     const struct event *event, const struct author_commit *commit,
		     const struct str *bots, size_t n_bots, struct arena *arena,
		     struct err *e) MUST_CHECK;

/*
 * Whether an author is a bot: when a pattern of `bots` matches the login, when the provider marked
 * it so (author->bot), or by a name that a provider gives to bots alone. Those names decide where
 * the provider left it open; at GitHub they are reserved, and decide always. Source: GitLab Docs,
 * "Project access tokens: Bot users for projects" and "Service accounts"; GitHub Docs, "About
 * apps"; Azure DevOps, "Descriptors".
 */
enum event_bot author_bot(struct str provider, const struct author *author, const struct str *bots,
			  size_t n_bots);

/* Whether the whole `login` matches: '*' stands for any characters, ASCII letters compare without
 * case, everything else is itself. Time of O(pattern x login). */
int author_matches(struct str pattern, struct str login);

/*
 * GitLab's users behind project, group and service accounts: "project_7_bot", "project_7_bot2",
 * "group_7_bot_1a2b", "service_account_x". "project_7_botany", "project_manager" and
 * "service_accountant" are people.
 */
int author_is_gitlab_bot(struct str login);

#endif
