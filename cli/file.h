/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Append the whole file `name` to `out`; "-" is the standard input. ERR_LIMIT over the buffer's
 * maximum. */
int file_read(struct buf *out, struct str name, struct err *e) MUST_CHECK;

/* For messages: the name, or "standard input". */
struct str file_name(struct str name);

#endif
