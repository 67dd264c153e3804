/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_DIRECTIVE_H
#define RELEASE_DIRECTIVE_H

#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

/*
 * What the comment at the head of a script asks for, in Bytebase's spelling:
 *	-- txn-mode = on|off
 *	-- txn-isolation = read uncommitted|read committed|repeatable read|serializable
 * Case does not count, and '-', '_' and blanks are one in an isolation level. Only the
 * comments before the first statement are read, and of them those that end with their line.
 */
enum directive_mode {
	DIRECTIVE_MODE_NONE, /* not said: as the script's statements need it */
	DIRECTIVE_MODE_ON,   /* one transaction, or not at all */
	DIRECTIVE_MODE_OFF,  /* statement by statement */
};

struct directives {
	enum directive_mode mode;
	enum db_isolation isolation;
};

/* ERR_REFUSED for an unknown value, and for a directive that is said twice; `*failed` tells the
 * line. Byte order marks and CR before LF do no harm. */
int directives_read(struct directives *out, struct db_place *failed, struct str text,
		    struct err *e) MUST_CHECK;

#endif
