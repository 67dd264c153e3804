/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a manifest: what is taken gives the same text again. The same bytes as paths with NUL
 * between: what is built from them can be read back. */

#include "release/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 64 };

static void there_and_back(const struct manifest *m, struct str text, struct digest *d,
			   struct arena *arena)
{
	AUTO(buf) struct buf out;
	struct manifest again;
	struct err e;
	buf_init(&out, 1 << 22);
	assert(manifest_write(&out, m, &e) == 0);
	assert(text.p == NULL || str_eq(buf_str(&out), text));
	assert(manifest_read(&again, buf_str(&out), d, arena, &e) == 0);
	assert(again.n == m->n && strcmp(again.digest, m->digest) == 0);
	for (size_t i = 0; i < m->n; i++)
		assert(str_eq(again.files[i].path, m->files[i].path));
}

static void build(struct str text, struct digest *d, struct arena *arena)
{
	struct manifest_file files[FILES_MAX];
	struct manifest m;
	struct err e;
	size_t n = 0;
	memset(files, 0, sizeof files);
	while (n < FILES_MAX && str_split(&files[n].path, &text, '\0')) {
		files[n].size = files[n].path.n;
		n++;
	}
	if (manifest_build(&m, files, n, d, arena, &e) == 0)
		there_and_back(&m, STR_NULL, d, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(digest) struct digest *d = digest_new();
	AUTO(arena) struct arena arena;
	struct str text = { (const char *)data, size };
	struct manifest m;
	struct err e;
	arena_init(&arena, 1 << 26);
	if (d == NULL)
		return 0;
	if (manifest_read(&m, text, d, &arena, &e) == 0)
		there_and_back(&m, text, d, &arena);
	build(text, d, &arena);
	return 0;
}
