/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a mirror: making it, and healing what a killed fetch or a bad disk left. The
 * caller guarantees that no other fetch runs on it, so whatever lock lies there is stale.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "vcs/repo_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MIRROR_PATH_MAX = 4096 };

static void auto_closedir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

/* `path` + `tail`, or ERR_LIMIT. */
static int join(char out[MIRROR_PATH_MAX], const char *path, const char *tail, struct err *e)
{
	if (snprintf(out, MIRROR_PATH_MAX, "%s%s", path, tail) >= MIRROR_PATH_MAX)
		return err_set(e, ERR_LIMIT, "the path '%s' is too long", path);
	return 0;
}

/* --- directories --- */

/* `path` and what is missing above it, for us alone: mirrors hold private sources. */
static int make_directories(const char *path, struct err *e)
{
	char part[MIRROR_PATH_MAX];
	if (join(part, path, "", e) != 0)
		return -1;
	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return err_sys(e, errno, "cannot make the directory '%s'", part);
		*p = was;
		if (was == '\0')
			return 0;
	}
}

/* Unlink the files of one directory; the name of a directory in it, if any, goes to `inner`. */
static int empty_directory(char inner[256], const char *path, struct err *e)
{
	AUTO(closedir) DIR *dir = opendir(path);
	inner[0] = '\0';
	if (dir == NULL)
		return err_sys(e, errno, "cannot open '%s'", path);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct stat st;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		/* Not followed: a symbolic link is removed, never what it names. */
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			(void)snprintf(inner, 256, "%.255s", entry->d_name);
		else if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			return err_sys(e, errno, "cannot remove '%s/%s'", path, entry->d_name);
	}
	return 0;
}

/* Remove a directory and all below it; it is no error when there is none. */
static int remove_tree(const char *path, struct err *e)
{
	char at[MIRROR_PATH_MAX], inner[256];
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (join(at, path, "", e) != 0)
		return -1;
	const size_t root = strlen(at);
	for (;;) {
		if (empty_directory(inner, at, e) != 0)
			return -1;
		size_t n = strlen(at);
		if (inner[0] != '\0') {
			if (snprintf(at + n, sizeof at - n, "/%s", inner) >= (int)(sizeof at - n))
				return err_set(e, ERR_LIMIT, "'%s' is nested too deep", path);
			continue;
		}
		if (rmdir(at) != 0)
			return err_sys(e, errno, "cannot remove '%s'", at);
		if (n == root)
			return 0;
		*strrchr(at, '/') = '\0';
	}
}

int repo_mirror_set_aside(const char *path, struct err *e)
{
	char aside[MIRROR_PATH_MAX];
	if (join(aside, path, ".damaged", e) != 0)
		return -1;
	/* An empty directory is nobody's loss. */
	if (rmdir(path) == 0)
		return 0;
	if (remove_tree(aside, e) != 0)
		return -1;
	if (rename(path, aside) != 0)
		return err_sys(e, errno, "cannot move the damaged mirror '%s' aside", path);
	return 0;
}

int repo_mirror_restore(const char *path, struct err *e)
{
	char aside[MIRROR_PATH_MAX];
	if (join(aside, path, ".damaged", e) != 0 || remove_tree(path, e) != 0)
		return -1;
	if (rename(aside, path) != 0)
		return err_sys(e, errno, "cannot move '%s' back", aside);
	return 0;
}

/* --- what a killed fetch leaves --- */

static int ends_with(const char *name, const char *end)
{
	return str_ends(str_of(name), str_of(end));
}

/* Half-written packs, and the marks that keep a pack from being repacked. */
static int is_leftover(const char *name)
{
	return strncmp(name, "tmp_", 4) == 0 || strncmp(name, ".tmp-", 5) == 0 ||
	       ends_with(name, ".keep") || ends_with(name, ".lock");
}

