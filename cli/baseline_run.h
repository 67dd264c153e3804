/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BASELINE_RUN_H
#define CLI_BASELINE_RUN_H

#include "cli/app.h"
#include "release/adopt.h"
#include "release/baseline.h"

/* What `revisions baseline` and `revisions adopt` share: rows for several targets, one after the
 * other, each with its own report. */

/* The options that both take. */
#define BASELINE_OPTIONS                                                                           \
	{ "--file-pattern", 0, OPTION_ONE, "GLOB",                                                 \
	  "the migrations below the current directory: their paths and contents are recorded" },   \
	    { "--release", 0, OPTION_ONE, "RELEASE", "the same from a release in the store" },     \
	    { "--project", 0, OPTION_ONE, "ID", "of a release that is named by its id alone" },    \
	    { "--reason", 0, OPTION_ONE, "TEXT", "why, for the ledger and the audit log" },        \
	{                                                                                          \
		"--dry-run", 0, OPTION_FLAG, NULL, "tell what would be written, and write nothing" \
	}

/* What one target's ledger is to get; the notes are about what it does not. */
struct baseline_plan {
	struct baseline_item *items;
	size_t n;
	struct adopt_note *notes;
	size_t n_notes;
};

struct baseline_run {
	const char *action; /* "baseline", "adopt": for the audit log */
	struct str what;    /* "from Flyway", "at version 7": for ledger and audit log */
	struct str refuse_over;
	const struct manifest *files; /* NULL: none are known */
	/* What a target is to get, with the session that reads and writes there. */
	int (*plan)(struct baseline_plan *out, const struct baseline_run *run, struct db *target,
		    struct err *e);
	const void *context;
	struct app *app;
};

/* The files that the options name: `run->files`. EXIT_DONE, or an exit code after a message. */
int baseline_run_files(struct baseline_run *run, const struct options *given) MUST_CHECK;

/* Do it for each target of the operands, print the reports, write the audit log. The exit code. */
int baseline_run(struct baseline_run *run, const struct options *given);

#endif
