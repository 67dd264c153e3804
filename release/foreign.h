/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_FOREIGN_H
#define RELEASE_FOREIGN_H

#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

/*
 * For a target whose ledger has no row: ERR_REFUSED when the database has the history of another
 * tool (the tables of release/adopt.h, in any schema), so that nothing is run a second time over
 * what that tool has done. The message says how to go on; `target` is the target's full name, or
 * absent. One query.
 */
int foreign_refuse(struct db *db, struct str target, struct err *e) MUST_CHECK;

#endif
