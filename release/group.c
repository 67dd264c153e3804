/* SPDX-License-Identifier: Apache-2.0 */
/* A group's rule, resolved to the databases that it selects now. */

#include "release/group.h"

#include "base/buf.h"
#include "db/db.h"

#include <stdlib.h>

enum {
	TARGETS_MAX = DB_DATABASES_MAX, /* of one group, over all instances */
	LEFT_OUT_SHOWN = 3,
	NAME_SHOWN = 63,
	TEXT_MAX = 2000,
};

/* What one instance has. */
struct part {
	struct discovered *list;
	size_t n;
};

static int is_gap(enum discover_reason reason)
{
	return reason == DISCOVER_NAME || reason == DISCOVER_ENVIRONMENT;
}

static int by_text(const void *a, const void *b)
{
	const struct str *x = a;
	const struct str *y = b;
	return str_cmp(*x, *y);
}

/* Every instance that may have members of the group. */
static int ask_all(struct part *parts, size_t *total, const struct conf *conf,
		   const struct conf_group *group, struct arena *arena, struct err *e)
{
	const struct conf_instance *instances = conf->instances.items;
	*total = 0;
	for (size_t i = 0; i < conf->instances.n; i++) {
		if (!conf_group_has_instance(group, &instances[i]))
			continue;
		if (discover_instance(&parts[i].list, &parts[i].n, conf, &instances[i], arena, e) !=
		    0)
			return -1;
		*total += parts[i].n;
		if (*total > TARGETS_MAX)
			return err_set(e, ERR_LIMIT, "its instances have more than %d databases",
				       TARGETS_MAX);
	}
	return 0;
}

static void select_all(struct group_list *out, const struct part *parts, size_t n,
		       const struct conf_group *group)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < parts[i].n; j++) {
			const struct discovered *d = &parts[i].list[j];
			if (!conf_group_has(group, d->instance, d->name))
				continue;
			if (d->reason == DISCOVER_TARGET)
				out->targets[out->n++] = d->target;
			else if (is_gap(d->reason))
				out->left_out[out->n_left_out++] = *d;
		}
	}
	if (out->n > 0)
		qsort(out->targets, out->n, sizeof *out->targets, by_text);
}

static int resolve(struct group_list *out, const struct conf *conf, const struct conf_group *group,
		   struct arena *arena, struct err *e)
{
	struct group_list list = { .n = 0 };
	size_t total;
	struct part *parts = arena_array(arena, conf->instances.n, sizeof *parts);
	if (parts == NULL)
		return arena_err(arena, e);
	if (ask_all(parts, &total, conf, group, arena, e) != 0)
		return -1;
	list.targets = arena_array(arena, total, sizeof *list.targets);
	list.left_out = arena_array(arena, total, sizeof *list.left_out);
	if (list.targets == NULL || list.left_out == NULL)
		return arena_err(arena, e);
	select_all(&list, parts, conf->instances.n, group);
	*out = list;
	return 0;
}

int group_resolve(struct group_list *out, const struct conf *conf, struct str group,
		  struct arena *arena, struct err *e)
{
	const struct conf_project *project;
	const struct conf_group *rule;
	if (conf_group(&project, &rule, conf, group, e) != 0)
		return -1;
	if (resolve(out, conf, rule, arena, e) != 0)
		return err_wrap(e, "database group '%.*s'", STR_ARG(group));
	return 0;
}

struct str group_left_out(const struct group_list *list, struct arena *arena)
{
	AUTO(buf) struct buf text;
	buf_init(&text, TEXT_MAX);
	if (list->n_left_out == 0)
		return STR_NULL;
	buf_addf(&text, "left out %zu that the group selects: ", list->n_left_out);
	for (size_t i = 0; i < list->n_left_out && i < LEFT_OUT_SHOWN; i++) {
		const struct discovered *d = &list->left_out[i];
		buf_addf(&text, "%s'%.*s' of instance '%.*s' (%.*s)", i > 0 ? ", " : "",
			 STR_ARG(str_first(d->name, NAME_SHOWN)), STR_ARG(d->instance->id),
			 STR_ARG(d->why));
	}
	if (list->n_left_out > LEFT_OUT_SHOWN)
		buf_addf(&text, " and %zu more", list->n_left_out - LEFT_OUT_SHOWN);
	return arena_str(arena, buf_str(&text));
}
