/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The migrations of a working directory. The walk keeps a list of the directories that are still to
 * be read, since a tree may be nested as deep as its writer likes; it follows no symbolic link.
 */

#include "vcs/checkout.h"

#include "base/buf.h"
#include "base/mem.h"
#include "vcs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SHOWN = 200 };

struct pending {
	struct str path; /* relative; empty for the directory itself */
	size_t depth;
	struct pending *next;
};

struct walk {
	struct str root;
	const struct glob *glob;
	struct arena *arena;
	struct digest *digest;
	struct pending *pending;
	struct checkout_file *files; /* on the heap while it grows */
	size_t n, cap;
	size_t entries;
};

static void walk_free(struct walk *w)
{
	mem_free(w->files);
	digest_free(w->digest);
}
AUTO_DEFINE_INPLACE(walk, struct walk, walk_free);

static void close_directory(DIR *d)
{
	(void)closedir(d);
}
AUTO_DEFINE(directory, DIR *, close_directory);

/* "ROOT/PATH", NUL-terminated, in the arena. */
static int full_path(const char **out, const struct walk *w, struct str path, struct err *e)
{
	*out = path.n > 0 ? arena_printf(w->arena, "%.*s/%.*s", STR_ARG(w->root), STR_ARG(path))
			  : arena_printf(w->arena, "%.*s", STR_ARG(w->root));
	return *out != NULL ? 0 : arena_err(w->arena, e);
}

static int push(struct walk *w, struct str path, size_t depth, struct err *e)
{
	struct pending *p = arena_alloc(w->arena, sizeof *p);
	if (p == NULL)
		return arena_err(w->arena, e);
	if (depth > TREE_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "'%.*s' is nested deeper than %d directories",
			       STR_ARG(str_first(path, PATH_SHOWN)), TREE_DEPTH_MAX);
	*p = (struct pending){ .path = path, .depth = depth, .next = w->pending };
	w->pending = p;
	return 0;
}

static int too_large(struct str path, struct err *e)
{
	return err_set(e, ERR_LIMIT, "'%.*s' is larger than %d bytes",
		       STR_ARG(str_first(path, PATH_SHOWN)), TREE_FILE_BYTES_MAX);
}

/* All bytes of an open file, whatever its size said. */
static int read_all(struct str *out, int fd, struct str path, struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf content;
	buf_init(&content, TREE_FILE_BYTES_MAX + 1);
	for (;;) {
		char piece[16384];
		ssize_t got = read(fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "cannot read '%.*s'",
				       STR_ARG(str_first(path, PATH_SHOWN)));
		if (got == 0)
			break;
		buf_add(&content, (struct str){ piece, (size_t)got });
		if (content.n > TREE_FILE_BYTES_MAX || content.failed == ERR_LIMIT)
			return too_large(path, e);
	}
	if (buf_check(&content, e) != 0)
		return -1;
	*out = arena_str(arena, buf_str(&content));
	return out->p != NULL ? 0 : arena_err(arena, e);
}

static int read_content(struct str *out, const struct walk *w, struct str path, struct err *e)
{
	const char *name;
	if (full_path(&name, w, path, e) != 0)
		return -1;
	AUTO(close) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, errno, "cannot read '%.*s'",
			       STR_ARG(str_first(path, PATH_SHOWN)));
	return read_all(out, fd, path, w->arena, e);
}

static int take_file(struct walk *w, struct str path, struct err *e)
{
	struct checkout_file file = { .path = path };
	if (!glob_match(w->glob, path))
		return 0;
	if (w->n >= TREE_FILES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d files match '%.*s'", TREE_FILES_MAX,
			       STR_ARG(glob_pattern(w->glob)));
	if (read_content(&file.content, w, path, e) != 0 ||
	    digest_sha256(w->digest, file.sha256, file.content, e) != 0)
		return -1;
	if (w->n == w->cap) {
		size_t cap = w->cap > 0 ? w->cap * 2 : 64;
		struct checkout_file *grown = mem_resize(w->files, cap * sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		w->files = grown;
		w->cap = cap;
	}
	w->files[w->n++] = file;
	return 0;
}

static int take_entry(struct walk *w, const struct pending *in, const char *name, struct err *e)
{
	struct str path = in->path.n > 0
			      ? str_of(arena_printf(w->arena, "%.*s/%s", STR_ARG(in->path), name))
			      : arena_str(w->arena, str_of(name));
	const char *full;
	struct stat st;
	if (path.p == NULL)
		return arena_err(w->arena, e);
	if (path.n > TREE_PATH_MAX)
		return err_set(e, ERR_LIMIT, "'%.*s...' is a path longer than %d bytes",
			       STR_ARG(str_first(path, PATH_SHOWN)), TREE_PATH_MAX);
	if (full_path(&full, w, path, e) != 0)
		return -1;
	if (lstat(full, &st) != 0) {
		if (errno == ENOENT)
			return 0; /* gone since the directory was read */
		return err_sys(e, errno, "cannot look at '%.*s'",
			       STR_ARG(str_first(path, PATH_SHOWN)));
	}
	if (S_ISREG(st.st_mode))
		return take_file(w, path, e);
	if (!S_ISDIR(st.st_mode) || strcmp(name, ".git") == 0 ||
	    !glob_may_match_below(w->glob, path))
		return 0;
	return push(w, path, in->depth + 1, e);
}

static int read_directory(struct walk *w, const struct pending *in, struct err *e)
{
	const char *full;
	if (full_path(&full, w, in->path, e) != 0)
		return -1;
	AUTO(directory) DIR *d = opendir(full);
	if (d == NULL && in->depth > 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (d == NULL && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "there is no directory '%s'", full);
	if (d == NULL)
		return err_sys(e, errno, "cannot read the directory '%s'", full);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(d);
		if (entry == NULL && errno != 0)
			return err_sys(e, errno, "cannot read the directory '%s'", full);
		if (entry == NULL)
			return 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++w->entries > TREE_ENTRIES_MAX)
			return err_set(e, ERR_LIMIT, "more than %d entries below '%.*s'",
				       TREE_ENTRIES_MAX, STR_ARG(w->root));
		if (take_entry(w, in, entry->d_name, e) != 0)
			return -1;
	}
}

static int by_path(const void *a, const void *b)
{
	const struct checkout_file *x = a;
	const struct checkout_file *y = b;
	return str_cmp(x->path, y->path);
}

int checkout_read(struct checkout *out, struct str directory, const struct glob *glob,
		  struct arena *arena, struct err *e)
{
	AUTO(walk) struct walk w = { .root = directory, .glob = glob, .arena = arena };
	const struct pending *next;
	w.digest = digest_new();
	if (w.digest == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (push(&w, STR(""), 0, e) != 0)
		return -1;
	while ((next = w.pending) != NULL) {
		w.pending = next->next;
		if (read_directory(&w, next, e) != 0)
			return -1;
	}
	struct checkout_file *files = arena_array(arena, w.n, sizeof *files);
	if (files == NULL)
		return arena_err(arena, e);
	if (w.n > 0) {
		memcpy(files, w.files, w.n * sizeof *files);
		qsort(files, w.n, sizeof *files, by_path);
	}
	*out = (struct checkout){ .files = files, .n = w.n };
	return 0;
}