static void clean_packs(const char *path)
{
	char packs[MIRROR_PATH_MAX];
	if (join(packs, path, "/objects/pack", NULL) != 0)
		return;
	AUTO(closedir) DIR *dir = opendir(packs);
	if (dir == NULL)
		return;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (is_leftover(entry->d_name))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

static void clean_locks(const char *path)
{
	static const char *const locks[] = {
		"/HEAD.lock",
		"/config.lock",
		"/packed-refs.lock",
		"/shallow.lock",
		"/gc.pid",
		"/gc.pid.lock",
		"/objects/maintenance.lock",
		"/objects/info/commit-graph.lock",
		"/objects/info/commit-graphs/commit-graph-chain.lock",
	};
	char file[MIRROR_PATH_MAX];
	for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
		if (join(file, path, locks[i], NULL) == 0)
			(void)unlink(file);
	}
	clean_packs(path);
}

static void clean_ref_lock(const char *path, const char *ref)
{
	char file[MIRROR_PATH_MAX];
	if (snprintf(file, sizeof file, "%s/%s.lock", path, ref) < (int)sizeof file)
		(void)unlink(file);
}

/* Refs of an earlier configuration could stand in the way ("a" of "a/b"), and keep objects alive.
 */
static void drop_other_refs(struct repo *r, const char *keep)
{
	git_strarray refs = { NULL, 0 };
	clean_ref_lock(r->path, keep);
	if (git_reference_list(&refs, r->git) != 0)
		return;
	for (size_t i = 0; i < refs.count; i++) {
		if (strcmp(refs.strings[i], keep) == 0)
			continue;
		clean_ref_lock(r->path, refs.strings[i]);
		(void)git_reference_remove(r->git, refs.strings[i]);
	}
	git_strarray_dispose(&refs);
}

/* --- the mirror --- */

static int make_mirror(const char *path, struct err *e)
{
	git_repository *made = NULL;
	git_repository_init_options options = {
		.version = GIT_REPOSITORY_INIT_OPTIONS_VERSION,
		.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT,
	};
	if (make_directories(path, e) != 0)
		return -1;
	int rc = git_repository_init_ext(&made, path, &options);
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot make the mirror");
	git_repository_free(made);
	return 0;
}

int repo_mirror_prepare(const char *path, struct str branch, struct err *e)
{
	AUTO(repo) struct repo *r = NULL;
	struct err inner = { .code = ERR_NONE };
	char ref[300];
	int damaged;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return make_mirror(path, e);
	if (repo_open_or_damaged(&r, &damaged, str_of(path), &inner) == 0) {
		clean_locks(path);
		(void)snprintf(ref, sizeof ref, "refs/heads/%.*s", STR_ARG(branch));
		drop_other_refs(r, ref);
		return 0;
	}
	if (!damaged) {
		if (e != NULL)
			*e = inner;
		return -1;
	}
	if (repo_mirror_set_aside(path, e) != 0)
		return -1;
	return make_mirror(path, e);
}

int repo_mirror_is_whole(const char *path, struct str branch)
{
	AUTO(repo) struct repo *r = NULL;
	AUTO(git_commit) git_commit *commit = NULL;
	AUTO(git_tree) git_tree *tree = NULL;
	char tip[41];
	struct err ignored;
	return repo_open(&r, str_of(path), &ignored) == 0 &&
	       repo_branch_tip(tip, r, branch, &ignored) == 0 &&
	       repo_commit(&commit, r, str_of(tip), &ignored) == 0 &&
	       git_commit_tree(&tree, commit) == 0;
}

void repo_mirror_drop_branch(const char *path, struct str branch)
{
	AUTO(repo) struct repo *r = NULL;
	struct err ignored;
	char ref[300];
	(void)snprintf(ref, sizeof ref, "refs/heads/%.*s", STR_ARG(branch));
	if (repo_open(&r, str_of(path), &ignored) == 0)
		(void)git_reference_remove(r->git, ref);
}

size_t repo_mirror_packs(const char *path)
{
	char packs[MIRROR_PATH_MAX];
	size_t n = 0;
	if (join(packs, path, "/objects/pack", NULL) != 0)
		return 0;
	AUTO(closedir) DIR *dir = opendir(packs);
	if (dir == NULL)
		return 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		n += (size_t)(ends_with(entry->d_name, ".pack") != 0);
	return n;
}
