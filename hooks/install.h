/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_INSTALL_H
#define HOOKS_INSTALL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The script that makes a repository call `tidegate hook post-receive`. */

struct install {
	const char *repository; /* its directory: a bare one, or one with a .git directory in it */
	const char *program;    /* the binary, absolute */
	const char *conf;       /* the configuration, absolute */
	struct str id;          /* of the repository in the configuration */
	int force;              /* a hook of somebody else's is kept and called first */
};

enum install_done {
	INSTALL_NEW,
	INSTALL_SAME,    /* it was there, as it is */
	INSTALL_CHANGED, /* ours was there, with other paths */
	INSTALL_CHAINED, /* somebody else's was there, and is called first from now on */
};

/* The script. ERR_INPUT when a path holds a control character. */
int install_script(struct buf *out, const struct install *i, struct err *e) MUST_CHECK;

/*
 * Put it in place, in one step and executable; `path` gets its file name. ERR_NOTFOUND: no
 * repository; ERR_INPUT: one with sha256 ids, or a worktree, whose hooks are elsewhere; ERR_EXISTS:
 * somebody else's hook is there and `force` is not set, or one is kept already; ERR_SYS. With
 * `force` the other hook becomes post-receive.before-tidegate.
 */
int install_hook(enum install_done *done, struct buf *path, const struct install *i,
		 struct err *e) MUST_CHECK;

#endif
