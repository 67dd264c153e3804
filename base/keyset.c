/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicate keys: pairwise for small objects, a hash table for large ones. The hash has no secret;
 * when somebody makes keys collide on purpose, the probes run out and sorting takes over.
 */

#include "base/keyset.h"

#include "base/mem.h"
#include "base/num.h"

#include <string.h>

/* Up to here comparing each with each is faster than clearing a table. */
enum { PAIRWISE_MAX = 12 };

void keyset_init(struct keyset *k)
{
	*k = (struct keyset){ .items = NULL };
}

void keyset_free(struct keyset *k)
{
	mem_free(k->items);
	mem_free(k->table);
	keyset_init(k);
}

size_t keyset_mark(const struct keyset *k)
{
	return k->n;
}

static uint64_t load64(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t load32(const char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t mix(uint64_t v)
{
	v *= UINT64_C(0x9e3779b97f4a7c15);
	return v ^ (v >> 32);
}

/* Eight bytes a step; the last ones are read overlapping, so that no byte loop is needed. */
static uint64_t hash_key(struct str s)
{
	uint64_t h = mix(s.n);
	if (s.n >= 8) {
		for (size_t i = 0; i + 8 < s.n; i += 8)
			h = mix(h ^ load64(s.p + i));
		return mix(h ^ load64(s.p + s.n - 8));
	}
	if (s.n >= 4)
		return mix(h ^ (load32(s.p) << 32 | load32(s.p + s.n - 4)));
	for (size_t i = 0; i < s.n; i++)
		h = h << 8 ^ (unsigned char)s.p[i];
	return mix(h);
}

int keyset_push(struct keyset *k, struct str key, uint64_t place)
{
	if (k->n == k->cap) {
		size_t cap = k->cap > 0 ? k->cap : 64;
		size_t bytes;
		if (num_mul(&cap, cap, 2) != 0 || num_mul(&bytes, cap, sizeof *k->items) != 0)
			return -1;
		struct keyset_item *items = mem_resize(k->items, bytes);
		if (items == NULL)
			return -1;
		k->items = items;
		k->cap = cap;
	}
	k->items[k->n++] =
	    (struct keyset_item){ .key = key, .place = place, .hash = hash_key(key) };
	return 0;
}

static int same(const struct keyset_item *a, const struct keyset_item *b)
{
	return a->hash == b->hash && str_eq(a->key, b->key);
}

static int report(struct keyset_item *twice, const struct keyset_item *a,
		  const struct keyset_item *b)
{
	*twice = a->place > b->place ? *a : *b;
	return 1;
}

static int find_pairwise(const struct keyset_item *items, size_t n, struct keyset_item *twice)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (same(&items[i], &items[j]))
				return report(twice, &items[i], &items[j]);
		}
	}
	return 0;
}

/* Order for sorting: any total order of keys will do, so lengths first. */
static int order(const struct keyset_item *a, const struct keyset_item *b)
{
	if (a->key.n != b->key.n)
		return a->key.n < b->key.n ? -1 : 1;
	return str_cmp(a->key, b->key);
}

/* Heap sort: no recursion, no memory, and no input that makes it slow. */
static void sift(struct keyset_item *items, size_t at, size_t n)
{
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= n)
			return;
		if (child + 1 < n && order(&items[child], &items[child + 1]) < 0)
			child++;
		if (order(&items[at], &items[child]) >= 0)
			return;
		struct keyset_item item = items[at];
		items[at] = items[child];
		items[child] = item;
		at = child;
	}
}

static int find_sorted(struct keyset_item *items, size_t n, struct keyset_item *twice)
{
	for (size_t i = n / 2; i > 0; i--)
		sift(items, i - 1, n);
	for (size_t left = n - 1; left > 0; left--) {
		struct keyset_item item = items[0];
		items[0] = items[left];
		items[left] = item;
		sift(items, 0, left);
	}
	for (size_t i = 1; i < n; i++) {
		if (order(&items[i - 1], &items[i]) == 0)
			return report(twice, &items[i - 1], &items[i]);
	}
	return 0;
}

/* A table of at least twice `n` places, all empty; its mask, or 0 without memory. */
static size_t prepare_table(struct keyset *k, size_t n)
{
	size_t cap = 64;
	while (cap / 2 < n)
		cap *= 2;
	if (cap > k->table_cap) {
		mem_free(k->table);
		k->table_cap = 0;
		k->table = mem_array(cap, sizeof *k->table);
		if (k->table == NULL)
			return 0;
		k->table_cap = cap;
	} else {
		memset(k->table, 0, cap * sizeof *k->table);
	}
	return cap - 1;
}

static int find_hashed(struct keyset *k, struct keyset_item *items, size_t n,
		       struct keyset_item *twice)
{
	size_t mask = n < UINT32_MAX / 4 ? prepare_table(k, n) : 0;
	if (mask == 0)
		return -1;
	/* Honest keys need about 1.5 probes each. */
	size_t probes_left = 8 * n;
	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)items[i].hash & mask;
		while (k->table[at] != 0) {
			const struct keyset_item *other = &items[k->table[at] - 1];
			if (same(&items[i], other))
				return report(twice, &items[i], other);
			if (probes_left-- == 0)
				return find_sorted(items, n, twice);
			at = (at + 1) & mask;
		}
		k->table[at] = (uint32_t)(i + 1);
	}
	return 0;
}

int keyset_close(struct keyset *k, size_t mark, struct keyset_item *twice)
{
	size_t n = k->n - mark;
	k->n = mark;
	if (n < 2)
		return 0;
	struct keyset_item *items = k->items + mark;
	if (n <= PAIRWISE_MAX)
		return find_pairwise(items, n, twice);
	return find_hashed(k, items, n, twice);
}
