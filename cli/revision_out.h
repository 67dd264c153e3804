/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REVISION_OUT_H
#define CLI_REVISION_OUT_H

#include "cli/app.h"
#include "release/revision.h"

/* What the commands about a target's ledger share: the way to it, and how a row of it looks. */

/* Open the target as the daemon would; of all secrets, its password alone is read. Needs the
 * configuration. An exit code, EXIT_DONE when it is open; what is wrong is reported. */
int revision_open(struct db **out, struct app *app, struct str target) MUST_CHECK;

/* An object; `name` is NULL in an array. */
void revision_json(struct json_writer *w, const char *name, const struct revision *r);
/* Lines of "name  value". */
void revision_details(struct buf *out, const struct revision *r);

#endif
