/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of any bytes, and any bytes through a frame and back. */

#include "base/pack.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf content, frame, again;
	struct err e = { .code = ERR_NONE };
	struct str bytes = { (const char *)data, size };
	buf_init(&content, 2 * CONTENT_MAX);
	buf_init(&frame, 2 * CONTENT_MAX);
	buf_init(&again, 2 * CONTENT_MAX);
	if (pack_expand(&content, bytes, CONTENT_MAX, &e) != 0)
		assert(content.n == 0 && (e.code == ERR_INPUT || e.code == ERR_LIMIT));
	if (size > CONTENT_MAX)
		return 0;
	int rc = pack_compress(&frame, bytes, &e);
	assert(rc == 0);
	rc = pack_expand(&again, buf_str(&frame), size, &e);
	assert(rc == 0 && str_eq(buf_str(&again), bytes));
	return 0;
}
