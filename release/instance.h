/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_INSTANCE_H
#define RELEASE_INSTANCE_H

#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"

/*
 * How to reach a server or directory as the configuration has it, without a database: url,
 * password (which must be loaded), the lock and statement timeouts of its environment, durable
 * commits. What it points to is the configuration's. ERR_INPUT when the password is not loaded or
 * the url is of an unknown kind.
 */
int instance_options(struct db_options *out, const struct conf *conf,
		     const struct conf_instance *instance, struct err *e) MUST_CHECK;

#endif
