/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LIVE_AREA_H
#define CLI_LIVE_AREA_H

#include "base/str.h"

#include <stdio.h>

/* Lines at the foot of a terminal that are drawn again and again in their place. */
struct live_area {
	FILE *to;
	size_t drawn; /* lines that stand there */
};

/* Draw whole lines over those that are there; one that is too long is cut, not wrapped. */
void live_area_draw(struct live_area *a, struct str lines);
/* Take them away, for lines that shall stay above them. */
void live_area_clear(struct live_area *a);

/* Columns of the terminal that `to` is; 80 where that is not known. */
int live_area_width(FILE *to);

#endif
