/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_COMPLETE_H
#define RECEIVER_COMPLETE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "vcs/event.h"

/*
 * What the event of a merge lacks, from the provider's API. It is asked only where the body does
 * not say it, and not at all where the repository has no `api`:
 *
 * - the merge commit, when the body has none (GitLab's fast-forwards, remote merges of Bitbucket
 *   Data Center);
 * - the whole pull request of Azure DevOps, whose service hooks are not signed: what the API says
 *   of its state, commit and branch counts;
 * - the author's login, name and bot mark of GitLab, whose bodies have the id alone.
 */
struct complete {
	const struct conf_repository *repository;
	/* As of struct provider_api_options. */
	int (*stop)(void *context);
	void *context;
	struct arena *arena;
};

/*
 * Complete `event`, which is of the configured repository and branch. What is only for people
 * stays absent when the API fails, and `*note` (untouched otherwise) says why; what is needed for
 * safety fails: ERR_UNAVAILABLE: not merged yet, or no answer; ERR_REFUSED: not merged, another
 * branch or repository, no commit; and what provider_api_pull gives. A commit of 12 to 39 digits
 * is left so: repo_expand makes it whole.
 */
int complete_event(struct event *event, struct str *note, const struct complete *c,
		   struct err *e) MUST_CHECK;

#endif
