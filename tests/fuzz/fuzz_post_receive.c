/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a push, in one piece and byte by byte: both must read the same. */

#include "hooks/post_receive.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct post_receive *read_by(struct str text, size_t piece)
{
	struct post_receive *p = malloc(sizeof *p);
	if (p == NULL)
		abort();
	post_receive_init(p, STR("main"));
	for (struct str rest = text; rest.n > 0; rest = str_from(rest, piece))
		post_receive_feed(p, str_first(rest, piece));
	post_receive_end(p);
	return p;
}

static void check(const struct post_receive *p)
{
	assert(p->sha256 <= p->refs);
	assert(!p->found || p->refs > 0);
	if (!p->found)
		return;
	size_t n = strlen(p->change.before);
	assert(n == strlen(p->change.after));
	assert(n == 40 || n == POST_RECEIVE_OID_MAX);
	assert(strspn(p->change.before, "0123456789abcdef") == n);
	assert(strspn(p->change.after, "0123456789abcdef") == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = { (const char *)data, size };
	struct post_receive *whole = read_by(text, size > 0 ? size : 1);
	struct post_receive *bytes = read_by(text, 1);
	check(whole);
	assert(whole->refs == bytes->refs && whole->malformed == bytes->malformed);
	assert(whole->sha256 == bytes->sha256 && whole->found == bytes->found);
	assert(memcmp(&whole->change, &bytes->change, sizeof whole->change) == 0);
	free(whole);
	free(bytes);
	return 0;
}
