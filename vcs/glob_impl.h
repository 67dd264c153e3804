/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_GLOB_IMPL_H
#define VCS_GLOB_IMPL_H

#include "base/arena.h"
#include "vcs/glob.h"

#include <stdint.h>

/* What a compiled pattern is, shared by glob.c (matching) and glob_compile.c only. */

enum token_kind {
	TOKEN_LITERAL,
	TOKEN_ANY,
	TOKEN_STAR,
	TOKEN_CLASS,
	TOKEN_SLASH,
	TOKEN_OPEN,
	TOKEN_COMMA,
	TOKEN_CLOSE,
};

struct range {
	uint32_t low, high;
};

struct token {
	enum token_kind kind;
	uint32_t cp; /* TOKEN_LITERAL */
	int negated; /* TOKEN_CLASS, as the rest */
	const struct range *ranges;
	size_t n_ranges;
	size_t at; /* byte of the pattern, for messages */
};

/* Token numbers: an alternative, or a part of one. */
struct row {
	const uint16_t *p;
	size_t n;
};

struct segment {
	struct row row;
	int any_depth; /* it is `**` */
};

struct alternative {
	const struct segment *segments;
	size_t n;
};

struct glob {
	struct arena arena;
	struct str pattern;
	struct token *tokens;
	size_t n_tokens;
	struct alternative *alternatives;
	size_t n_alternatives;
	struct str prefix;
};

/* The character at `at` (< s.n) and its length in bytes; a bad byte is a character of its own. */
size_t glob_decode(uint32_t *cp, struct str s, size_t at);

#endif
