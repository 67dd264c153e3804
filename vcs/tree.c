/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a commit that match a pattern. The walk goes down the pattern's literal prefix, then
 * through the directories that can hold a match, with a stack of its own (a tree may be nested as
 * deep as its writer likes). Directories and blobs that an earlier read saw come from the index.
 */

#include "vcs/tree.h"

#include "base/mem.h"
#include "base/num.h"
#include "vcs/repo_impl.h"
#include "vcs/tree_index.h"

#include <string.h>

/* A tree object larger than this is no directory that anybody works in. */
enum { TREE_OBJECT_BYTES_MAX = 64 * 1024 * 1024 };

struct tree_memory {
	char *paths; /* all of them, one after the other */
};

struct frame {
	struct tree_listing *listing;
	size_t at;     /* next entry */
	size_t path_n; /* of the directory in walk.path */
};

struct walk {
	struct repo *repo;
	const struct glob *glob;
	struct tree_index *index;
	tree_content_fn content;
	void *context;
	size_t entries; /* looked at */
	size_t blobs_read;
	struct tree_file *files; /* path.p is NULL, path.n set, until finish() */
	size_t n_files, files_cap;
	char *paths;
	size_t paths_n, paths_cap;
	char path[TREE_PATH_MAX + 2]; /* of what is looked at */
	size_t path_n;
	struct frame stack[TREE_DEPTH_MAX];
	size_t depth;
};

static void walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	mem_free(w->files);
	mem_free(w->paths);
	mem_free(w);
}
AUTO_DEFINE(walk, struct walk *, walk_free);

void tree_list_free(struct tree_list *list)
{
	mem_free(list->files);
	if (list->memory != NULL)
		mem_free(list->memory->paths);
	mem_free(list->memory);
	*list = (struct tree_list){ .files = NULL };
}

static int too_large(const struct walk *w, const char *what, long long most, struct err *e)
{
	return err_set(e, ERR_LIMIT, "'%.*s' %s (at most %lld)",
		       num_clamp_int(w->path_n > 200 ? 200 : w->path_n), w->path, what, most);
}

/* --- objects --- */

/* Read an object whose size is looked at first: a small pack can hold a very large one. */
static int read_object(git_odb_object **out, size_t *size, struct repo *repo, const git_oid *oid,
		       size_t most, struct err *e)
{
	git_object_t type;
	int rc = git_odb_read_header(size, &type, repo->odb, oid);
	if (rc == 0 && type != GIT_OBJECT_BLOB)
		return err_set(e, ERR_INPUT, "object %s is no file", git_oid_tostr_s(oid));
	if (rc == 0 && *size > most)
		return err_set(e, ERR_LIMIT, "%zu bytes (at most %zu)", *size, most);
	if (rc == 0)
		rc = git_odb_read(out, repo->odb, oid);
	/* What a tree names must be there: the mirror is damaged, and a new one will not be. */
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot read an object of the repository");
	return 0;
}

static int read_blob(struct walk *w, struct tree_file *file, struct err *e)
{
	AUTO(git_odb_object) git_odb_object *object = NULL;
	git_oid oid;
	size_t size;
	memcpy(oid.id, file->oid, sizeof oid.id);
	if (read_object(&object, &size, w->repo, &oid, TREE_FILE_BYTES_MAX, e) != 0)
		return err_wrap(e, "'%.*s'", STR_ARG(str_first(file->path, 200)));
	const struct str content = { git_odb_object_data(object), git_odb_object_size(object) };
	if (digest_sha256(w->index->digest, file->sha256, content, e) != 0)
		return -1;
	file->size = content.n;
	if (w->content != NULL && w->content(w->context, file, content, e) != 0)
		return -1;
	w->blobs_read++;
	return tree_index_add(w->index, file->oid, file->sha256, file->size, e);
}

/* --- directories --- */

/* git's order of the entries of a tree: directories sort as if their name ended in '/'. */
static int entry_order(struct str a, int a_is_tree, struct str b, int b_is_tree)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = memcmp(a.p, b.p, n);
	if (order != 0)
		return order;
	unsigned char end_a = a.n > n ? (unsigned char)a.p[n] : a_is_tree ? '/' : '\0';
	unsigned char end_b = b.n > n ? (unsigned char)b.p[n] : b_is_tree ? '/' : '\0';
	return end_a - end_b;
}

static int name_is_possible(struct str name)
{
	return name.n > 0 && str_find(name, '/') == name.n && !str_eq_cstr(name, ".") &&
	       !str_eq_cstr(name, "..");
}

/* A sound tree is sorted and names nothing twice; then the whole walk comes out by path. */
static int check_entry(const struct walk *w, const git_tree_entry *entry,
		       const git_tree_entry *before, struct err *e)
{
	const struct str name = str_of(git_tree_entry_name(entry));
	int sound = name_is_possible(name);
	if (sound && before != NULL)
		sound = entry_order(str_of(git_tree_entry_name(before)),
				    git_tree_entry_filemode(before) == GIT_FILEMODE_TREE, name,
				    git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE) < 0;
	if (!sound)
		return err_set(e, ERR_REFUSED, "directory '%.*s' is not sound at '%.*s'",
			       num_clamp_int(w->path_n), w->path, STR_ARG(str_first(name, 200)));
	return 0;
}

