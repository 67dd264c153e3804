/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/*
 * Base64 of RFC 4648 section 4: the standard alphabet with padding. What is read must be the one
 * text that the bytes are written as, so that no two texts pass for the same secret.
 */

/* Size of the text of `n` bytes, with the NUL. */
#define BASE64_TEXT(n) (((n) + 2) / 3 * 4 + 1)

/* The text with a NUL; `out` has BASE64_TEXT(n) bytes. Returns `out`. */
char *base64_encode(char *out, const unsigned char *bytes, size_t n);

/*
 * The bytes of `text`, at most `max`, and their number. ERR_INPUT: another alphabet, white space,
 * missing padding, stray bits before the padding; ERR_LIMIT: more than `max`. The message shows
 * nothing of the text, which may be a secret.
 */
int base64_decode(unsigned char *out, size_t *n, size_t max, struct str text,
		  struct err *e) MUST_CHECK;

#endif
