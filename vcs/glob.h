/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_GLOB_H
#define VCS_GLOB_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Patterns over the paths of a repository, as users know them from .gitignore, GitHub Actions and
 * doublestar: `*` and `?` match within one segment, `**` as a whole segment matches any number of
 * segments (none too, but at the end at least one), `[a-z]`, `[!a-z]` and `[^a-z]` match one
 * character, `{a,b}` matches either (nested at most 4 deep), `\` takes the next character as it is.
 * Case counts; a leading dot is nothing special. A character is one of UTF-8; a byte of a path that
 * is not UTF-8 counts as a character that no literal and no range holds. Matching takes time of
 * O(pattern x path), the pattern counted with its alternatives written out, whatever the input.
 */
struct glob;

enum { GLOB_MAX = 1024, GLOB_ALTERNATIVES_MAX = 64 };

/*
 * ERR_INPUT with what is wrong and at which character: empty, longer than GLOB_MAX, not UTF-8, a
 * leading '/', an empty, "." or ".." segment, an unclosed '[' or '{', more than
 * GLOB_ALTERNATIVES_MAX alternatives after expansion. The caller frees.
 */
int glob_compile(struct glob **out, struct str pattern, struct err *e) MUST_CHECK;
void glob_free(struct glob *g);
AUTO_DEFINE(glob, struct glob *, glob_free);

/* Whether `path` (relative, '/' between segments) matches. */
int glob_match(const struct glob *g, struct str path);

/*
 * Whether a path below the directory `dir` (empty: the root) can match at all, so that a walk may
 * leave the others out. It may say yes for a directory that turns out to hold no match.
 */
int glob_may_match_below(const struct glob *g, struct str dir);

/*
 * The directory below which every match lies, without a trailing '/': the segments before the first
 * one with a special character ("db/migrations" for "db/migrations/[0-9]*.sql"); empty for the
 * root. Lent until glob_free.
 */
struct str glob_prefix(const struct glob *g);

/* The pattern it was made from. Lent until glob_free. */
struct str glob_pattern(const struct glob *g);

#endif
