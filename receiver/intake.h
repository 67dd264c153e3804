/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_INTAKE_H
#define RECEIVER_INTAKE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/err.h"
#include "vcs/provider.h"

/* What is to be done with a request, decided from its bytes and the endpoint's configuration alone:
 * shared by the webhook route, the worker and `tidegate replay --dry-run`. */

enum intake_verdict {
	/* A merge (or push) of the configured repository and branch. The commit of a merge may be
	 * missing, where the API can be asked, or short: complete_event, repo_expand. */
	INTAKE_RELEASE,
	INTAKE_IGNORE, /* authentic and of no interest */
	INTAKE_REFUSE, /* must not be acted on: foreign repository, missing or malformed commit */
	INTAKE_PING,
};
/* "release", "ignore", "refuse"; a ping is ignored. */
const char *intake_verdict_name(enum intake_verdict v);

struct intake {
	enum intake_verdict verdict;
	struct str reason; /* one line; in the arena. Absent for INTAKE_RELEASE */
	struct event event;
	struct str summary; /* "merge of #12 into main by octocat" */
};

/* Whether `id` is among an allow-list of ids (compared without case and braces), or that is empty.
 */
int intake_lists(const struct conf_list *ids, struct str id);

/* Verify `request` against the endpoint's secrets. ERR_AUTH. */
int intake_authenticate(const struct conf_repository *repository, const struct provider *provider,
			const struct request *request, int64_t now_s, struct digest *d,
			struct err *e) MUST_CHECK;

/*
 * Parse and decide. `repository` may be NULL (a dry run without configuration): then only what the
 * event is counts, and any repository and branch will do. ERR_INPUT when the body cannot be read.
 */
int intake_read(struct intake *out, const struct conf_repository *repository,
		const struct provider *provider, const struct request *request, struct arena *arena,
		struct err *e) MUST_CHECK;

#endif
