/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * All allocation goes through here, so that a test can let the Nth call fail. The caller owns what
 * it gets and gives it back with mem_free (or free). Failure is NULL; a size of 0 gives a pointer
 * that may be freed.
 */
void *mem_alloc(size_t size);

/* Zeroed array; NULL as well when `count * size` overflows. */
void *mem_array(size_t count, size_t size);

/* As realloc; the old block stays valid on failure. */
void *mem_resize(void *p, size_t size);

/* A copy of `n` bytes with a NUL behind them. */
void *mem_copy(const void *p, size_t n);

/* NULL is allowed. */
void mem_free(void *p);

/* Free and overwrite first: for what must not stay in memory. NULL is allowed. */
void mem_free_secret(void *p, size_t n);

/*
 * For tests: let the call after `calls` more fail, once; -1 switches it off. The counter belongs to
 * the calling thread.
 */
void mem_fail_after(long calls);

#endif
