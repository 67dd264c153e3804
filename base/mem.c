/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation with a countdown that tests set to reach every out-of-memory path. */

#include "base/mem.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

/* The one mutable static of base/: a test's fault injection, per thread, off unless a test asks. */
static _Thread_local long countdown = -1;

static int must_fail(void)
{
	if (countdown < 0)
		return 0;
	return countdown-- == 0;
}

void mem_fail_after(long calls)
{
	countdown = calls;
}

void *mem_alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *mem_array(size_t count, size_t size)
{
	size_t bytes;
	if (must_fail() || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return calloc(1, bytes > 0 ? bytes : 1);
}

void *mem_resize(void *p, size_t size)
{
	return must_fail() ? NULL : realloc(p, size > 0 ? size : 1);
}

void *mem_copy(const void *p, size_t n)
{
	if (n == (size_t)-1)
		return NULL;
	char *copy = mem_alloc(n + 1);
	if (copy == NULL)
		return NULL;
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void mem_free(void *p)
{
	free(p);
}

void mem_free_secret(void *p, size_t n)
{
	if (p != NULL)
		OPENSSL_cleanse(p, n);
	free(p);
}