/* Put "/name" behind the directory in w->path; 0 when it is too long. */
static int path_append(struct walk *w, size_t dir_n, struct str name)
{
	size_t n = dir_n;
	if (dir_n + 1 + name.n > TREE_PATH_MAX)
		return 0;
	if (dir_n > 0)
		w->path[n++] = '/';
	memcpy(w->path + n, name.p, name.n);
	w->path_n = n + name.n;
	w->path[w->path_n] = '\0';
	return 1;
}

static struct str walk_path(const struct walk *w)
{
	return (struct str){ w->path, w->path_n };
}

/* Whether the pattern wants to see an entry, whose path is in w->path. */
static int is_wanted(const struct walk *w, git_filemode_t mode)
{
	switch (mode) {
	case GIT_FILEMODE_TREE:
		return glob_may_match_below(w->glob, walk_path(w));
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		return glob_match(w->glob, walk_path(w));
	case GIT_FILEMODE_LINK:   /* its content is a path */
	case GIT_FILEMODE_COMMIT: /* a submodule's content is elsewhere */
	case GIT_FILEMODE_UNREADABLE:
		return 0;
	}
	return 0;
}

static int add_entries(struct tree_listing *listing, struct walk *w, const git_tree *tree,
		       struct err *e)
{
	const size_t dir_n = w->path_n;
	const git_tree_entry *before = NULL;
	for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		const struct str name = str_of(git_tree_entry_name(entry));
		const git_filemode_t mode = git_tree_entry_filemode(entry);
		w->path_n = dir_n;
		if (check_entry(w, entry, before, e) != 0)
			return -1;
		before = entry;
		if (++w->entries > TREE_ENTRIES_MAX)
			return too_large(w, "has too many entries", TREE_ENTRIES_MAX, e);
		if (!path_append(w, dir_n, name))
			return too_large(w, "holds too long a path", TREE_PATH_MAX, e);
		if (is_wanted(w, mode) && tree_listing_add(listing, name, mode == GIT_FILEMODE_TREE,
							   git_tree_entry_id(entry)->id, e) != 0)
			return -1;
	}
	w->path_n = dir_n;
	w->path[dir_n] = '\0';
	return 0;
}

static int lookup_tree(git_tree **out, struct walk *w, const git_oid *oid, struct err *e)
{
	size_t size;
	git_object_t type;
	int rc = git_odb_read_header(&size, &type, w->repo->odb, oid);
	if (rc == 0 && size > TREE_OBJECT_BYTES_MAX)
		return too_large(w, "is too large a directory", TREE_OBJECT_BYTES_MAX, e);
	if (rc == 0)
		rc = git_tree_lookup(out, w->repo->git, oid);
	return rc == 0 ? 0 : repo_git_err(e, rc, ERR_SYS, "cannot read a directory of the commit");
}

