/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Compressed bytes, as the store keeps bodies and migrations: one Zstandard frame (RFC 8878) with
 * its content size. */

/* Append the frame of `data` to `out` (whose maximum must allow for it). */
int pack_compress(struct buf *out, struct str data, struct err *e) MUST_CHECK;

/* The tables of a compressor, whose making costs more than a webhook's body to compress: one per
 * thread that compresses often. NULL out of memory. */
struct pack_context;
struct pack_context *pack_context_new(void);
void pack_context_free(struct pack_context *c);
AUTO_DEFINE(pack_context, struct pack_context *, pack_context_free);
/* The same frame as of pack_compress, with the tables of `c`. */
int pack_compress_with(struct buf *out, struct pack_context *c, struct str data,
		       struct err *e) MUST_CHECK;

/* Append the content of `frame`; ERR_INPUT when it is damaged, ERR_LIMIT over `max` bytes. */
int pack_expand(struct buf *out, struct str frame, size_t max, struct err *e) MUST_CHECK;

#endif
