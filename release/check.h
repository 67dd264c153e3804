/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_CHECK_H
#define RELEASE_CHECK_H

#include "base/arena.h"
#include "base/err.h"
#include "release/manifest.h"
#include "release/revision.h"

/* What is to be done in one target: a pure decision over the release's files and the target's
 * ledger. */

enum check_verdict {
	CHECK_APPLIED,      /* the ledger has the version with this content */
	CHECK_RUN,          /* missing: to be run */
	CHECK_EDITED,       /* the ledger has the version with another content, maybe unfinished */
	CHECK_OUT_OF_ORDER, /* missing, and below the newest applied version */
	CHECK_UNFINISHED,   /* begun statement by statement and not finished: it goes on */
};

struct check_rules {
	struct str project;     /* its id, for messages; may be absent */
	int allow_out_of_order; /* run such a file */
	int allow_edited;       /* leave such a file as it was applied, if it is finished */
	int allow_foreign;      /* run over another tool's history (release/foreign.h) */
};

struct check_file {
	enum check_verdict verdict;
	const struct migration *file;
	const struct revision *revision; /* its own, or a mark that covers it; NULL: none */
};

struct check {
	struct check_file *files; /* one for each file of the manifest, in its order */
	size_t n;
	size_t to_run; /* that may and must be run */
};

/* Whether a file that no rule forbids has something left to run. */
int check_must_run(const struct check_file *file);

/*
 * Decide for each file. ERR_REFUSED when a rule forbids the rollout: the message names the first
 * file, what is wrong and what to do; `out` is filled all the same.
 */
int check_decide(struct check *out, const struct manifest *manifest,
		 const struct revision *revisions, size_t n, const struct check_rules *rules,
		 struct arena *arena, struct err *e) MUST_CHECK;

#endif
