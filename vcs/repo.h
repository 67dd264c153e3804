/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_REPO_H
#define VCS_REPO_H

#include "base/auto.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A bare mirror of one repository: fetched by `git` in a child with a deadline, read by libgit2.
 * The url comes from the configuration only, never from a payload.
 */
struct repo;
struct arena;
struct author_commit;

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
 * One fetch per mirror at a time: stale locks of a killed one are removed, a mirror that cannot be
 * read is moved to "PATH.damaged" and cloned anew (and moved back when that fails). Packs are
 * joined now and then, in a child with the same deadline, whose failure is nobody's.
 * ERR_NOTFOUND: the branch, which is then dropped from the mirror, or the repository is not there;
 * ERR_AUTH: refused; ERR_UNAVAILABLE: unreachable, timed out or stopped; ERR_REFUSED: a sha256 or
 * otherwise unsupported repository, a redirect, a foreign owner; ERR_INPUT: what `remote` says
 * cannot be passed to git; ERR_SYS: the disk, or no git. The message holds git's last telling line,
 * without credentials.
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

/*
 * The whole id of a commit of which a provider gave only the first 12 to 39 digits. ERR_INPUT: it
 * is no such id; ERR_NOTFOUND: the mirror has none that begins so (yet); ERR_REFUSED: several do.
 */
int repo_expand(char out[41], struct repo *r, struct str commit, struct err *e) MUST_CHECK;

/* The first line of the commit's message and its time; the text is in the caller's 256 bytes. */
int repo_commit_info(char subject[256], int64_t *unix_s, struct repo *r, struct str commit,
		     struct err *e) MUST_CHECK;

/* Newest commits of one push that are looked at: an import of history must not keep a worker. */
enum { REPO_AUTHORS_COMMITS_MAX = 10000 };

/*
 * The authors of the commits that a push added: those that `after` has and `before` has not, each
 * author once (by address, ASCII letters without case), of the newest commit first, in `arena`.
 * Merge commits are left out, since who merged is not who wrote; where nothing else was added,
 * `after` counts. Of a branch that is new (`before` absent or zero) or whose old tip the mirror
 * does not have, only `after` counts: the rest may be years old. None when nothing was added.
 * ERR_NOTFOUND: no such commit as `after`. Source: git_revwalk_hide.
 */
int repo_authors(struct author_commit **out, size_t *n, struct repo *r, struct str before,
		 struct str after, struct arena *arena, struct err *e) MUST_CHECK;

#endif
