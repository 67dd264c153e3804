/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECK_FINDINGS_H
#define CLI_CHECK_FINDINGS_H

#include "base/arena.h"
#include "base/digest.h"
#include "cli/screen.h"
#include "release/review.h"

/* What a review found, as people and pipelines want it: each thing once, with where it holds. */
struct check_finding {
	const struct migration *file; /* NULL: it is about a target as a whole */
	const struct advice *advice;
	size_t target;  /* the first, an index in the job */
	size_t targets; /* how many */
	/* SHA-256 of file, rule, text and which of the same it is; it stays when lines move */
	char fingerprint[SHA256_HEX];
};

struct check_report {
	const struct review *review;
	const struct review_job *job;
	struct check_finding *findings; /* by file, place, rule; those about targets last */
	size_t n;
	int failed;           /* the policy says no */
	const char *version;  /* of the program */
	struct screen screen; /* where a text is shown */
};

/* Join what several targets have in common. */
int check_findings(struct check_report *report, struct arena *arena, struct err *e) MUST_CHECK;

#endif
