/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of the commands: which pipeline runs them, where temporary files go. What a
 * variable means is known where it is asked for. */

#include "base/conf_env.h"

#include <stdlib.h>

struct str conf_env(const char *name)
{
	const struct str value = str_of(getenv(name));
	return value.n > 0 ? value : STR_NULL;
}

struct str conf_env_temporary(void)
{
	const struct str value = conf_env("TMPDIR");
	return value.p != NULL ? value : STR("/tmp");
}
