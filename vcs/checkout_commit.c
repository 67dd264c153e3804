/* SPDX-License-Identifier: Apache-2.0 */
/* Which commit a working directory shows, and whether its migrations are those of the commit. */

#define _XOPEN_SOURCE 700 /* realpath */

#include "vcs/checkout.h"
#include "vcs/repo_impl.h"

#include <stdlib.h>
#include <string.h>

AUTO_DEFINE(git_repository, git_repository *, git_repository_free);
AUTO_DEFINE(git_reference, git_reference *, git_reference_free);
AUTO_DEFINE(git_object, git_object *, git_object_free);

/* The repository around `directory`: 1, 0 when there is none, or -1. */
static int find_repository(git_repository **out, struct str directory, struct err *e)
{
	AUTO(free) char *path = str_to_cstr(directory, e);
	if (path == NULL)
		return -1;
	int rc = git_repository_open_ext(out, path, 0, NULL);
	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot read the repository around the files");
	return git_repository_is_bare(*out) ? 0 : 1;
}

/* Where `directory` lies in the working tree: "" or "a/b/". Absent: outside. */
static int prefix_of(struct str *out, git_repository *git, struct str directory,
		     struct arena *arena, struct err *e)
{
	AUTO(free) char *path = str_to_cstr(directory, e);
	if (path == NULL)
		return -1;
	AUTO(free) char *real = realpath(path, NULL);
	AUTO(free) char *root = realpath(git_repository_workdir(git), NULL);
	*out = STR_NULL;
	if (real == NULL || root == NULL)
		return 0;
	const struct str inner = str_of(real), outer = str_of(root);
	if (str_eq(inner, outer)) {
		*out = STR("");
		return 0;
	}
	if (!str_starts(inner, outer) || (inner.p[outer.n] != '/' && outer.n > 1))
		return 0;
	const struct str rest = str_from(inner, outer.n > 1 ? outer.n + 1 : 1);
	*out = str_of(arena_printf(arena, "%.*s/", STR_ARG(rest)));
	return out->p != NULL ? 0 : arena_err(arena, e);
}

/* Whether the commit has the file with just these bytes. */
static int is_same(const git_tree *tree, const struct checkout_file *file, struct str prefix,
		   struct arena *arena)
{
	AUTO(git_tree_entry) git_tree_entry *entry = NULL;
	git_oid oid;
	const char *path = arena_printf(arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(file->path));
	return path != NULL && git_tree_entry_bypath(&entry, tree, path) == 0 &&
	       git_odb_hash(&oid, file->content.p, file->content.n, GIT_OBJECT_BLOB) == 0 &&
	       git_oid_equal(&oid, git_tree_entry_id(entry));
}

static int compare(struct checkout_commit *out, const struct checkout *checkout,
		   git_repository *git, const git_commit *commit, struct str directory,
		   struct arena *arena, struct err *e)
{
	AUTO(git_tree) git_tree *tree = NULL;
	struct str prefix;
	int rc = git_commit_tree(&tree, commit);
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot read the commit that is checked out");
	if (prefix_of(&prefix, git, directory, arena, e) != 0)
		return -1;
	for (size_t i = 0; i < checkout->n && out->changed.p == NULL; i++) {
		if (prefix.p == NULL || !is_same(tree, &checkout->files[i], prefix, arena))
			out->changed = checkout->files[i].path;
	}
	return 0;
}

int checkout_commit(struct checkout_commit *out, const struct checkout *checkout,
		    struct str directory, struct arena *arena, struct err *e)
{
	AUTO(git_repository) git_repository *git = NULL;
	AUTO(git_reference) git_reference *head = NULL;
	AUTO(git_object) git_object *object = NULL;
	struct checkout_commit found = { .id = STR_NULL };
	char id[GIT_OID_HEXSZ + 1];
	int rc = find_repository(&git, directory, e);
	if (rc < 0)
		return -1;
	if (rc == 0 || (rc = git_repository_head(&head, git)) == GIT_EUNBORNBRANCH ||
	    rc == GIT_ENOTFOUND) {
		*out = found;
		return 0;
	}
	if (rc == 0)
		rc = git_reference_peel(&object, head, GIT_OBJECT_COMMIT);
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot read the commit that is checked out");
	found.id = arena_str(arena, str_of(git_oid_tostr(id, sizeof id, git_object_id(object))));
	if (git_reference_is_branch(head))
		found.branch = arena_str(arena, str_of(git_reference_shorthand(head)));
	found.subject = arena_str(arena, str_of(git_commit_summary((git_commit *)object)));
	if (found.id.p == NULL)
		return arena_err(arena, e);
	if (compare(&found, checkout, git, (const git_commit *)object, directory, arena, e) != 0)
		return -1;
	*out = found;
	return 0;
}
