/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/*
 * A growing text. It takes its maximum when it is made; over it, or without memory, it remembers
 * the failure, ignores what follows, and says so once in buf_check: writers need no test per call.
 * `p` is always NUL-terminated and never NULL.
 */
struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	enum err_code failed;
};

/* An empty buffer that may hold `max` bytes. Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Length 0 again, failure forgotten, memory kept. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, struct str s);
void buf_adds(struct buf *b, const char *cstr);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Make room for `n` more bytes: an uninitialised place at the end, or NULL. */
char *buf_room(struct buf *b, size_t n);

struct str buf_str(const struct buf *b);

/* 0, or -1 with ERR_LIMIT or ERR_NOMEM when anything was lost since buf_init or buf_clear. */
int buf_check(const struct buf *b, struct err *e) MUST_CHECK;

/* Hand over the text: NUL-terminated, free it; NULL when buf_check would fail. Resets `b`. */
char *buf_take(struct buf *b);

AUTO_DEFINE_INPLACE(buf, struct buf, buf_free);

#endif
