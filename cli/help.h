/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/app.h"

/* Help texts, written from the rows of the command table. */

/*
 * Print the help of `command` to stdout: of that row alone (`only`), or of all verbs of its name;
 * of NULL the list of commands. An exit code.
 */
int help_print(const struct app *app, const struct command *command, int only);

#endif
