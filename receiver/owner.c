/* SPDX-License-Identifier: Apache-2.0 */
/* Names of lease holders. */

#include "receiver/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *owner_host(char out[OWNER_HOST])
{
	memset(out, 0, OWNER_HOST);
	if (gethostname(out, OWNER_HOST - 1) != 0 || out[0] == '\0')
		(void)snprintf(out, OWNER_HOST, "localhost");
	return out;
}

const char *owner_text(char out[OWNER_TEXT], const char *role, size_t number)
{
	char host[OWNER_HOST];
	(void)snprintf(out, OWNER_TEXT, "%s/%ld/%.32s-%zu", owner_host(host), (long)getpid(), role,
		       number);
	return out;
}
