/* SPDX-License-Identifier: Apache-2.0 */
/* Which configuration file is used. */

#include "base/conf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = { "./tidegate.yaml", "/etc/tidegate/tidegate.yaml" };

static int copy(char **out, const char *path, struct err *e)
{
	char *p = mem_copy(path, strlen(path));
	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*out = p;
	return 0;
}

/* A file that somebody named is used or missed: no other one is taken instead. */
static int use(char **out, const char *path, const char *who, struct err *e)
{
	if (access(path, F_OK) != 0)
		return err_set(e, ERR_NOTFOUND, "there is no configuration file '%s' (named by %s)",
			       path, who);
	return copy(out, path, e);
}

int conf_find(char **out, const char *given, struct err *e)
{
	if (given != NULL)
		return use(out, given, "-c", e);
	const char *named = getenv("TIDEGATE_CONFIG");
	if (named != NULL && named[0] != '\0')
		return use(out, named, "TIDEGATE_CONFIG", e);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], F_OK) == 0)
			return copy(out, places[i], e);
	}
	return err_set(e, ERR_NOTFOUND,
		       "there is no configuration file: tried '%s' and '%s' (name one with -c or "
		       "TIDEGATE_CONFIG)",
		       places[0], places[1]);
}
