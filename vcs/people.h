/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_PEOPLE_H
#define VCS_PEOPLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "vcs/event.h"

/*
 * For the providers: which accounts a push names beside an address (event->people). A fact that is
 * missing or has another type only leaves its account out: commits are then counted by address.
 */

/*
 * Who pushed, whom most providers name with both: github, gitlab, gitea, bitbucket-server, azure.
 * ERR_NOMEM.
 */
int people_read_pusher(struct event *event, const char *provider, const struct json *root,
		       struct arena *arena, struct err *e) MUST_CHECK;

/* Accounts of one push: Bitbucket lists a handful of commits. */
enum { PEOPLE_MAX = 256 };

/* Bitbucket Cloud names the accounts of the commits that it lists. ERR_NOMEM. */
int people_read_bitbucket(struct event *event, const struct json *root, struct arena *arena,
			  struct err *e) MUST_CHECK;

#endif
