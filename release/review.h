/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_REVIEW_H
#define RELEASE_REVIEW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "release/advice.h"
#include "release/check.h"
#include "release/manifest.h"

/*
 * The review of a manifest against its targets, before anything is run: what is pending where,
 * syntax, order, edited files, rules, risk, and how many rows it may touch. It changes nothing:
 * targets are only read, in sessions with short timeouts.
 */

/* Bytebase's RiskLevel. */
enum review_risk { REVIEW_RISK_LOW, REVIEW_RISK_MODERATE, REVIEW_RISK_HIGH };
const char *review_risk_name(enum review_risk risk); /* "LOW" */

struct review_target {
	struct str name;                            /* instances/I/databases/D */
	const struct db_driver *driver;             /* what its scripts are written for */
	const struct conf_environment *environment; /* its rules; NULL: the defaults */
	struct check_rules rules;
};

struct review_job {
	const struct manifest *manifest;
	/* The content of a file, appended to `out`. */
	int (*read)(void *context, struct buf *out, const struct migration *file, struct err *e);
	/*
	 * A session with target `i`, which the review closes; ERR_UNAVAILABLE and the like become
	 * an advice. NULL: no target is reached: each file is pending everywhere.
	 */
	int (*open)(void *context, struct db **out, size_t i, struct err *e);
	void *context;
	const struct review_target *targets; /* at least one */
	size_t n_targets;
	/* No new target is looked at after this time of clock_mono_ms; 0: none. */
	int64_t deadline_ms;
	/* Targets whose rows are estimated; the rest gets the mean of these. 0: 10. */
	size_t sample;
};

/* One file in one target: a file that is pending, or that the target's ledger is at odds with. One
 * that was applied as it is has none. Targets with the same ledger share the advices. */
struct review_result {
	size_t file;   /* index in the manifest */
	size_t target; /* index in the job */
	const struct advice *advices;
	size_t n;
	int64_t affected_rows; /* estimated; 0 where nothing is known */
	enum review_risk risk;
};

/* What is wrong with a target as a whole: it was not reached, or not looked at in time. */
struct review_miss {
	size_t target;
	struct advice advice;
};

struct review {
	struct review_result *results; /* by target, then in the manifest's order */
	size_t n;
	struct review_miss *misses;
	size_t n_misses;
	size_t infos, warnings, errors; /* of all results and misses */
	int64_t affected_rows;          /* sum */
	enum review_risk risk;          /* the highest */
	int stopped; /* 50 errors and 50 warnings were found: the rest was left out */
};

/* The limits of Bytebase's CheckRelease: both reached, the review stops. */
enum { REVIEW_ERRORS_MAX = 50, REVIEW_WARNINGS_MAX = 50 };

/* -1 only when the review itself could not be done (memory, the content of a file). */
int review_run(struct review *out, const struct review_job *job, struct arena *arena,
	       struct err *e) MUST_CHECK;

/*
 * The first advice that an environment's `fail_on` does not let through: 1, with where it is; 0:
 * none.
 */
int review_blocks(const struct review_result **result, const struct advice **advice,
		  const struct review *review, const struct review_job *job);

/* The review as JSON, at most `max` bytes of advices ("truncated" says when some are left out). */
int review_json(struct buf *out, const struct review *review, const struct review_job *job,
		size_t max, struct err *e) MUST_CHECK;

#endif
