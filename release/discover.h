/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_DISCOVER_H
#define RELEASE_DISCOVER_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/* Which databases an instance has, and which of them can be targets. */

enum discover_reason {
	DISCOVER_TARGET,      /* it can be a target */
	DISCOVER_SYSTEM,      /* the server's own, a template, no plain file, our own store */
	DISCOVER_UNLISTED,    /* the instance's 'databases' do not list it */
	DISCOVER_NAME,        /* no target can have such a name */
	DISCOVER_ENVIRONMENT, /* its instance has no environment, hence it is of no stage */
};
const char *discover_reason_name(enum discover_reason r); /* "target", "system", ... */

struct discovered {
	const struct conf_instance *instance;
	struct str name;   /* as the server has it */
	struct str target; /* instances/I/databases/D; absent with DISCOVER_NAME */
	enum discover_reason reason;
	struct str why; /* for people; absent with DISCOVER_TARGET */
};

/*
 * All databases of the instance, by name, each with its reason, by one short session. The password
 * must be loaded. Errors as db_databases, with the instance's name before them.
 */
int discover_instance(struct discovered **out, size_t *n, const struct conf *conf,
		      const struct conf_instance *instance, struct arena *arena,
		      struct err *e) MUST_CHECK;

#endif
