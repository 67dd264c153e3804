/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that are filled from front to back and freed together. */

#include "base/arena.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_free(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *next = a->blocks->next;
		mem_free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	size_t bytes;
	if (num_add(&bytes, size, sizeof(struct arena_block)) != 0)
		return NULL;
	struct arena_block *b = mem_alloc(bytes);
	if (b == NULL)
		return NULL;
	*b = (struct arena_block){ .size = size };
	/* A block made for one large piece goes behind the one that still has room. */
	if (a->blocks != NULL && n > BLOCK_BYTES) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

static void *fail(struct arena *a, enum err_code why)
{
	a->failed = why;
	return NULL;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	size_t rounded;
	if (num_add(&rounded, n > 0 ? n : 1, align - 1) != 0)
		return fail(a, ERR_LIMIT);
	rounded -= rounded % align;
	/* What counts is what is taken: a million empty strings are 16 MB, not nothing. */
	if (rounded > a->max || a->used > a->max - rounded)
		return fail(a, ERR_LIMIT);
	struct arena_block *b = a->blocks;
	if (b == NULL || b->size - b->used < rounded)
		b = add_block(a, rounded);
	if (b == NULL)
		return fail(a, ERR_NOMEM);
	unsigned char *p = (unsigned char *)b->data + b->used;
	b->used += rounded;
	a->used += rounded;
	memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	if (num_mul(&bytes, count, size) != 0)
		return fail(a, ERR_LIMIT);
	return arena_alloc(a, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
	size_t n;
	if (s.p == NULL)
		return STR_NULL;
	if (num_add(&n, s.n, 1) != 0) {
		a->failed = ERR_LIMIT;
		return STR_NULL;
	}
	char *copy = arena_alloc(a, n);
	if (copy == NULL)
		return STR_NULL;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return (struct str){ copy, s.n };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (text == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

int arena_err(const struct arena *a, struct err *e)
{
	if (a->failed == ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "more than %zu bytes of memory would be needed",
			       a->max);
	return err_set(e, ERR_NOMEM, "out of memory");
}
