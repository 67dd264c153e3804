/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over paths: matching. Each alternative of a pattern is matched segment by segment with
 * greedy stars on both levels, so that nothing is ever tried twice. It knows nothing of git.
 */

#include "vcs/glob.h"

#include "base/mem.h"
#include "vcs/glob_impl.h"

enum {
	/* A byte that is no UTF-8 becomes a code point behind the last real one. */
	BAD_BYTE = 0x110000,
};

struct str glob_prefix(const struct glob *g)
{
	return g->prefix;
}

struct str glob_pattern(const struct glob *g)
{
	return g->pattern;
}

void glob_free(struct glob *g)
{
	if (g == NULL)
		return;
	/* The arena's head lies in `g` itself, which is not of the arena. */
	arena_free(&g->arena);
	mem_free(g);
}

/* --- characters --- */

static size_t sequence_length(unsigned char first)
{
	if (first >= 0xf0)
		return 4;
	if (first >= 0xe0)
		return 3;
	return first >= 0xc0 ? 2 : 1;
}

size_t glob_decode(uint32_t *cp, struct str s, size_t at)
{
	const unsigned char first = (unsigned char)s.p[at];
	*cp = first;
	if (first < 0x80)
		return 1;
	size_t n = sequence_length(first);
	if (n == 1 || s.n - at < n || !str_is_utf8((struct str){ s.p + at, n })) {
		*cp = BAD_BYTE + (uint32_t)first;
		return 1;
	}
	uint32_t v = first & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s.p[at + i] & 0x3fU);
	*cp = v;
	return n;
}

static int class_has(const struct token *t, uint32_t cp)
{
	for (size_t i = 0; i < t->n_ranges; i++) {
		if (cp >= t->ranges[i].low && cp <= t->ranges[i].high)
			return 1;
	}
	return 0;
}

static int token_takes(const struct token *t, uint32_t cp)
{
	if (t->kind == TOKEN_LITERAL)
		return t->cp == cp;
	if (t->kind == TOKEN_CLASS)
		return class_has(t, cp) != t->negated;
	return t->kind == TOKEN_ANY;
}

/* --- matching --- */

/*
 * One segment against one name. Going back to the last star only is enough: an earlier star could
 * give nothing that the last one cannot, and so no pair of token and character is met twice.
 */
static int segment_matches(const struct glob *g, struct row row, struct str name)
{
	if (name.n == 0)
		return 0;
	size_t t = 0, at = 0;
	size_t star = row.n, star_at = 0; /* row.n: no star yet */
	while (at < name.n) {
		uint32_t cp;
		size_t len = glob_decode(&cp, name, at);
		const struct token *token = t < row.n ? &g->tokens[row.p[t]] : NULL;
		if (token != NULL && token->kind == TOKEN_STAR) {
			star = t++;
			star_at = at;
		} else if (token != NULL && token_takes(token, cp)) {
			t++;
			at += len;
		} else if (star < row.n) {
			/* The star takes one character more. */
			star_at += glob_decode(&cp, name, star_at);
			t = star + 1;
			at = star_at;
		} else {
			return 0;
		}
	}
	while (t < row.n && g->tokens[row.p[t]].kind == TOKEN_STAR)
		t++;
	return t == row.n;
}

/* The segment of `path` that starts at `at`, and where the next one starts (path.n + 1: none). */
static struct str name_at(struct str path, size_t at, size_t *next)
{
	struct str name = str_from(path, at);
	name.n = str_find(name, '/');
	*next = at + name.n + 1;
	return name;
}

/* The same walk one level up: segments instead of characters, `**` instead of `*`. */
static int alternative_matches(const struct glob *g, const struct alternative *a, struct str path)
{
	size_t s = 0, at = 0;
	size_t star = a->n, star_at = 0;
	while (at <= path.n) {
		size_t next;
		struct str name = name_at(path, at, &next);
		if (s < a->n && a->segments[s].any_depth) {
			star = s++;
			star_at = at;
		} else if (s < a->n && segment_matches(g, a->segments[s].row, name)) {
			s++;
			at = next;
		} else if (star < a->n) {
			(void)name_at(path, star_at, &star_at);
			s = star + 1;
			at = star_at;
		} else {
			return 0;
		}
	}
	/* A last double star that took no segment is left over: it stands for what lies in a
	 * directory. */
	return s == a->n;
}

int glob_match(const struct glob *g, struct str path)
{
	for (size_t i = 0; i < g->n_alternatives; i++) {
		if (alternative_matches(g, &g->alternatives[i], path))
			return 1;
	}
	return 0;
}

static int alternative_may_match(const struct glob *g, const struct alternative *a, struct str dir)
{
	size_t at = 0;
	for (size_t s = 0; at <= dir.n; s++) {
		if (s == a->n)
			return 0;
		if (a->segments[s].any_depth)
			return 1;
		if (!segment_matches(g, a->segments[s].row, name_at(dir, at, &at)))
			return 0;
		if (at > dir.n)
			return s + 1 < a->n;
	}
	return 0;
}

int glob_may_match_below(const struct glob *g, struct str dir)
{
	if (dir.n == 0)
		return 1;
	for (size_t i = 0; i < g->n_alternatives; i++) {
		if (alternative_may_match(g, &g->alternatives[i], dir))
			return 1;
	}
	return 0;
}
