/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SECRETS_H
#define CLI_SECRETS_H

#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"

/* Load the passwords that a command needs, and no other secret. An error names file and line. */
int secrets_of_instance(const struct conf *conf, const struct conf_instance *instance,
			struct err *e) MUST_CHECK;
/* Of "instances/I/databases/D"; errors of conf_target too. */
int secrets_of_target(const struct conf *conf, struct str target, struct err *e) MUST_CHECK;
/* Of every instance that may have databases of "projects/P/databaseGroups/G". */
int secrets_of_group(const struct conf *conf, struct str group, struct err *e) MUST_CHECK;

#endif
