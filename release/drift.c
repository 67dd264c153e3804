/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's frozen targets against what there is now. */

#include "release/drift.h"

#include "base/buf.h"
#include "release/discover.h"
#include "release/group.h"

#include <stdlib.h>

enum { SHOWN = 3, TEXT_MAX = 2000 };

const char *drift_kind_name(enum drift_kind kind)
{
	switch (kind) {
	case DRIFT_NEW:
		return "new";
	case DRIFT_GONE:
		return "gone";
	case DRIFT_UNSELECTED:
		return "unselected";
	case DRIFT_UNCONFIGURED:
		return "unconfigured";
	case DRIFT_ENVIRONMENT:
		return "environment";
	case DRIFT_URL:
		return "url";
	}
	return "";
}

/* ---- two sorted lists ---- */

static int by_text(const void *a, const void *b)
{
	const struct str *x = a;
	const struct str *y = b;
	return str_cmp(*x, *y);
}

static int has(const struct str *sorted, size_t n, struct str s)
{
	return n > 0 && bsearch(&s, sorted, n, sizeof *sorted, by_text) != NULL;
}

/* Those of `list` that `other` does not have: "2 databases more (a, b)". */
static size_t put_missing(struct buf *out, const char *word, const struct str *list, size_t n,
			  const struct str *other, size_t n_other)
{
	AUTO(buf) struct buf names;
	size_t count = 0;
	buf_init(&names, TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		if (has(other, n_other, list[i]))
			continue;
		if (count++ < SHOWN)
			buf_addf(&names, "%s%.*s", count > 1 ? ", " : "", STR_ARG(list[i]));
	}
	if (count > SHOWN)
		buf_adds(&names, ", ...");
	if (count > 0)
		buf_addf(out, "%s%zu database%s %s (%.*s)", out->n > 0 ? ", " : "", count,
			 count == 1 ? "" : "s", word, STR_ARG(buf_str(&names)));
	return count;
}

struct str drift_between(const struct plan *before, const struct plan *after, struct arena *arena)
{
	AUTO(buf) struct buf text;
	buf_init(&text, TEXT_MAX);
	size_t n = put_missing(&text, "more", after->targets, after->n_targets, before->targets,
			       before->n_targets);
	n += put_missing(&text, "less", before->targets, before->n_targets, after->targets,
			 after->n_targets);
	if (n == 0)
		return STR_NULL;
	buf_addf(&text, " than %.*s", STR_ARG(before->name));
	return arena_str(arena, buf_str(&text));
}

/* ---- a plan and the world ---- */

struct finder {
	const struct conf *conf;
	const struct plan *plan;
	struct drift *list;
	size_t n;
	struct str last;          /* the instance of `known` */
	struct discovered *known; /* what it has */
	size_t n_known;
	struct arena *arena;
};

static void add(struct finder *f, enum drift_kind kind, struct str target, struct str was,
		struct str is)
{
	f->list[f->n++] = (struct drift){ kind, target, was, is };
}

static int add_instance(struct finder *f, enum drift_kind kind, const struct plan_place *p,
			const struct conf_instance *now, struct err *e)
{
	const struct str name =
	    str_of(arena_printf(f->arena, "instances/%.*s", STR_ARG(p->instance)));
	if (name.p == NULL)
		return arena_err(f->arena, e);
	if (kind == DRIFT_ENVIRONMENT)
		add(f, kind, name, p->environment, now->environment);
	else if (kind == DRIFT_URL)
		add(f, kind, name, p->url, now->url);
	else
		add(f, kind, name, STR_NULL, STR_NULL);
	return 0;
}

static int compare_places(struct finder *f, struct err *e)
{
	for (size_t i = 0; i < f->plan->n_places; i++) {
		const struct plan_place *p = &f->plan->places[i];
		const struct conf_instance *now = conf_instance(f->conf, p->instance);
		if (now == NULL) {
			if (add_instance(f, DRIFT_UNCONFIGURED, p, now, e) != 0)
				return -1;
			continue;
		}
		if (!str_eq(now->environment, p->environment) &&
		    add_instance(f, DRIFT_ENVIRONMENT, p, now, e) != 0)
			return -1;
		if (!str_eq(now->url, p->url) && add_instance(f, DRIFT_URL, p, now, e) != 0)
			return -1;
	}
	return 0;
}

/* The instance's part of "instances/I/databases/D". */
static struct str instance_of(struct str target)
{
	const struct str rest = str_from(target, sizeof "instances/" - 1);
	return str_first(rest, str_find(rest, '/'));
}

static int has_database(const struct finder *f, struct str target)
{
	for (size_t i = 0; i < f->n_known; i++) {
		if (str_eq(f->known[i].target, target))
			return 1;
	}
	return 0;
}

/* A target that the group does not select, or of a plan without a group: is it there? Targets are
 * sorted, so that each instance is asked once. */
static int look_at(struct finder *f, struct str target, int selected, struct err *e)
{
	const struct str id = instance_of(target);
	const struct conf_instance *instance = conf_instance(f->conf, id);
	if (instance == NULL)
		return 0; /* compare_places tells it */
	if (!str_eq(f->last, id)) {
		f->last = id;
		if (discover_instance(&f->known, &f->n_known, f->conf, instance, f->arena, e) != 0)
			return -1;
	}
	if (!has_database(f, target))
		add(f, DRIFT_GONE, target, STR_NULL, STR_NULL);
	else if (!selected)
		add(f, DRIFT_UNSELECTED, target, STR_NULL, STR_NULL);
	return 0;
}

/* A plan without a group names its databases itself. */
static int is_selected(const struct finder *f, struct str target)
{
	const struct conf_instance *instance;
	struct str database;
	struct err ignored;
	return f->plan->group.p == NULL &&
	       conf_target(&instance, &database, f->conf, target, &ignored) == 0;
}

static int make_room(struct finder *f, size_t n_new, struct err *e)
{
	const size_t room = n_new + f->plan->n_targets + 2 * f->plan->n_places;
	f->list = arena_array(f->arena, room, sizeof *f->list);
	return f->list != NULL ? 0 : arena_err(f->arena, e);
}

int drift_find(struct drift **out, size_t *n, const struct conf *conf, const struct plan *plan,
	       struct arena *arena, struct err *e)
{
	struct finder f = { .conf = conf, .plan = plan, .arena = arena };
	struct group_list now = { .n = 0 };
	if (plan->group.p != NULL && group_resolve(&now, conf, plan->group, arena, e) != 0)
		return -1;
	if (make_room(&f, now.n, e) != 0 || compare_places(&f, e) != 0)
		return -1;
	for (size_t i = 0; i < now.n; i++) {
		if (!has(plan->targets, plan->n_targets, now.targets[i]))
			add(&f, DRIFT_NEW, now.targets[i], STR_NULL, STR_NULL);
	}
	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct str target = plan->targets[i];
		if (!has(now.targets, now.n, target) &&
		    look_at(&f, target, is_selected(&f, target), e) != 0)
			return -1;
	}
	*out = f.list;
	*n = f.n;
	return 0;
}
