/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain git server, which sends nothing by itself: its post-receive hook makes the delivery, as
 * hooks/body.c writes it, and hands it over a socket that the file system guards. So there is
 * nothing to sign, and nobody may send such a delivery over HTTP.
 */

#include "vcs/fact.h"

static const char heads[] = "refs/heads/";

static int git_authenticate(const struct request *r, const struct str *secrets, size_t n,
			    int64_t now_s, struct digest *d, struct err *e)
{
	(void)r;
	(void)secrets;
	(void)n;
	(void)now_s;
	(void)d;
	return err_set(e, ERR_AUTH,
		       "a git server's deliveries come from its post-receive hook, not over http");
}

/* Only a full ref of a branch is one: a hook is told full names. */
static struct str branch_of(struct str ref)
{
	return str_starts(ref, str_of(heads)) ? str_from(ref, sizeof heads - 1) : STR_NULL;
}

static int git_parse(struct event *out, const struct request *r, struct arena *arena, struct err *e)
{
	struct event event = { .kind = EVENT_PUSH };
	struct json *root;
	struct str ref;
	if (fact_root(&root, r, arena, e) != 0 || fact_object(root, "repository", e) != 0 ||
	    fact_str(&event.repository, root, "repository.full_name", e) != 0 ||
	    fact_str(&ref, root, "ref", e) != 0 ||
	    fact_str(&event.before, root, "before", e) != 0 ||
	    fact_str(&event.merge_commit, root, "after", e) != 0 ||
	    fact_object(root, "pusher", e) != 0 ||
	    fact_str(&event.actor, root, "pusher.login", e) != 0)
		return -1;
	event.target_branch = branch_of(ref);
	event.deleted = oid_is_zero(event.merge_commit);
	*out = event;
	return 0;
}

const struct provider provider_git = {
	.name = "git",
	.vcs_type = "VCS_TYPE_UNSPECIFIED",
	.authenticate = git_authenticate,
	.parse = git_parse,
};
