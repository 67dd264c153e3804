/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/*
 * Memory of one event, request or command: allocated piece by piece, freed whole, bounded. What
 * shall outlive it is copied by the taker. Used by one thread at a time.
 */
struct arena {
	struct arena_block *blocks;
	size_t used;          /* bytes handed out, each piece rounded up to the alignment */
	size_t max;           /* bound of `used` */
	enum err_code failed; /* why the last allocation that failed did: for arena_err */
};

/* Nothing is allocated yet. */
void arena_init(struct arena *a, size_t max);
void arena_free(struct arena *a);

/* `n` zeroed bytes aligned for any type; NULL when memory or the bound is exhausted. */
void *arena_alloc(struct arena *a, size_t n);
/* The same for an array; NULL on overflow too. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy with a NUL behind it (so `.p` is a C string when no NUL is inside); absent stays absent.
 * Out of memory gives STR_NULL. */
struct str arena_str(struct arena *a, struct str s);
/* Formatted text, NUL-terminated; NULL without memory. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* -1 and ERR_NOMEM or ERR_LIMIT, for the caller that got NULL from `a`. */
int arena_err(const struct arena *a, struct err *e);

AUTO_DEFINE_INPLACE(arena, struct arena, arena_free);

#endif
