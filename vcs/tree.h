/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_TREE_H
#define VCS_TREE_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "vcs/glob.h"
#include "vcs/repo.h"

#include <stddef.h>

/*
 * The files of a commit that match a pattern. Only the pattern's literal prefix is walked, and a
 * blob that was read once is not read again: the index remembers the SHA-256 and size of each, and
 * the listing of each directory, by object id.
 */

enum {
	TREE_FILES_MAX = 200000,
	TREE_FILE_BYTES_MAX = 64 * 1024 * 1024, /* one migration */
	TREE_PATH_MAX = 4096,
	TREE_DEPTH_MAX = 64,
	TREE_ENTRIES_MAX =
	    4000000, /* looked at in one read: trees can name one subtree many times */
};

struct tree_file {
	struct str path; /* in the list's own memory */
	unsigned char oid[20];
	unsigned char sha256[32]; /* of the blob's bytes: no checkout, no line-end change */
	size_t size;
};

/* What earlier reads learned; one per repository, used by one thread at a time. */
struct tree_index;
struct tree_index *tree_index_new(void);
void tree_index_free(struct tree_index *index);
AUTO_DEFINE(tree_index, struct tree_index *, tree_index_free);
/* Tell the index of a blob that the store knows from before a restart. ERR_NOMEM. */
int tree_index_add(struct tree_index *index, const unsigned char oid[20],
		   const unsigned char sha256[32], size_t size, struct err *e) MUST_CHECK;

struct tree_list {
	struct tree_file *files; /* by path, bytewise */
	size_t n;
	size_t blobs_read; /* of them, how many were not in the index */
	struct tree_memory *memory;
};
void tree_list_free(struct tree_list *list);
AUTO_DEFINE_INPLACE(tree_list, struct tree_list, tree_list_free);

/*
 * Called once for each blob that the index did not know, with its bytes, lent for the call. -1 ends
 * the reading with the error it set. NULL: contents are not wanted.
 */
typedef int (*tree_content_fn)(void *context, const struct tree_file *file, struct str content,
			       struct err *e);

/*
 * List the files of `commit` that match. Symbolic links and submodules are left out. ERR_NOTFOUND:
 * no such commit; a prefix that does not exist gives an empty list; ERR_LIMIT over one of the
 * bounds above, naming the path.
 */
int tree_read(struct tree_list *out, struct repo *repo, struct str commit, const struct glob *glob,
	      struct tree_index *index, tree_content_fn content, void *context,
	      struct err *e) MUST_CHECK;

/* The bytes of one blob, for a content that the store lost; free `*out`. */
int tree_blob(char **out, size_t *n, struct repo *repo, const unsigned char oid[20],
	      struct err *e) MUST_CHECK;

#endif
