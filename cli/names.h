/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"
#include "release/name.h"

#include <stdint.h>

/* What users type to name things: full names, or the short forms where only one thing can be
 * meant. All strings point into what was given or into the configuration. */

/* "projects/P" or "P" (absent stays absent). ERR_INPUT for an unknown project. */
int names_project(struct str *out, const struct conf *conf, struct str given,
		  struct err *e) MUST_CHECK;

/*
 * A plan: "projects/P/plans/N", the name of its rollout or of what is in it, or N alone when
 * `project` is given or only one project is configured. `out` has project and plan.
 */
int names_plan(struct name *out, const struct conf *conf, struct str text, struct str project,
	       struct err *e) MUST_CHECK;
/* A release: "projects/P/releases/R" or R alone, likewise. */
int names_release(struct name *out, const struct conf *conf, struct str text, struct str project,
		  struct err *e) MUST_CHECK;

/* "environments/E" or "E"; ERR_INPUT names those that there are. Absent stays absent. */
int names_environment(struct str *out, const struct conf *conf, struct str given,
		      struct err *e) MUST_CHECK;
/* "repositories/R" or "R". */
int names_repository(const struct conf_repository **out, const struct conf *conf, struct str given,
		     struct err *e) MUST_CHECK;

/* The id of a delivery: a number, or "deliveries/N". */
int names_delivery(int64_t *out, struct str text, struct err *e) MUST_CHECK;

#endif
