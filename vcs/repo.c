/* SPDX-License-Identifier: Apache-2.0 */
/* Bare repositories read by libgit2: opening with checks of our own, branches, ancestry, commits.
 */

#include "vcs/repo.h"

#include "base/mem.h"
#include "vcs/provider.h"
#include "vcs/repo_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int repo_git_err(struct err *e, int rc, enum err_code not_found, const char *what)
{
	/* The library may have failed without a message. */
	const git_error *last = git_error_last();
	const char *text = last != NULL && last->message != NULL ? last->message : "git error";
	char native[16];
	enum err_code code = rc == GIT_ENOTFOUND ? not_found : ERR_SYS;
	if (last != NULL && last->klass == GIT_ERROR_NOMEMORY)
		code = ERR_NOMEM;
	(void)err_set(e, code, "%s: %s", what, text);
	(void)snprintf(native, sizeof native, "%d", rc);
	err_native(e, native);
	return -1;
}

/* --- the library --- */

int repo_library_init(struct err *e)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
				      GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL };
	int rc = git_libgit2_init();
	if (rc < 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot start libgit2");
	for (size_t i = 0; rc >= 0 && i < sizeof levels / sizeof levels[0]; i++)
		rc = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	/*
	 * libgit2 1.5 reports a foreign owner as "config value 'safe.directory' was not found", and
	 * not at all for bare repositories: check_owner has the clear text.
	 */
	if (rc >= 0)
		rc = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	/*
	 * Hashing each object again when it is read costs a quarter of the time and finds nothing
	 * here: index-pack hashed every object when it came (fetch.fsckObjects checked its form as
	 * well), zlib's checksum finds a disk that lies later, and each migration gets a SHA-256 of
	 * its own that its release carries on.
	 */
	if (rc >= 0)
		rc = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	if (rc >= 0)
		return 0;
	(void)repo_git_err(e, rc, ERR_SYS, "cannot set libgit2 up");
	(void)git_libgit2_shutdown();
	return -1;
}

void repo_library_shutdown(void)
{
	(void)git_libgit2_shutdown();
}

/* --- opening --- */

static int check_owner(const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(e, ERR_NOTFOUND, "no repository at '%s'", path);
		return err_sys(e, errno, "cannot look at '%s'", path);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_NOTFOUND, "no repository at '%s': not a directory", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED,
			       "repository '%s' belongs to user %lu, not to us (%lu); chown it, or "
			       "run as its owner",
			       path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	return 0;
}

static int check_extension(const char *path, int version, const git_config_entry *entry,
			   struct err *e)
{
	if (strncmp(entry->name, "extensions.", strlen("extensions.")) != 0)
		return 0;
	const char *name = entry->name + strlen("extensions.");
	if (strcmp(name, "objectformat") == 0 && strcmp(entry->value, "sha1") != 0)
		return err_set(e, ERR_REFUSED,
			       "repository '%s' names objects by %s, which is not supported; use a "
			       "SHA-1 repository",
			       path, entry->value);
	if (version == 0 || strcmp(name, "objectformat") == 0 || strcmp(name, "noop") == 0)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "repository '%s' uses the extension '%s', which is not supported", path,
		       name);
}

/* Entry by entry: libgit2 1.5.1 leaks what PCRE2 allocates for each match of a pattern. */
static int check_extensions(const char *path, int version, const git_config *config, struct err *e)
{
	AUTO(git_config_iterator) git_config_iterator *entries = NULL;
	git_config_entry *entry;
	int rc = git_config_iterator_new(&entries, config);
	while (rc == 0 && (rc = git_config_next(&entry, entries)) == 0) {
		if (check_extension(path, version, entry, e) != 0)
			return -1;
	}
	return rc == GIT_ITEROVER ? 0
				  : repo_git_err(e, rc, ERR_SYS, "cannot read the configuration");
}

/* What libgit2 1.5 does not look at, or says unclearly. */
static int check_format(const char *path, int *damaged, struct err *e)
{
	AUTO(git_config) git_config *config = NULL;
	char file[4096];
	int version = 0;
	if (snprintf(file, sizeof file, "%s/config", path) >= (int)sizeof file)
		return err_set(e, ERR_LIMIT, "the path '%s' is too long", path);
	int rc = git_config_open_ondisk(&config, file);
	if (rc == 0)
		rc = git_config_get_int32(&version, config, "core.repositoryformatversion");
	if (rc == GIT_ENOTFOUND)
		rc = version = 0;
	if (rc != 0) {
		const git_error *last = git_error_last();
		*damaged = last != NULL && last->klass == GIT_ERROR_CONFIG;
		return repo_git_err(e, rc, ERR_SYS, "cannot read the repository's configuration");
	}
	if (version < 0 || version > 1)
		return err_set(e, ERR_REFUSED, "repository '%s' has the unknown format %d", path,
			       version);
	return check_extensions(path, version, config, e);
}

