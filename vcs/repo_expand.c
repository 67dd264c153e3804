/* SPDX-License-Identifier: Apache-2.0 */
/* Commit ids that a provider cut, made whole again by looking them up in the mirror. */

#include "vcs/api.h"
#include "vcs/repo_impl.h"

int repo_expand(char out[41], struct repo *r, struct str commit, struct err *e)
{
	AUTO(git_commit) git_commit *found = NULL;
	git_oid oid;
	if (!api_commit_is_short(commit))
		return err_set(e, ERR_INPUT,
			       "'%.*s' is no short commit id (expected 12 to 39 digits)",
			       STR_ARG(str_first(commit, 64)));
	int rc = git_oid_fromstrn(&oid, commit.p, commit.n);
	if (rc == 0)
		rc = git_commit_lookup_prefix(&found, r->git, &oid, commit.n);
	if (rc == GIT_ENOTFOUND)
		return err_set(e, ERR_NOTFOUND, "no commit in the repository begins with %.*s",
			       STR_ARG(commit));
	if (rc == GIT_EAMBIGUOUS)
		return err_set(e, ERR_REFUSED, "commit %.*s is ambiguous: several begin with it",
			       STR_ARG(commit));
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot look the commit up");
	(void)git_oid_tostr(out, 41, git_commit_id(found));
	return 0;
}
