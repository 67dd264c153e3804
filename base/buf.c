/* SPDX-License-Identifier: Apache-2.0 */
/* A growing, bounded text with a sticky failure. */

#include "base/buf.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* What `p` points to while nothing is allocated; never written to, hence the detour. */
static const char nothing[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .p = (char *)(uintptr_t)nothing, .max = max };
}

void buf_free(struct buf *b)
{
	if (b->cap > 0)
		mem_free(b->p);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = ERR_NONE;
	if (b->cap > 0)
		b->p[0] = '\0';
}

/* Have room for `n` more bytes and a NUL, or remember the failure. */
static int grow(struct buf *b, size_t n)
{
	if (b->failed != ERR_NONE)
		return -1;
	size_t want;
	if (num_add(&want, b->n, n) != 0 || want > b->max || want == SIZE_MAX) {
		b->failed = ERR_LIMIT;
		return -1;
	}
	if (want < b->cap)
		return 0;
	size_t cap = b->cap > 0 ? b->cap : 64;
	/* Doubling up to the maximum, and then all of it: never byte by byte. */
	while (cap <= want) {
		if (cap <= b->max / 2)
			cap *= 2;
		else
			cap = b->max < SIZE_MAX ? b->max + 1 : want + 1;
	}
	char *p = mem_resize(b->cap > 0 ? b->p : NULL, cap);
	if (p == NULL) {
		b->failed = ERR_NOMEM;
		return -1;
	}
	b->p = p;
	b->cap = cap;
	return 0;
}

char *buf_room(struct buf *b, size_t n)
{
	if (grow(b, n) != 0)
		return NULL;
	char *at = b->p + b->n;
	b->n += n;
	b->p[b->n] = '\0';
	return at;
}

void buf_add(struct buf *b, struct str s)
{
	char *at = buf_room(b, s.n);
	if (at != NULL && s.n > 0)
		memcpy(at, s.p, s.n);
}

void buf_adds(struct buf *b, const char *cstr)
{
	buf_add(b, str_of(cstr));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = ERR_LIMIT;
		return;
	}
	char *at = buf_room(b, (size_t)n);
	if (at == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

int buf_check(const struct buf *b, struct err *e)
{
	if (b->failed == ERR_NONE)
		return 0;
	if (b->failed == ERR_NOMEM)
		return err_set(e, ERR_NOMEM, "out of memory");
	return err_set(e, ERR_LIMIT, "text is larger than %zu bytes", b->max);
}

char *buf_take(struct buf *b)
{
	char *p = NULL;
	if (b->failed == ERR_NONE && buf_room(b, 0) != NULL)
		p = b->p;
	else
		buf_free(b);
	buf_init(b, b->max);
	return p;
}
