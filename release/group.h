/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_GROUP_H
#define RELEASE_GROUP_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "release/discover.h"

#include <stddef.h>

/* What a group's rule selects now. */
struct group_list {
	struct str *targets; /* instances/I/databases/D, sorted, each once */
	size_t n;
	/* selected, yet they can be no targets: no environment, or a name that none can have */
	struct discovered *left_out;
	size_t n_left_out;
};

/*
 * Ask every instance that the rule lets through which databases it has, one after the other, by a
 * short session each. All answer, or there is an error that names the one that did not: a list is
 * never shorter because a server was away. `*out` lives in `arena`. ERR_INPUT or ERR_NOTFOUND for
 * the name of a group; else as discover_instance.
 */
int group_resolve(struct group_list *out, const struct conf *conf, struct str group,
		  struct arena *arena, struct err *e) MUST_CHECK;

/* "2 databases that the group selects are left out: billing's 'a b' (...), ..."; absent when there
 * is none, or no memory. */
struct str group_left_out(const struct group_list *list, struct arena *arena);

#endif
