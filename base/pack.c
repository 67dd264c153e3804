/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard frames. Level 1: bodies are compressed on the path of every delivery. */

#include "base/pack.h"

#include "base/mem.h"

#include <zstd.h>

#include <stdint.h>
#include <string.h>

enum { LEVEL = 1 };

/* Take back what buf_room gave from `before` on, but `used` bytes. */
static void shrink(struct buf *b, size_t before, size_t used)
{
	b->n = before + used;
	b->p[b->n] = '\0';
}

struct pack_context {
	ZSTD_CCtx *zstd;
};

struct pack_context *pack_context_new(void)
{
	struct pack_context *c = mem_array(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->zstd = ZSTD_createCCtx();
	if (c->zstd == NULL) {
		mem_free(c);
		return NULL;
	}
	return c;
}

void pack_context_free(struct pack_context *c)
{
	if (c == NULL)
		return;
	(void)ZSTD_freeCCtx(c->zstd);
	mem_free(c);
}

int pack_compress_with(struct buf *out, struct pack_context *c, struct str data, struct err *e)
{
	size_t before = out->n;
	size_t left = out->max - out->n;
	size_t bound = ZSTD_compressBound(data.n);
	size_t room = bound < left ? bound : left;
	char *to = buf_room(out, room);
	if (to == NULL)
		return buf_check(out, e);
	size_t n = c != NULL ? ZSTD_compressCCtx(c->zstd, to, room, data.p, data.n, LEVEL)
			     : ZSTD_compress(to, room, data.p, data.n, LEVEL);
	shrink(out, before, ZSTD_isError(n) ? 0 : n);
	if (!ZSTD_isError(n))
		return 0;
	if (room < bound)
		return err_set(e, ERR_LIMIT, "compressed bytes do not fit in %zu", left);
	return err_set(e, ERR_NOMEM, "cannot compress: %s", ZSTD_getErrorName(n));
}

int pack_compress(struct buf *out, struct str data, struct err *e)
{
	return pack_compress_with(out, NULL, data, e);
}

/* Exactly one frame that says how long its content is. */
static int check_frame(size_t *content, struct str frame, struct err *e)
{
	static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
	if (frame.n < sizeof magic || memcmp(frame.p, magic, sizeof magic) != 0)
		return err_set(e, ERR_INPUT, "compressed bytes are damaged: no frame");
	unsigned long long n = ZSTD_getFrameContentSize(frame.p, frame.n);
	if (n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR)
		return err_set(e, ERR_INPUT, "compressed bytes are damaged: no content size");
	size_t length = ZSTD_findFrameCompressedSize(frame.p, frame.n);
	if (ZSTD_isError(length) || length != frame.n)
		return err_set(e, ERR_INPUT, "compressed bytes are damaged: not one whole frame");
	*content = n < SIZE_MAX ? (size_t)n : SIZE_MAX;
	return 0;
}

int pack_expand(struct buf *out, struct str frame, size_t max, struct err *e)
{
	size_t content = 0;
	if (check_frame(&content, frame, e) != 0)
		return -1;
	if (content > max || content > out->max - out->n)
		return err_set(e, ERR_LIMIT, "content of %zu bytes is larger than %zu", content,
			       max < out->max - out->n ? max : out->max - out->n);
	size_t before = out->n;
	char *to = buf_room(out, content);
	if (to == NULL)
		return buf_check(out, e);
	size_t n = ZSTD_decompress(to, content, frame.p, frame.n);
	if (!ZSTD_isError(n) && n == content)
		return 0;
	shrink(out, before, 0);
	return err_set(e, ERR_INPUT, "compressed bytes are damaged: %s",
		       ZSTD_isError(n) ? ZSTD_getErrorName(n) : "length");
}
