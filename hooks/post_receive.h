/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_POST_RECEIVE_H
#define HOOKS_POST_RECEIVE_H

#include "base/str.h"

#include <stddef.h>

/*
 * What git tells a post-receive hook on its standard input (githooks(5)): one line
 * `OLD SP NEW SP REF LF` for each ref that the push moved. Bytes are fed as they come, and nothing
 * but the line of the configured branch is kept, so that a push of a million refs costs no memory.
 */
enum {
	POST_RECEIVE_OID_MAX = 64,    /* digits: sha256 */
	POST_RECEIVE_LINE_MAX = 4352, /* two ids and a ref of PATH_MAX bytes */
};

struct post_receive_change {
	char before[POST_RECEIVE_OID_MAX + 1]; /* lower-case digits; all '0': the ref is new */
	char after[POST_RECEIVE_OID_MAX + 1];  /* all '0': the ref is gone */
};

struct post_receive {
	struct str branch; /* bare; lent */
	/* out, after post_receive_end */
	size_t refs;      /* well-formed lines */
	size_t malformed; /* others, too long ones among them */
	size_t sha256;    /* refs of a repository whose ids have 64 digits */
	int found;        /* the branch was among them: */
	struct post_receive_change change;
	/* its own */
	char line[POST_RECEIVE_LINE_MAX];
	size_t n;
	int too_long;
};

void post_receive_init(struct post_receive *p, struct str branch);
void post_receive_feed(struct post_receive *p, struct str bytes);
/* No more bytes: a last line without its LF counts too. */
void post_receive_end(struct post_receive *p);

/*
 * One line without its LF: split at the first two blanks, since a ref may hold any byte but those
 * that git forbids. -1 and nothing changed unless both ids have 40 or both 64 lower-case digits,
 * and the ref begins with "refs/" and holds no control byte or blank. `ref` points into the line.
 */
int post_receive_line(struct post_receive_change *out, struct str *ref, struct str line);

#endif
