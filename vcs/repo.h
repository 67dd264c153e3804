/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_REPO_H
#define VCS_REPO_H

#include "base/auto.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

#include <stdint.h>

/*
 * A bare mirror of one repository: fetched by `git` in a child with a deadline, read by libgit2.
 * The url comes from the configuration only, never from a payload.
 */
struct repo;

struct repo_remote {
	struct str path;            /* the mirror's directory; made when it is missing */
	struct str url;             /* https://, http://, ssh://, user@host:path, file:// */
	struct str branch;          /* bare name: the only ref that is fetched */
	struct str username;        /* https with a token; absent: "x-access-token" */
	const struct secret *token; /* https; NULL: none */
	struct str ssh_key;         /* path of a private key; absent: none */
	struct str known_hosts;     /* path; absent: the user's own */
	int64_t timeout_ms;         /* for the whole fetch */
	/* Polled about every 100 ms: not 0 ends the fetch early. NULL: none. */
	int (*stop)(void *context);
	void *context;
};

/* Once per process, before any thread: libgit2 with the host's configuration shut out, owner checks
 * and strict hashing as the header's users need them. */
int repo_library_init(struct err *e) MUST_CHECK;
void repo_library_shutdown(void);

/* ERR_INPUT unless the url has one of the forms above and holds no password. */
int repo_url_check(struct str url, struct err *e) MUST_CHECK;

/*
 * Bring the mirror's branch to where the remote's is, forced updates and all. The credentials go to
 * git by its environment and only for the url's own host; redirects are not followed; the host's
 * git configuration and hooks play no part. The child is killed with its group at the deadline.
 * ERR_NOTFOUND: the branch is not there; ERR_AUTH: refused; ERR_UNAVAILABLE: unreachable, timed
 * out or stopped; ERR_REFUSED: a sha256 or otherwise unsupported repository. The message holds
 * git's last line, without credentials.
 */
int repo_fetch(const struct repo_remote *remote, struct err *e) MUST_CHECK;

/* Open a mirror, or any bare repository of this user. ERR_NOTFOUND, ERR_REFUSED (sha256, foreign
 * owner, unknown extension). One thread at a time; the caller closes. */
int repo_open(struct repo **out, struct str path, struct err *e) MUST_CHECK;
void repo_close(struct repo *r);
AUTO_DEFINE(repo, struct repo *, repo_close);

/* The branch's commit as 40 digits. ERR_NOTFOUND. */
int repo_branch_tip(char out[41], struct repo *r, struct str branch, struct err *e) MUST_CHECK;

/*
 * 0 when `commit` is the branch's tip or an ancestor of it; ERR_NOTFOUND: the mirror does not have
 * the commit (yet); ERR_REFUSED: it is there but not on the branch, as after a forced push.
 */
int repo_is_on_branch(struct repo *r, struct str commit, struct str branch,
		      struct err *e) MUST_CHECK;

/* The first line of the commit's message and its time; the text is in the caller's 256 bytes. */
int repo_commit_info(char subject[256], int64_t *unix_s, struct repo *r, struct str commit,
		     struct err *e) MUST_CHECK;

#endif
