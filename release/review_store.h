/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_REVIEW_STORE_H
#define RELEASE_REVIEW_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

#include <stdint.h>

/* The last review of a plan, as it is kept with it. */
struct review_record {
	int64_t reviewed_ms;
	int64_t errors, warnings, infos;
	int64_t affected_rows;
	struct str risk;   /* review_risk_name */
	struct str reason; /* why the plan is not rolled out; absent: it may be */
	struct str body;   /* of review_json */
};

/* Write it, in place of an earlier one. */
int review_record_put(struct db *store, struct str project, int64_t plan,
		      const struct review_record *record, struct err *e) MUST_CHECK;
/* ERR_NOTFOUND: the plan was never reviewed. */
int review_record_get(struct review_record *out, struct db *store, struct str project, int64_t plan,
		      struct arena *arena, struct err *e) MUST_CHECK;

#endif
