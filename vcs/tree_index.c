/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs and directory listings by object id: two hash tables with open addressing. Object ids are
 * hashes already, so their first bytes are the key.
 */

#include "vcs/tree_index.h"

#include "base/mem.h"
#include "base/num.h"

#include <string.h>

enum {
	TABLE_MIN = 64,
	/* Blobs that are no longer listed are forgotten when so many are known. */
	BLOBS_MAX = 4 * TREE_FILES_MAX,
};

static size_t oid_hash(const unsigned char oid[20])
{
	uint64_t h;
	memcpy(&h, oid, sizeof h);
	return (size_t)h;
}

int tree_grow(void **items, size_t *cap, size_t n, size_t size, struct err *e)
{
	size_t want, bytes;
	if (n < *cap)
		return 0;
	if (num_mul(&want, *cap > 0 ? *cap : 8, 2) != 0 || num_mul(&bytes, want, size) != 0)
		return err_set(e, ERR_LIMIT, "too many entries");
	void *grown = mem_resize(*items, bytes);
	if (grown == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*items = grown;
	*cap = want;
	return 0;
}

/* --- listings --- */

struct tree_listing *tree_listing_new(const unsigned char oid[20], struct str path)
{
	struct tree_listing *l = mem_array(1, sizeof *l);
	if (l == NULL)
		return NULL;
	memcpy(l->oid, oid, sizeof l->oid);
	l->path = mem_copy(path.p, path.n);
	l->path_n = path.n;
	if (l->path == NULL) {
		mem_free(l);
		return NULL;
	}
	return l;
}

void tree_listing_free(struct tree_listing *l)
{
	if (l == NULL)
		return;
	mem_free(l->path);
	mem_free(l->entries);
	mem_free(l->names);
	mem_free(l);
}

int tree_listing_add(struct tree_listing *l, struct str name, int is_directory,
		     const unsigned char oid[20], struct err *e)
{
	void *entries = l->entries, *names = l->names;
	int rc = tree_grow(&entries, &l->cap, l->n, sizeof *l->entries, e);
	l->entries = entries;
	while (rc == 0 && l->names_cap - l->names_n <= name.n) {
		/* Room for the name and its NUL. */
		rc = tree_grow(&names, &l->names_cap, l->names_cap, 1, e);
		l->names = names;
	}
	if (rc != 0)
		return -1;
	struct tree_entry *entry = &l->entries[l->n++];
	*entry = (struct tree_entry){
		.name = l->names_n,
		.name_n = name.n,
		.is_directory = is_directory,
	};
	memcpy(entry->oid, oid, sizeof entry->oid);
	if (name.n > 0)
		memcpy(l->names + l->names_n, name.p, name.n);
	l->names[l->names_n + name.n] = '\0';
	l->names_n += name.n + 1;
	return 0;
}

static int is_listing(const struct tree_listing *l, const unsigned char oid[20], struct str path)
{
	return memcmp(l->oid, oid, sizeof l->oid) == 0 &&
	       str_eq((struct str){ l->path, l->path_n }, path);
}

/*
 * One subtree may stand at thousands of paths: the path goes into the hash as well, or they would
 * all fall on one place.
 */
static size_t listing_hash(const unsigned char oid[20], struct str path)
{
	uint64_t h = 14695981039346656037U; /* FNV-1a */
	for (size_t i = 0; i < path.n; i++)
		h = (h ^ (unsigned char)path.p[i]) * 1099511628211U;
	return oid_hash(oid) ^ (size_t)(h ^ h >> 29);
}

/* The place of a listing, or the free one where it would go; cap > n, so the search ends. */
static size_t listing_place(struct tree_listing *const *table, size_t cap,
			    const unsigned char oid[20], struct str path)
{
	size_t at = listing_hash(oid, path) & (cap - 1);
	while (table[at] != NULL && !is_listing(table[at], oid, path))
		at = (at + 1) & (cap - 1);
	return at;
}

struct tree_listing *tree_index_listing(struct tree_index *index, const unsigned char oid[20],
					struct str path)
{
	if (index->listings_cap == 0)
		return NULL;
	return index->listings[listing_place(index->listings, index->listings_cap, oid, path)];
}

int tree_index_visit(struct tree_index *index, struct tree_listing *l, struct err *e)
{
	void *visited = index->visited;
	int rc = tree_grow(&visited, &index->visited_cap, index->n_visited,
			   sizeof(struct tree_listing *), e);
	index->visited = visited;
	if (rc == 0)
		index->visited[index->n_visited++] = l;
	return rc;
}

static void drop_listings(struct tree_index *index)
{
	for (size_t i = 0; i < index->listings_cap; i++)
		tree_listing_free(index->listings[i]);
	mem_free(index->listings);
	index->listings = NULL;
	index->listings_cap = index->n_listings = 0;
}

/* A table of `n` items is at most half full. */
static size_t table_size(size_t n)
{
	size_t cap = TABLE_MIN;
	while (cap / 2 <= n)
		cap *= 2;
	return cap;
}

/* What this read visited becomes the table; what it did not visit is forgotten. */
static int keep_visited(struct tree_index *index, struct err *e)
{
	size_t cap = table_size(index->n_visited);
	struct tree_listing **table = mem_array(cap, sizeof(struct tree_listing *));
	if (table == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < index->listings_cap; i++) {
		if (index->listings[i] != NULL)
			index->listings[i]->kept = 0;
	}
	for (size_t i = 0; i < index->n_visited; i++) {
		struct tree_listing *l = index->visited[i];
		l->kept = 1;
		table[listing_place(table, cap, l->oid, (struct str){ l->path, l->path_n })] = l;
	}
	for (size_t i = 0; i < index->listings_cap; i++) {
		if (index->listings[i] != NULL && !index->listings[i]->kept)
			tree_listing_free(index->listings[i]);
	}
	mem_free(index->listings);
	index->listings = table;
	index->listings_cap = cap;
	index->n_listings = index->n_visited;
	index->n_visited = 0;
	return 0;
}

/* --- blobs --- */

static size_t blob_place(const struct tree_blob *table, size_t cap, const unsigned char oid[20])
{
	size_t at = oid_hash(oid) & (cap - 1);
	while (table[at].read != 0 && memcmp(table[at].oid, oid, 20) != 0)
		at = (at + 1) & (cap - 1);
	return at;
}

const struct tree_blob *tree_index_find(const struct tree_index *index, const unsigned char oid[20])
{
	if (index->blobs_cap == 0)
		return NULL;
	const struct tree_blob *b = &index->blobs[blob_place(index->blobs, index->blobs_cap, oid)];
	return b->read != 0 ? b : NULL;
}

/* The table anew with room for `n`, without the blobs of read `but` (0: with all). */
static int rebuild_blobs(struct tree_index *index, size_t n, uint32_t but)
{
	size_t cap = table_size(n);
	struct tree_blob *table = mem_array(cap, sizeof *table);
	if (table == NULL)
		return -1;
	size_t kept = 0;
	for (size_t i = 0; i < index->blobs_cap; i++) {
		const struct tree_blob *b = &index->blobs[i];
		if (b->read == 0 || b->read == but)
			continue;
		table[blob_place(table, cap, b->oid)] = *b;
		kept++;
	}
	mem_free(index->blobs);
	index->blobs = table;
	index->blobs_cap = cap;
	index->n_blobs = kept;
	return 0;
}

int tree_index_add(struct tree_index *index, const unsigned char oid[20],
		   const unsigned char sha256[32], size_t size, struct err *e)
{
	if (index->blobs_cap / 2 <= index->n_blobs &&
	    rebuild_blobs(index, index->n_blobs * 2, 0) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	struct tree_blob *b = &index->blobs[blob_place(index->blobs, index->blobs_cap, oid)];
	if (b->read != 0)
		return 0;
	memcpy(b->oid, oid, sizeof b->oid);
	memcpy(b->sha256, sha256, sizeof b->sha256);
	b->size = size;
	b->read = index->read;
	index->n_blobs++;
	return 0;
}

static void forget_blobs(struct tree_index *index)
{
	mem_free(index->blobs);
	index->blobs = NULL;
	index->blobs_cap = index->n_blobs = 0;
}

/* --- the index --- */

struct tree_index *tree_index_new(void)
{
	struct tree_index *index = mem_array(1, sizeof *index);
	if (index == NULL)
		return NULL;
	/* Blobs that are told before the first read belong to none that could fail. */
	index->read = 1;
	index->digest = digest_new();
	if (index->digest == NULL) {
		mem_free(index);
		return NULL;
	}
	return index;
}

static void free_new(struct tree_index *index)
{
	for (size_t i = 0; i < index->n_visited; i++) {
		if (!index->visited[i]->kept)
			tree_listing_free(index->visited[i]);
	}
	index->n_visited = 0;
}

void tree_index_free(struct tree_index *index)
{
	if (index == NULL)
		return;
	free_new(index);
	drop_listings(index);
	forget_blobs(index);
	mem_free(index->visited);
	mem_free(index->pattern);
	digest_free(index->digest);
	mem_free(index);
}

int tree_index_begin(struct tree_index *index, const struct glob *glob, struct err *e)
{
	struct str pattern = glob_pattern(glob);
	index->read = index->read == UINT32_MAX ? 2 : index->read + 1;
	if (index->pattern != NULL && str_eq(str_of(index->pattern), pattern))
		return 0;
	/* Listings hold what one pattern wants to see. */
	char *copy = mem_copy(pattern.p, pattern.n);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	drop_listings(index);
	mem_free(index->pattern);
	index->pattern = copy;
	return 0;
}

int tree_index_commit(struct tree_index *index, struct err *e)
{
	if (keep_visited(index, e) != 0)
		return -1;
	if (index->n_blobs > BLOBS_MAX)
		forget_blobs(index); /* the listings know what is still needed */
	return 0;
}

void tree_index_rollback(struct tree_index *index)
{
	free_new(index);
	/* Without memory for the smaller table all is forgotten: that costs time, not truth. */
	if (index->n_blobs > 0 && rebuild_blobs(index, index->n_blobs, index->read) != 0)
		forget_blobs(index);
}
