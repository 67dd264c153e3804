/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_TRAIN_H
#define RELEASE_TRAIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/*
 * The train of a release: its id template with the local time filled in and {iteration} left out;
 * releases of one train differ by their iteration only. {date} is YYYYMMDD, {time} HHMM,
 * {timestamp} YYYYMMDD_HHMM. NUL-terminated, in `arena`. ERR_INPUT for a template that
 * train_check refuses or an unknown time zone.
 */
int train_name(struct str *out, struct str id_template, struct str timezone, int64_t now_ms,
	       struct arena *arena, struct err *e) MUST_CHECK;

/* ERR_INPUT for a template that breaks the rule in release.h. */
int train_check(struct str id_template, struct err *e) MUST_CHECK;

#endif
