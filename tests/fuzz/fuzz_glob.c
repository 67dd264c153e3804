/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over paths: the input is the pattern, a line end, and the path. A match lies below the
 * prefix, and no directory above it may have been pruned.
 */

#include "vcs/glob.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_match(const struct glob *g, struct str path)
{
	const struct str prefix = glob_prefix(g);
	assert(str_starts(path, prefix));
	assert(prefix.n == 0 || path.p[prefix.n] == '/');
	for (size_t n = 1; n < path.n; n++)
		assert(path.p[n] != '/' || glob_may_match_below(g, str_first(path, n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = { (const char *)data, size };
	struct str pattern = STR_NULL;
	struct err e = { .code = ERR_NONE };
	AUTO(glob) struct glob *g = NULL;
	if (size == 0 || !str_split(&pattern, &path, '\n'))
		return 0;
	if (glob_compile(&g, pattern, &e) != 0) {
		assert(e.code == ERR_INPUT && g == NULL);
		return 0;
	}
	assert(str_eq(glob_pattern(g), pattern));
	if (path.n > 4096)
		path.n = 4096;
	if (path.n > 0 && path.p[0] != '/' && glob_match(g, path))
		check_match(g, path);
	return 0;
}
