/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching one branch into a mirror by `git fetch` in a child. libgit2 1.5 has neither timeouts nor
 * TLS 1.3; a child has both, and can be killed.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "vcs/provider.h"
#include "vcs/repo_impl.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	/* Each fetch adds a pack; from here on they are joined. libgit2 looks into every one. */
	PACKS_MAX = 24,
};

/* One fetch, its parts as C strings for git. */
struct fetch {
	const struct repo_remote *remote;
	struct repo_url url;
	char *path;
	char *url_text;
	char refspec[600];
};

static void fetch_free(struct fetch *f)
{
	mem_free(f->path);
	mem_free(f->url_text);
}

AUTO_DEFINE_INPLACE(fetch, struct fetch, fetch_free);

static int fetch_init(struct fetch *f, const struct repo_remote *remote, struct err *e)
{
	f->remote = remote;
	if (repo_url_parse(&f->url, remote->url, e) != 0)
		return -1;
	if (!branch_is_valid(remote->branch))
		return err_set(e, ERR_INPUT, "'%.*s' is no branch name",
			       STR_ARG(str_first(remote->branch, 255)));
	if (remote->path.n == 0 || remote->path.p[0] != '/')
		return err_set(e, ERR_INPUT, "the mirror's path '%.*s' is not absolute",
			       STR_ARG(str_first(remote->path, 200)));
	f->path = str_to_cstr(remote->path, e);
	f->url_text = f->path != NULL ? str_to_cstr(remote->url, e) : NULL;
	if (f->url_text == NULL)
		return -1;
	(void)snprintf(f->refspec, sizeof f->refspec, "+refs/heads/%.*s:refs/heads/%.*s",
		       STR_ARG(remote->branch), STR_ARG(remote->branch));
	return 0;
}

static int run_git(struct repo_child_result *out, struct str secrets[2], struct repo_env *env,
		   const struct fetch *f, const char *const *argv, struct err *e)
{
	const struct repo_remote *remote = f->remote;
	if (repo_env_fetch(env, secrets, remote, &f->url, e) != 0)
		return -1;
	const struct repo_child child = {
		.argv = argv,
		.envp = env->items,
		.timeout_ms = remote->timeout_ms,
		.stop = remote->stop,
		.context = remote->context,
	};
	return repo_child_run(out, &child, e);
}

static int succeeded(const struct repo_child_result *r)
{
	return r->end == REPO_CHILD_EXITED && WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0;
}

static int fetch_failed(enum repo_verdict *verdict, const struct repo_child_result *r,
			const struct fetch *f, const struct str secrets[2], struct err *e)
{
	const struct str url = f->remote->url;
	switch (r->end) {
	case REPO_CHILD_TIMEOUT:
		return err_set(e, ERR_UNAVAILABLE, "fetching '%.*s' took longer than %lld ms",
			       STR_ARG(str_first(url, 200)), (long long)f->remote->timeout_ms);
	case REPO_CHILD_STOPPED:
		return err_set(e, ERR_UNAVAILABLE, "fetching '%.*s' was stopped",
			       STR_ARG(str_first(url, 200)));
	case REPO_CHILD_EXITED:
		break;
	}
	if (!WIFEXITED(r->status))
		return err_set(e, ERR_UNAVAILABLE, "git was ended by signal %d",
			       WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0);
	*verdict = repo_classify((struct str){ r->text, r->n }, f->remote, secrets, e);
	return -1;
}

static int fetch_once(enum repo_verdict *verdict, const struct fetch *f, struct err *e)
{
	AUTO(repo_env) struct repo_env env;
	struct repo_child_result *result = mem_alloc(sizeof *result);
	struct str secrets[2];
	const char *const argv[] = {
		"git",
		"--git-dir",
		f->path,
		"fetch",
		"--quiet",
		"--force",
		"--no-tags",
		"--no-write-fetch-head",
		"--no-recurse-submodules",
		"--no-auto-maintenance",
		"--no-show-forced-updates",
		"--",
		f->url_text,
		f->refspec,
		NULL,
	};
	repo_env_init(&env);
	*verdict = REPO_VERDICT_OTHER;
	if (result == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	int rc = run_git(result, secrets, &env, f, argv, e);
	if (rc == 0 && !succeeded(result))
		rc = fetch_failed(verdict, result, f, secrets, e);
	mem_free(result);
	if (rc == 0 && !repo_mirror_is_whole(f->path, f->remote->branch)) {
		*verdict = REPO_VERDICT_DAMAGED;
		rc = err_set(e, ERR_SYS, "the mirror '%s' cannot be read", f->path);
	}
	return rc;
}

/*
 * Join packs in a geometric series: cheap, however large the repository is. What was fetched stays
 * good when this fails, so nobody hears of it.
 */
static void join_packs(const struct fetch *f)
{
	AUTO(repo_env) struct repo_env env;
	struct repo_child_result *result = mem_alloc(sizeof *result);
	struct str secrets[2];
	/* It speaks to nobody, so it gets no credentials. */
	struct repo_remote remote = *f->remote;
	remote.token = NULL;
	remote.ssh_key = STR_NULL;
	struct fetch local = *f;
	local.remote = &remote;
	const char *const argv[] = { "git",           "--git-dir", f->path, "repack",
				     "--geometric=2", "--quiet",   "-d",    NULL };
	repo_env_init(&env);
	if (result != NULL && repo_mirror_packs(f->path) > PACKS_MAX)
		IGNORE(run_git(result, secrets, &env, &local, argv,
			       NULL)); /* the next fetch tries again */
	mem_free(result);
}

/* The mirror is broken: clone anew, and when that fails too, the old one is still better. */
static int fetch_anew(const struct fetch *f, struct err *e)
{
	enum repo_verdict verdict;
	if (repo_mirror_set_aside(f->path, e) != 0 ||
	    repo_mirror_prepare(f->path, f->remote->branch, e) != 0)
		return -1;
	if (fetch_once(&verdict, f, e) == 0)
		return 0;
	IGNORE(repo_mirror_restore(f->path, NULL)); /* the fetch's own error says more */
	return -1;
}

int repo_fetch(const struct repo_remote *remote, struct err *e)
{
	AUTO(fetch) struct fetch f = { .remote = remote };
	struct err inner = { .code = ERR_NONE };
	enum repo_verdict verdict;
	if (fetch_init(&f, remote, e) != 0 || repo_mirror_prepare(f.path, remote->branch, e) != 0)
		return -1;
	int rc = fetch_once(&verdict, &f, &inner);
	if (rc != 0 && verdict == REPO_VERDICT_DAMAGED)
		rc = fetch_anew(&f, &inner);
	else if (rc != 0 && verdict == REPO_VERDICT_BRANCH_GONE)
		repo_mirror_drop_branch(f.path, remote->branch);
	if (rc != 0) {
		if (e != NULL)
			*e = inner;
		return -1;
	}
	join_packs(&f);
	return 0;
}
