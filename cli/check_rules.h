/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECK_RULES_H
#define CLI_CHECK_RULES_H

#include "cli/app.h"

/* `tidegate check --list-rules` and `--explain RULE`. Exit codes. */
int check_rules_list(struct app *app);
int check_rules_explain(struct app *app, struct str id);

#endif
