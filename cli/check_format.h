/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECK_FORMAT_H
#define CLI_CHECK_FORMAT_H

#include "base/json_write.h"
#include "cli/check_findings.h"

/* The forms in which `tidegate check` tells what it found; one file each. */
struct check_format {
	const char *name;     /* "sarif" */
	const char *variable; /* of the environment: a pipeline that wants this form; NULL: none */
	const char *file;     /* where the form goes then; NULL: behind the table */
	int is_log;           /* commands in a log, which people read too: the table comes first */
	int is_json;
	/* Append the whole to `out`; JSON without a final line end. */
	int (*write)(struct buf *out, const struct check_report *r, struct err *e);
};

extern const struct check_format check_format_table;
extern const struct check_format check_format_json;
extern const struct check_format check_format_sarif;
extern const struct check_format check_format_github;
extern const struct check_format check_format_gitlab;
extern const struct check_format check_format_bitbucket;
extern const struct check_format check_format_azure;

/* By name; NULL when there is none. */
const struct check_format *check_format_find(struct str name);
/* The one that the environment asks for; the table where it asks for none. */
const struct check_format *check_format_of_environment(void);
/* The names, NULL-ended, for the command line. */
extern const char *const check_format_names[];

/* CheckReleaseResponse as an object under `key`. */
void check_format_response(struct json_writer *w, const char *key, const struct check_report *r);

/* "about 1,200 rows; risk HIGH; 2 errors, 1 warning, 0 remarks": for summaries of all forms. */
void check_format_totals(struct buf *out, const struct check_report *r);
/* The message of a finding with its safer form, and in how many databases it holds. */
void check_format_message(struct buf *out, const struct check_report *r,
			  const struct check_finding *f);

#endif
