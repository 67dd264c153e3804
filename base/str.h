/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A view of bytes that somebody else owns: pointer and length, no NUL promised. `p == NULL` means
 * "absent" (JSON null, missing header), which is not the same as empty.
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ ("" literal ""), sizeof(literal) - 1 })
#define STR_NULL ((struct str){ NULL, 0 })

/* For printf: "%.*s", STR_ARG(s). Cut at INT_MAX. */
#define STR_ARG(s) str_printf_len(s), ((s).p != NULL ? (s).p : "")
int str_printf_len(struct str s);

/* View of a NUL-terminated text; NULL gives STR_NULL. */
struct str str_of(const char *cstr);

int str_eq(struct str a, struct str b);
int str_eq_cstr(struct str a, const char *b);
/* ASCII letters compare without case: header names, provider names. */
int str_eq_nocase(struct str a, struct str b);
/* Bytewise order as of memcmp, the shorter first: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

int str_starts(struct str s, struct str prefix);
int str_ends(struct str s, struct str suffix);

/* The part from byte `at` (clamped to the length) to the end. */
struct str str_from(struct str s, size_t at);
/* The first `n` bytes (clamped). */
struct str str_first(struct str s, size_t n);
/* Without SP and HTAB at both ends (RFC 9110, optional white space). */
struct str str_trim(struct str s);
/* Position of the first `c`, or s.n. */
size_t str_find(struct str s, char c);
/* Position of the last `c`, or s.n. */
size_t str_find_last(struct str s, char c);

/*
 * Take the part before the first `sep` out of `*rest` (or all of it), moving `*rest` behind the
 * separator. Returns 0 when nothing was left to take.
 *	while (str_split(&part, &rest, ','))
 */
int str_split(struct str *part, struct str *rest, char sep);

/* Bytes of the well-formed UTF-8 sequence (RFC 3629) at the beginning: 1 to 4; 0 when it is
 * ill-formed or `s` is empty. */
size_t str_utf8_len(struct str s);
/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int str_is_utf8(struct str s);
/* The code point that the text begins with, and its length in bytes as str_utf8_len. */
size_t str_utf8_char(uint32_t *cp, struct str s);
/* Whether a code point steers a terminal or the direction of text: controls of C0 and C1, line and
 * paragraph separators, bidirectional controls, the byte order mark (UAX #9, Trojan Source). */
int str_steers(uint32_t cp);
/* Whether a byte below 0x20 or 0x7f occurs. */
int str_has_control(struct str s);

/*
 * A NUL-terminated copy on the heap (free it). ERR_INPUT when a NUL is inside: what goes into a
 * C library must not be cut silently.
 */
char *str_to_cstr(struct str s, struct err *e) MUST_CHECK;

#endif
