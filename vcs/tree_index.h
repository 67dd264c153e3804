/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_TREE_INDEX_H
#define VCS_TREE_INDEX_H

#include "base/digest.h"
#include "vcs/tree.h"

#include <stdint.h>

/*
 * What earlier reads learned, shared by tree.c and tree_index.c only. A read works in three steps:
 * tree_index_begin, look-ups and additions, and tree_index_commit or tree_index_rollback. Nothing
 * of a read that failed stays, so that a content the caller did not get is not taken for known.
 */

/* A blob's facts. */
struct tree_blob {
	unsigned char oid[20];
	unsigned char sha256[32];
	size_t size;
	uint32_t read; /* the read that brought it; 0: an empty place */
};

/* What of a directory matters to the pattern: the files that match and the directories that may. */
struct tree_entry {
	size_t name; /* place in the listing's names, NUL-terminated */
	size_t name_n;
	int is_directory;
	int known; /* sha256 and size are filled in */
	unsigned char oid[20];
	unsigned char sha256[32];
	size_t size;
};

struct tree_listing {
	unsigned char oid[20];
	size_t path_n;
	char *path;
	struct tree_entry *entries;
	size_t n, cap;
	char *names;
	size_t names_n, names_cap;
	int kept; /* in the table of the last good read */
};

struct tree_index {
	struct digest *digest;
	char *pattern; /* that the listings were made for */
	struct tree_blob *blobs;
	size_t n_blobs, blobs_cap; /* a power of two */
	uint32_t read;             /* number of the read that runs */
	struct tree_listing **listings;
	size_t n_listings, listings_cap; /* places; a power of two */
	struct tree_listing **visited;   /* by the read that runs, in order */
	size_t n_visited, visited_cap;
};

int tree_index_begin(struct tree_index *index, const struct glob *glob, struct err *e) MUST_CHECK;
int tree_index_commit(struct tree_index *index, struct err *e) MUST_CHECK;
void tree_index_rollback(struct tree_index *index);

const struct tree_blob *tree_index_find(const struct tree_index *index,
					const unsigned char oid[20]);

/* The listing of this directory as an earlier read saw it, or NULL. */
struct tree_listing *tree_index_listing(struct tree_index *index, const unsigned char oid[20],
					struct str path);
/* Say that this read came by; a listing that is not kept yet now belongs to the index. */
int tree_index_visit(struct tree_index *index, struct tree_listing *listing,
		     struct err *e) MUST_CHECK;

struct tree_listing *tree_listing_new(const unsigned char oid[20], struct str path);
void tree_listing_free(struct tree_listing *listing);
AUTO_DEFINE(tree_listing, struct tree_listing *, tree_listing_free);
int tree_listing_add(struct tree_listing *listing, struct str name, int is_directory,
		     const unsigned char oid[20], struct err *e) MUST_CHECK;

/* Double an array of `size`-byte items when it is full. */
int tree_grow(void **items, size_t *cap, size_t n, size_t size, struct err *e) MUST_CHECK;

#endif
