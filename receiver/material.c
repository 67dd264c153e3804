/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared material of a plan's tasks. The manifest is immutable once it is read; the contents are a
 * table under a lock, of bounded number and size: what is over the bound is read again each time.
 */

#include "receiver/material.h"

#include "base/mem.h"
#include "release/plan.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum {
	ARENA_MAX = 1 << 30,
	KEPT_UNUSED = 2,       /* materials that nobody has */
	PLACES = 2048,         /* of the table; a power of 2 */
	CONTENTS_MAX = 1024,   /* half of it */
	CONTENT_MAX = 1 << 20, /* a file */
	BYTES_MAX = 16 << 20,  /* all files of one material */
};

struct content {
	char sha256[SHA256_HEX];
	struct str bytes; /* absent: the place is free */
};

/* What the pointers of the public part point into. */
struct kept {
	struct material material;
	struct kept *next; /* the one used before this one */
	size_t takers;
	struct str project;
	int64_t plan;
	struct release release;
	struct manifest manifest;
	struct arena arena;
	pthread_mutex_t lock; /* guards the fields below */
	struct content *contents;
	size_t n;
	size_t bytes;
};

struct materials {
	struct kept *newest;
};

static struct kept *kept_of(const struct material *m)
{
	/* The public part comes first; it is const to those who read it. */
	union {
		const struct material *lent;
		struct kept *owned;
	} p = { .lent = m };
	return p.owned;
}

static void kept_free(struct kept *k)
{
	for (size_t i = 0; k->contents != NULL && i < PLACES; i++) {
		union {
			const char *lent;
			void *owned;
		} bytes = { .lent = k->contents[i].bytes.p };
		mem_free(bytes.owned);
	}
	mem_free(k->contents);
	arena_free(&k->arena);
	(void)pthread_mutex_destroy(&k->lock);
	mem_free(k);
}

int materials_new(struct materials **out, struct err *e)
{
	struct materials *all = mem_array(1, sizeof *all);
	if (all == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*out = all;
	return 0;
}

/* Free those that nobody has, but for the newest `keep` of them. */
static void trim(struct materials *all, size_t keep)
{
	struct kept **at = &all->newest;
	while (*at != NULL) {
		struct kept *k = *at;
		if (k->takers > 0 || keep > 0) {
			keep -= k->takers == 0;
			at = &k->next;
			continue;
		}
		*at = k->next;
		kept_free(k);
	}
}

void materials_free(struct materials *all)
{
	if (all == NULL)
		return;
	trim(all, 0);
	assert(all->newest == NULL);
	mem_free(all);
}

void materials_forget(struct materials *all)
{
	trim(all, 0);
}

static int load(struct kept *k, struct db *store, struct str project, int64_t plan, struct err *e)
{
	struct plan p;
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	/* The plan's targets are of no use here. */
	if (plan_get(&p, store, project, plan, &arena, e) != 0 ||
	    release_get(&k->release, store, project, p.release, &k->arena, e) != 0 ||
	    release_manifest(&k->manifest, store, &k->release, &k->arena, e) != 0)
		return -1;
	k->project = arena_str(&k->arena, project);
	k->plan = plan;
	return k->project.p != NULL ? 0 : arena_err(&k->arena, e);
}

/* NULL: failed. */
static struct kept *make(struct db *store, struct str project, int64_t plan, struct err *e)
{
	struct kept *k = mem_array(1, sizeof *k);
	if (k == NULL || pthread_mutex_init(&k->lock, NULL) != 0) {
		mem_free(k);
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	arena_init(&k->arena, ARENA_MAX);
	k->contents = mem_array(PLACES, sizeof *k->contents);
	int rc = k->contents != NULL ? load(k, store, project, plan, e)
				     : err_set(e, ERR_NOMEM, "out of memory");
	if (rc != 0) {
		kept_free(k);
		return NULL;
	}
	k->material = (struct material){ .release = &k->release, .manifest = &k->manifest };
	return k;
}

/* Take it out of the list. */
static struct kept *find(struct materials *all, struct str project, int64_t plan)
{
	for (struct kept **at = &all->newest; *at != NULL; at = &(*at)->next) {
		struct kept *k = *at;
		if (k->plan != plan || !str_eq(k->project, project))
			continue;
		*at = k->next;
		return k;
	}
	return NULL;
}

int materials_take(const struct material **out, struct materials *all, struct db *store,
		   struct str project, int64_t plan, struct err *e)
{
	struct kept *k = find(all, project, plan);
	if (k == NULL)
		k = make(store, project, plan, e);
	if (k == NULL)
		return -1;

	k->takers++;
	k->next = all->newest;
	all->newest = k;
	*out = &k->material;
	return 0;
}

void materials_give(struct materials *all, const struct material *m)
{
	if (m == NULL)
		return;
	struct kept *k = kept_of(m);
	assert(k->takers > 0);
	k->takers--;
	trim(all, KEPT_UNUSED);
}

/* Where it is, or where it would be: the table is never full. */
static struct content *place_of(const struct kept *k, const char *sha256)
{
	size_t at = 0;
	for (size_t i = 0; i < 4 && sha256[i] != '\0'; i++)
		at = at * 31 + (unsigned char)sha256[i];
	for (;; at++) {
		struct content *c = &k->contents[at % PLACES];
		if (c->bytes.p == NULL || strcmp(c->sha256, sha256) == 0)
			return c;
	}
}

int material_find(const struct material *m, struct buf *out, const char *sha256)
{
	struct kept *k = kept_of(m);
	(void)pthread_mutex_lock(&k->lock);
	const struct content *c = place_of(k, sha256);
	int found = c->bytes.p != NULL;
	if (found)
		buf_add(out, c->bytes);
	(void)pthread_mutex_unlock(&k->lock);
	return found;
}

void material_keep(const struct material *m, const char *sha256, struct str content)
{
	struct kept *k = kept_of(m);
	if (content.n > CONTENT_MAX || strlen(sha256) >= SHA256_HEX)
		return;
	(void)pthread_mutex_lock(&k->lock);
	struct content *c = place_of(k, sha256);
	if (c->bytes.p == NULL && k->n < CONTENTS_MAX && k->bytes + content.n <= BYTES_MAX) {
		char *copy = mem_copy(content.p, content.n);
		if (copy != NULL) {
			memcpy(c->sha256, sha256, strlen(sha256) + 1);
			c->bytes = (struct str){ copy, content.n };
			k->n++;
			k->bytes += content.n;
		}
	}
	(void)pthread_mutex_unlock(&k->lock);
}
