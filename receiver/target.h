/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_TARGET_H
#define RECEIVER_TARGET_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"

/*
 * How to reach "instances/I/databases/D" as the configuration has it: url and database, the
 * instance's password (which must be loaded), the environment's lock and statement timeouts, and
 * durable commits. For a driver whose databases are files the url becomes that of the file D.db
 * below the instance's directory; a missing file is not made. Strings live in `arena` or in `conf`.
 * ERR_INPUT or ERR_NOTFOUND as conf_target, and ERR_INPUT for a name that could leave the
 * directory (conf_database_is_valid).
 */
int target_options(struct db_options *out, const struct conf *conf, struct str target,
		   struct arena *arena, struct err *e) MUST_CHECK;

#endif
