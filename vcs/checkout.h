/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_CHECKOUT_H
#define VCS_CHECKOUT_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"
#include "vcs/glob.h"

#include <stddef.h>

/*
 * The files of a working directory that match a pattern, as they lie on the disk, and the commit
 * that they are of. What is not committed is seen too, which vcs/tree.h never does.
 */
struct checkout_file {
	struct str path; /* relative to the directory, '/' between segments */
	struct str content;
	unsigned char sha256[SHA256_BYTES];
};

struct checkout {
	struct checkout_file *files; /* by path, bytewise */
	size_t n;
};

/*
 * Read the files below `directory` that match; all of `out` lives in `arena`. Symbolic links and
 * what is no plain file are left out, and so is a directory named ".git". ERR_NOTFOUND: no such
 * directory; a prefix of the pattern that does not exist gives no files. ERR_LIMIT: over the bounds
 * of vcs/tree.h, or of the arena; ERR_SYS: a file cannot be read.
 */
int checkout_read(struct checkout *out, struct str directory, const struct glob *glob,
		  struct arena *arena, struct err *e) MUST_CHECK;

/* The commit that is checked out. */
struct checkout_commit {
	struct str id;      /* 40 digits; absent: no repository, or no commit in it yet */
	struct str branch;  /* bare name; absent: none is checked out */
	struct str subject; /* the first line of the commit's message */
	struct str changed; /* the first of the files that differs from the commit; absent: none */
};

/* Ask the repository that `directory` lies in; repo_library_init comes first. Texts live in
 * `arena`. ERR_SYS when a repository cannot be read. */
int checkout_commit(struct checkout_commit *out, const struct checkout *checkout,
		    struct str directory, struct arena *arena, struct err *e) MUST_CHECK;

#endif
