/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TARGETS_IN_H
#define CLI_TARGETS_IN_H

#include "cli/app.h"

/* The databases that a command is given as operands. */
struct targets_in {
	struct str *targets; /* instances/I/databases/D, each once */
	size_t n;
};

/*
 * Operands are names of databases, or of groups (projects/P/databaseGroups/G), which are asked for.
 * The configuration is opened, and the passwords of the instances are loaded. EXIT_DONE, or an exit
 * code after a message.
 */
int targets_in_read(struct targets_in *out, struct app *app,
		    const struct options *given) MUST_CHECK;

#endif
