/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CONF_ENV_H
#define BASE_CONF_ENV_H

#include "base/str.h"

/*
 * What the environment says beside the configuration: a variable, absent when it is not set or
 * empty. Lent by the process; nobody here changes its environment. Secrets go through
 * base/secret.h.
 */
struct str conf_env(const char *name);

/* $TMPDIR, else "/tmp". */
struct str conf_env_temporary(void);

#endif
