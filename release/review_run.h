/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_REVIEW_RUN_H
#define RELEASE_REVIEW_RUN_H

#include "db/inspect.h"
#include "release/lint.h"
#include "release/review.h"

/* For the files of the review. */

enum {
	REVIEW_SAMPLE = 10,       /* targets whose rows are estimated, by default */
	REVIEW_DML_MAX = 10,      /* statements of a file that are explained; the rest is scaled */
	REVIEW_DML_BYTES = 16384, /* of one of them */
	REVIEW_TABLES_MAX = 50,   /* of a file that are counted */
};

/* What one file does, for all targets that have the same ledger. */
struct review_work {
	int done;
	struct advice *advices;
	size_t n, cap;
	enum review_risk risk;
	int64_t inserted;                        /* literal rows */
	struct db_statement dml[REVIEW_DML_MAX]; /* texts are copies */
	size_t n_dml, all_dml;
	struct lint_table tables[REVIEW_TABLES_MAX]; /* that DDL touches */
	size_t n_tables;
	int64_t estimated; /* sum over the targets that were asked */
	size_t asked;
};

/* Targets with the same ledger, rules and kind of server: one review. */
struct review_group {
	struct review_group *next;
	const struct db_driver *driver;
	const struct conf_environment *environment;
	int is_newer;
	struct check_rules rules;
	const unsigned char *verdicts; /* enum check_verdict, one for each file */
	struct review_work *works;     /* one for each file */
	struct lint_policy policy;
	struct lint_context context;
	struct db *copy; /* where scripts are tried; NULL: nowhere */
	int is_blank;    /* the copy is of no target: what was there before is not in it */
	size_t targets;
	size_t estimated; /* of these */
};

/* One review. */
struct review_state {
	const struct review_job *job;
	struct review *out;
	struct arena *arena;
	size_t cap, miss_cap; /* of the arrays in `out` */
	struct review_group *groups;
};

/* Add an advice to a file's; `fmt` makes the content. 0, or -1 without memory. A level that is off
 * adds nothing. */
int review_add(struct review_state *r, struct review_work *w, enum rule_level level, enum rule rule,
	       struct db_place place, const char *fmt, ...) MUST_CHECK
    __attribute__((format(printf, 6, 7)));
struct advice review_advice(enum rule_level level, enum rule rule, struct db_place place,
			    struct str content);

/*
 * Look at file `i` for a group. `db`: a session with one of its targets, or NULL. -1 when the
 * review cannot go on.
 */
int review_file(struct review_state *r, struct review_group *g, size_t i, struct db *db,
		struct err *e) MUST_CHECK;

/* Rows that the file may touch in the target of `db`. What cannot be asked counts for 0. */
int64_t review_estimate(const struct review_work *w, struct db *db);
/* How much is at stake by the kinds of its statements. */
enum review_risk review_risk_of(const struct db_inspection *in);
/* Copy to `w` what the estimate needs of the statements. */
int review_keep(struct review_state *r, struct review_work *w,
		const struct db_statement *statements, const struct db_inspection *in,
		struct err *e) MUST_CHECK;

#endif
