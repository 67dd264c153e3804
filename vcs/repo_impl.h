/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_REPO_IMPL_H
#define VCS_REPO_IMPL_H

#include "base/auto.h"
#include "vcs/repo.h"

#include <git2.h>

/* What repo*.c and tree*.c share, and nobody else sees. */

struct repo {
	git_repository *git;
	git_odb *odb;
	char *path;
};

AUTO_DEFINE(git_commit, git_commit *, git_commit_free);
AUTO_DEFINE(git_tree, git_tree *, git_tree_free);
AUTO_DEFINE(git_tree_entry, git_tree_entry *, git_tree_entry_free);
AUTO_DEFINE(git_odb_object, git_odb_object *, git_odb_object_free);
AUTO_DEFINE(git_config, git_config *, git_config_free);
AUTO_DEFINE(git_config_iterator, git_config_iterator *, git_config_iterator_free);

/*
 * Copy libgit2's last message at once into `e` as "WHAT: message". GIT_ENOTFOUND becomes
 * `not_found`; anything else ERR_SYS (ERR_NOMEM when memory was short). Returns -1.
 */
int repo_git_err(struct err *e, int rc, enum err_code not_found, const char *what);

/* Look up a commit by its 40 digits: ERR_INPUT when they are none, ERR_NOTFOUND, ERR_SYS. */
int repo_commit(git_commit **out, struct repo *r, struct str commit, struct err *e) MUST_CHECK;

/* As repo_open; `*damaged` says that the directory is there but is no readable repository. */
int repo_open_or_damaged(struct repo **out, int *damaged, struct str path,
			 struct err *e) MUST_CHECK;

enum repo_scheme { REPO_HTTPS, REPO_HTTP, REPO_SSH, REPO_FILE };

struct repo_url {
	enum repo_scheme scheme;
	struct str origin; /* http and https: "https://host:port/", else absent */
};

/* repo_url_check with what the url consists of. */
int repo_url_parse(struct repo_url *out, struct str url, struct err *e) MUST_CHECK;

/*
 * Have a bare mirror at `path` that nothing of an earlier, killed fetch blocks: made when it is
 * missing, moved to "PATH.damaged" and made anew when it cannot be read. Refs other than the
 * branch's are dropped.
 */
int repo_mirror_prepare(const char *path, struct str branch, struct err *e) MUST_CHECK;
/* Move it aside; and bring it back in the place of what stands there now. */
int repo_mirror_set_aside(const char *path, struct err *e) MUST_CHECK;
int repo_mirror_restore(const char *path, struct err *e) MUST_CHECK;
/* Whether the branch's commit and its tree can be read. */
int repo_mirror_is_whole(const char *path, struct str branch);
/* The branch is gone on the other side. */
void repo_mirror_drop_branch(const char *path, struct str branch);
/* How many packs there are; 0 when that cannot be told. */
size_t repo_mirror_packs(const char *path);

/* The environment of a git child, built from nothing. */
struct repo_env {
	char *items[64];
	size_t n;
	size_t configs; /* of them, GIT_CONFIG_KEY_* */
	int failed;     /* out of memory or of room */
};
void repo_env_init(struct repo_env *env);
void repo_env_free(struct repo_env *env);
AUTO_DEFINE_INPLACE(repo_env, struct repo_env, repo_env_free);
/*
 * Everything that `git fetch` of `remote` shall see. `secrets` gets what must not be shown: up to
 * two texts that live as long as `env`. ERR_INPUT when a path or a credential cannot be passed.
 */
int repo_env_fetch(struct repo_env *env, struct str secrets[2], const struct repo_remote *remote,
		   const struct repo_url *url, struct err *e) MUST_CHECK;

enum repo_child_end { REPO_CHILD_EXITED, REPO_CHILD_TIMEOUT, REPO_CHILD_STOPPED };

struct repo_child {
	const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH */
	char *const *envp;
	int64_t timeout_ms;
	int (*stop)(void *context); /* NULL: none */
	void *context;
};

enum { REPO_CHILD_TEXT = 8192 };

struct repo_child_result {
	enum repo_child_end end;
	int status;                 /* as waitpid gives it */
	char text[REPO_CHILD_TEXT]; /* the end of its standard error */
	size_t n;
};

/*
 * Run a child in a process group of its own and wait for it; nothing of the group is left when this
 * returns. ERR_SYS when it cannot be started.
 */
int repo_child_run(struct repo_child_result *out, const struct repo_child *child,
		   struct err *e) MUST_CHECK;

enum repo_verdict {
	REPO_VERDICT_OTHER,
	REPO_VERDICT_BRANCH_GONE, /* the other side has no such branch */
	REPO_VERDICT_DAMAGED,     /* the mirror itself seems broken */
};

/* What git's complaint means: fills `e` as repo_fetch documents it. */
enum repo_verdict repo_classify(struct str complaint, const struct repo_remote *remote,
				const struct str secrets[2], struct err *e);

#endif
