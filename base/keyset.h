/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_KEYSET_H
#define BASE_KEYSET_H

#include "base/auto.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Finds a key that stands twice in one object of a document, for the parsers. Keys of nested
 * objects lie on one stack: a parser remembers keyset_mark when an object opens and gives it to
 * keyset_close at its end. Time is O(n log n) at worst, whatever the keys are.
 */
struct keyset_item {
	struct str key; /* lent until its object is closed */
	uint64_t place; /* where it stands, in an order that grows along the document */
	uint64_t hash;
};

struct keyset {
	struct keyset_item *items;
	size_t n;
	size_t cap;
	uint32_t *table;
	size_t table_cap;
};

/* Nothing is allocated yet. */
void keyset_init(struct keyset *k);
void keyset_free(struct keyset *k);

/* Where the object that opens now begins. */
size_t keyset_mark(const struct keyset *k);
/* -1 without memory. */
int keyset_push(struct keyset *k, struct str key, uint64_t place);
/*
 * Take the keys since `mark` off. 1 when one of them stood there before (`twice` gets its later
 * occurrence), 0 when all differ, -1 without memory.
 */
int keyset_close(struct keyset *k, size_t mark, struct keyset_item *twice);

AUTO_DEFINE_INPLACE(keyset, struct keyset, keyset_free);

#endif