/* Go into the directory at w->path. */
static int enter(struct walk *w, const unsigned char id[20], struct err *e)
{
	AUTO(git_tree) git_tree *tree = NULL;
	git_oid oid;
	if (w->depth == TREE_DEPTH_MAX)
		return too_large(w, "is nested too deep", TREE_DEPTH_MAX, e);
	struct tree_listing *listing = tree_index_listing(w->index, id, walk_path(w));
	if (listing != NULL) {
		if (tree_index_visit(w->index, listing, e) != 0)
			return -1;
	} else {
		AUTO(tree_listing) struct tree_listing *made = tree_listing_new(id, walk_path(w));
		if (made == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		memcpy(oid.id, id, sizeof oid.id);
		if (lookup_tree(&tree, w, &oid, e) != 0 || add_entries(made, w, tree, e) != 0 ||
		    tree_index_visit(w->index, made, e) != 0)
			return -1;
		listing = TAKE(made);
	}
	w->stack[w->depth++] = (struct frame){ .listing = listing, .path_n = w->path_n };
	return 0;
}

/* --- files --- */

/* The facts of a file: from this listing, from the blob index, or by reading it. */
static int file_facts(struct walk *w, struct tree_entry *entry, struct tree_file *file,
		      struct err *e)
{
	memcpy(file->oid, entry->oid, sizeof file->oid);
	if (!entry->known) {
		const struct tree_blob *blob = tree_index_find(w->index, entry->oid);
		if (blob == NULL && read_blob(w, file, e) != 0)
			return -1;
		memcpy(entry->sha256, blob != NULL ? blob->sha256 : file->sha256,
		       sizeof entry->sha256);
		entry->size = blob != NULL ? blob->size : file->size;
		entry->known = 1;
	}
	memcpy(file->sha256, entry->sha256, sizeof file->sha256);
	file->size = entry->size;
	return 0;
}

static int add_file(struct walk *w, struct tree_entry *entry, struct err *e)
{
	struct tree_file file = { .path = walk_path(w) };
	if (w->n_files == TREE_FILES_MAX)
		return too_large(w, "is one file too many", TREE_FILES_MAX, e);
	if (file_facts(w, entry, &file, e) != 0)
		return -1;
	void *files = w->files, *paths = w->paths;
	int rc = tree_grow(&files, &w->files_cap, w->n_files, sizeof *w->files, e);
	w->files = files;
	while (rc == 0 && w->paths_cap - w->paths_n <= file.path.n) {
		rc = tree_grow(&paths, &w->paths_cap, w->paths_cap, 1, e);
		w->paths = paths;
	}
	if (rc != 0)
		return -1;
	memcpy(w->paths + w->paths_n, w->path, w->path_n + 1);
	w->paths_n += w->path_n + 1;
	file.path.p = NULL; /* the block may still move */
	w->files[w->n_files++] = file;
	return 0;
}

static int step(struct walk *w, struct err *e)
{
	struct frame *top = &w->stack[w->depth - 1];
	if (top->at == top->listing->n) {
		w->depth--;
		return 0;
	}
	struct tree_entry *entry = &top->listing->entries[top->at++];
	const struct str name = { top->listing->names + entry->name, entry->name_n };
	/* It was short enough when the listing was made. */
	if (!path_append(w, top->path_n, name))
		return too_large(w, "holds too long a path", TREE_PATH_MAX, e);
	return entry->is_directory ? enter(w, entry->oid, e) : add_file(w, entry, e);
}

/* --- the walk --- */

/* The directory that the pattern's prefix names; `*found` is 0 when there is none. */
static int find_start(git_oid *out, int *found, struct walk *w, struct str commit, struct err *e)
{
	AUTO(git_commit) git_commit *c = NULL;
	AUTO(git_tree) git_tree *root = NULL;
	AUTO(git_tree_entry) git_tree_entry *entry = NULL;
	const struct str prefix = glob_prefix(w->glob);
	if (repo_commit(&c, w->repo, commit, e) != 0 ||
	    lookup_tree(&root, w, git_commit_tree_id(c), e) != 0)
		return -1;
	*found = 1;
	*out = *git_tree_id(root);
	if (prefix.n == 0)
		return 0;
	(void)path_append(w, 0, prefix);
	int rc = git_tree_entry_bypath(&entry, root, w->path);
	*found = rc == 0 && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
	if (rc == 0)
		*out = *git_tree_entry_id(entry);
	if (rc == 0 || rc == GIT_ENOTFOUND)
		return 0;
	return repo_git_err(e, rc, ERR_SYS, "cannot read the pattern's directory");
}

static int walk_all(struct walk *w, struct str commit, struct err *e)
{
	git_oid start;
	int found;
	if (find_start(&start, &found, w, commit, e) != 0)
		return -1;
	if (found && enter(w, start.id, e) != 0)
		return -1;
	while (w->depth > 0) {
		if (step(w, e) != 0)
			return -1;
	}
	return 0;
}

/* Give the files away. */
static int finish(struct tree_list *out, struct walk *w, struct err *e)
{
	struct tree_memory *memory = mem_alloc(sizeof *memory);
	if (memory == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (tree_index_commit(w->index, e) != 0) {
		mem_free(memory);
		return -1;
	}
	const char *p = w->paths;
	for (size_t i = 0; i < w->n_files; i++) {
		w->files[i].path.p = p;
		p += w->files[i].path.n + 1;
	}
	memory->paths = TAKE(w->paths);
	*out = (struct tree_list){ .n = w->n_files, .blobs_read = w->blobs_read, .memory = memory };
	out->files = TAKE(w->files);
	return 0;
}

int tree_read(struct tree_list *out, struct repo *repo, struct str commit, const struct glob *glob,
	      struct tree_index *index, tree_content_fn content, void *context, struct err *e)
{
	AUTO(walk) struct walk *w = mem_array(1, sizeof *w);
	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->repo = repo;
	w->glob = glob;
	w->index = index;
	w->content = content;
	w->context = context;
	if (tree_index_begin(index, glob, e) != 0)
		return -1;
	if (walk_all(w, commit, e) == 0 && finish(out, w, e) == 0)
		return 0;
	tree_index_rollback(index);
	return -1;
}

int tree_blob(char **out, size_t *n, struct repo *repo, const unsigned char id[20], struct err *e)
{
	AUTO(git_odb_object) git_odb_object *object = NULL;
	git_oid oid;
	size_t size;
	memcpy(oid.id, id, sizeof oid.id);
	if (!git_odb_exists(repo->odb, &oid))
		return err_set(e, ERR_NOTFOUND, "object %s is not in the repository",
			       git_oid_tostr_s(&oid));
	if (read_object(&object, &size, repo, &oid, TREE_FILE_BYTES_MAX, e) != 0)
		return -1;
	char *copy = mem_copy(git_odb_object_data(object), git_odb_object_size(object));
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*n = git_odb_object_size(object);
	*out = copy;
	return 0;
}
