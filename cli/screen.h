/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "base/buf.h"
#include "base/str.h"

#include <stddef.h>

/* What the other end of an output can show, and text that is safe to show there. */
struct screen {
	int terminal; /* a terminal that can move its cursor */
	int colour;   /* and colours are wanted (NO_COLOR is not set) */
};

/* What `fd` is. The only place of cli/ that reads the environment: NO_COLOR and TERM. */
struct screen screen_of(int fd);

enum tint { TINT_NONE, TINT_GOOD, TINT_BAD, TINT_BUSY, TINT_DIM };
/* The sequence that begins a tint, and the one that ends it; empty without colours. */
const char *screen_tint(const struct screen *s, enum tint tint);
const char *screen_plain(const struct screen *s, enum tint tint);

/*
 * Append `s` so that nothing in it can steer a terminal or forge a line: control characters (those
 * of Latin-1 too), line and paragraph separators and characters that turn the writing direction are
 * written as \n, \t, \xNN or \u{N}; bytes that are no UTF-8 as \xNN. The second of two '#' is
 * written as \x23, since "##[" in a log is a command to the runners of some pipelines.
 */
void screen_add(struct buf *out, struct str s);

/* How many columns a text that screen_add made takes: its code points. */
size_t screen_width(struct str s);

#endif
