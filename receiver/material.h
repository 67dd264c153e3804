/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_MATERIAL_H
#define RECEIVER_MATERIAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "release/manifest.h"
#include "release/release.h"

/*
 * What all tasks of one plan need to know, read once: the release, the list of its files, and the
 * contents that a task has asked for. Materials are taken and given back by one thread; what is in
 * one may be read by any thread while it is taken.
 */
struct materials;

struct material {
	const struct release *release;
	const struct manifest *manifest;
};

int materials_new(struct materials **out, struct err *e) MUST_CHECK;
/* None is taken any more. NULL is allowed. */
void materials_free(struct materials *all);

/* Of a plan, from the store when it is not there; valid until it is given back. ERR_NOTFOUND, and
 * what the store says. */
int materials_take(const struct material **out, struct materials *all, struct db *store,
		   struct str project, int64_t plan, struct err *e) MUST_CHECK;
/* NULL is allowed. A few that nobody has are kept for who comes next, until materials_forget. */
void materials_give(struct materials *all, const struct material *m);
void materials_forget(struct materials *all);

/* From any thread: append the content to `out` when it is kept, 1; else 0. */
int material_find(const struct material *m, struct buf *out, const char *sha256);
/* From any thread: keep it for the others, when there is room. */
void material_keep(const struct material *m, const char *sha256, struct str content);

#endif