static int open_checked(struct repo *r, int *damaged, struct err *e)
{
	if (check_owner(r->path, e) != 0 || check_format(r->path, damaged, e) != 0)
		return -1;
	/* It checks nothing, but that was done; the others leak as check_extensions says. */
	int rc = git_repository_open_bare(&r->git, r->path);
	if (rc == GIT_ENOTFOUND) {
		*damaged = 1;
		return err_set(e, ERR_NOTFOUND, "'%s' is no git repository", r->path);
	}
	if (rc == 0)
		rc = git_repository_odb(&r->odb, r->git);
	return rc == 0 ? 0 : repo_git_err(e, rc, ERR_SYS, "cannot open the repository");
}

int repo_open_or_damaged(struct repo **out, int *damaged, struct str path, struct err *e)
{
	*damaged = 0;
	AUTO(repo) struct repo *r = mem_array(1, sizeof *r);
	if (r == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->path = str_to_cstr(path, e);
	if (r->path == NULL || open_checked(r, damaged, e) != 0)
		return -1;
	*out = TAKE(r);
	return 0;
}

int repo_open(struct repo **out, struct str path, struct err *e)
{
	int damaged;
	return repo_open_or_damaged(out, &damaged, path, e);
}

void repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	git_odb_free(r->odb);
	git_repository_free(r->git);
	mem_free(r->path);
	mem_free(r);
}

/* --- branches and commits --- */

static int branch_oid(git_oid *out, struct repo *r, struct str branch, struct err *e)
{
	char name[300];
	if (!branch_is_valid(branch))
		return err_set(e, ERR_INPUT, "'%.*s' is no branch name",
			       STR_ARG(str_first(branch, 255)));
	(void)snprintf(name, sizeof name, "refs/heads/%.*s", STR_ARG(branch));
	int rc = git_reference_name_to_id(out, r->git, name);
	if (rc == GIT_ENOTFOUND)
		return err_set(e, ERR_NOTFOUND, "branch '%.*s' does not exist", STR_ARG(branch));
	return rc == 0 ? 0 : repo_git_err(e, rc, ERR_SYS, "cannot read the branch");
}

int repo_branch_tip(char out[41], struct repo *r, struct str branch, struct err *e)
{
	git_oid oid;
	if (branch_oid(&oid, r, branch, e) != 0)
		return -1;
	(void)git_oid_tostr(out, 41, &oid);
	return 0;
}

int repo_commit(git_commit **out, struct repo *r, struct str commit, struct err *e)
{
	git_oid oid;
	if (!oid_is_valid(commit))
		return err_set(e, ERR_INPUT, "'%.*s' is no commit id (expected 40 digits)",
			       STR_ARG(str_first(commit, 64)));
	int rc = git_oid_fromstrn(&oid, commit.p, commit.n);
	if (rc == 0)
		rc = git_commit_lookup(out, r->git, &oid);
	if (rc == GIT_ENOTFOUND)
		return err_set(e, ERR_NOTFOUND, "commit %.*s is not in the repository",
			       STR_ARG(commit));
	return rc == 0 ? 0 : repo_git_err(e, rc, ERR_SYS, "cannot read the commit");
}

int repo_is_on_branch(struct repo *r, struct str commit, struct str branch, struct err *e)
{
	AUTO(git_commit) git_commit *found = NULL;
	git_oid tip;
	if (branch_oid(&tip, r, branch, e) != 0 || repo_commit(&found, r, commit, e) != 0)
		return -1;
	if (git_oid_equal(&tip, git_commit_id(found)))
		return 0;
	int rc = git_graph_descendant_of(r->git, &tip, git_commit_id(found));
	if (rc < 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot walk the branch");
	if (rc == 0)
		return err_set(e, ERR_REFUSED,
			       "commit %.*s is not on branch '%.*s' (was the branch rewritten?)",
			       STR_ARG(commit), STR_ARG(branch));
	return 0;
}

/* At most 255 bytes, ending with a whole character. */
static void copy_subject(char out[256], const char *text)
{
	size_t n = strlen(text);
	if (n > 255) {
		n = 255;
		while (n > 0 && ((unsigned char)text[n] & 0xc0U) == 0x80U)
			n--;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

int repo_commit_info(char subject[256], int64_t *unix_s, struct repo *r, struct str commit,
		     struct err *e)
{
	AUTO(git_commit) git_commit *found = NULL;
	if (repo_commit(&found, r, commit, e) != 0)
		return -1;
	const char *summary = git_commit_summary(found);
	if (summary == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	copy_subject(subject, summary);
	*unix_s = git_commit_time(found);
	return 0;
}
