/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECK_ESCAPE_H
#define CLI_CHECK_ESCAPE_H

#include "base/buf.h"
#include "base/str.h"

/*
 * Text of others, in the forms that pipelines read commands from. Whatever the text, what is
 * appended is one line, well-formed UTF-8, begins no second command, and ends neither a property
 * nor a command. Control characters but tab and line ends, and bytes that are no UTF-8, are written
 * as \xNN.
 */

/* GitHub's workflow commands: the message, and the value of a property ("Workflow commands for
 * GitHub Actions"; actions/toolkit, command.ts: escapeData, escapeProperty). */
void check_escape_github(struct buf *out, struct str s);
void check_escape_github_property(struct buf *out, struct str s);

/* Azure's logging commands likewise ("Logging commands"; azure-pipelines-task-lib,
 * taskcommand.ts). */
void check_escape_azure(struct buf *out, struct str s);
void check_escape_azure_property(struct buf *out, struct str s);

/* A path as a relative URI reference (RFC 3986): what is neither unreserved nor '/' as %XX. */
void check_escape_uri(struct buf *out, struct str path);

#endif
