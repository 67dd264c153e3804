/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: a release and its targets, sorted and frozen. What becomes of a plan is the rollout's
 * business.
 */

#include "release/plan.h"

#include "base/buf.h"
#include "base/digest.h"
#include "release/name.h"
#include "release/schema.h"

#include <stdlib.h>

const struct store_schema plan_schema = {
	.module = "plan",
	.version = 1,
	.ddl = "CREATE TABLE plan("
	       " seq {identity}," /* the order in which they were made */
	       " project TEXT NOT NULL,"
	       " id BIGINT NOT NULL,"
	       " title TEXT,"
	       " release TEXT NOT NULL,"
	       " targets TEXT NOT NULL," /* one a line */
	       " targets_digest TEXT NOT NULL,"
	       " target_stage TEXT,"
	       " target_position BIGINT NOT NULL,"
	       " created_at BIGINT NOT NULL,"
	       " rollout_at BIGINT NOT NULL DEFAULT 0," /* 0: no rollout yet */
	       " UNIQUE(project, id),"
	       " UNIQUE(project, release, targets_digest));",
};

const struct store_schema plan_schema_2 = {
	.module = "plan",
	.version = 2,
	.ddl =
	    "ALTER TABLE plan ADD COLUMN target_group TEXT;"
	    "ALTER TABLE plan ADD COLUMN places TEXT;", /* "INSTANCE ENVIRONMENT URL", one a line */
};

#define COLUMNS                                                                                    \
	"project, id, title, release, targets, target_stage, target_position, created_at, "        \
	"rollout_at, target_group, places"

/* clang-format off */
static const char sql_get[] =
	"SELECT " COLUMNS " FROM plan WHERE project = $1 AND id = $2";
static const char sql_same[] =
	"SELECT " COLUMNS " FROM plan"
	" WHERE project = $1 AND release = $2 AND targets_digest = $3";
static const char sql_list[] =
	"SELECT " COLUMNS " FROM plan ORDER BY seq DESC LIMIT $1";
static const char sql_list_project[] =
	"SELECT " COLUMNS " FROM plan WHERE project = $1 ORDER BY seq DESC LIMIT $2";
static const char sql_rolled[] =
	"SELECT " COLUMNS " FROM plan WHERE rollout_at > 0 ORDER BY seq DESC LIMIT $1";
static const char sql_rolled_project[] =
	"SELECT " COLUMNS " FROM plan WHERE project = $1 AND rollout_at > 0"
	" ORDER BY seq DESC LIMIT $2";
static const char sql_insert[] =
	"INSERT INTO plan(project, id, title, release, targets, targets_digest, target_stage,"
	" target_position, created_at, target_group, places)"
	" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
static const char sql_before[] =
	"SELECT " COLUMNS " FROM plan WHERE project = $1 AND target_group = $2 AND id < $3"
	" ORDER BY id DESC LIMIT 1";
/* clang-format on */

enum { TARGETS_TEXT_MAX = 16 * 1024 * 1024, MAKE_TRIES = 20 };

/* The lines of `text`; it is in the arena already. */
static int read_targets(struct plan *plan, struct str text, struct arena *arena, struct err *e)
{
	size_t room = 1;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '\n';
	plan->targets = arena_array(arena, room, sizeof *plan->targets);
	if (plan->targets == NULL)
		return arena_err(arena, e);
	while (text.n > 0 && str_split(&plan->targets[plan->n_targets], &text, '\n'))
		plan->n_targets++;
	return 0;
}

/* The same of "INSTANCE ENVIRONMENT URL", one a line. */
static int read_places(struct plan *plan, struct str text, struct arena *arena, struct err *e)
{
	size_t room = 1;
	struct str line;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '\n';
	plan->places = arena_array(arena, room, sizeof *plan->places);
	if (plan->places == NULL)
		return arena_err(arena, e);
	while (text.n > 0 && str_split(&line, &text, '\n')) {
		struct plan_place *p = &plan->places[plan->n_places++];
		if (!str_split(&p->instance, &line, ' ') || !str_split(&p->environment, &line, ' '))
			return err_set(e, ERR_INPUT, "the store's row of '%.*s' is damaged",
				       STR_ARG(plan->name));
		p->url = line;
	}
	return 0;
}

static int read_plan(void *element, struct store_reader *r, struct err *e)
{
	struct plan *out = element;
	*out = (struct plan){
		.project = store_read(r, 0),
		.id = db_int(r->rows, 1),
		.title = store_read(r, 2),
		.release = store_read(r, 3),
		.target_stage = store_read(r, 5),
		.target_position = db_int(r->rows, 6),
		.created_ms = db_int(r->rows, 7),
		.rollout_ms = db_int(r->rows, 8),
		.group = store_read(r, 9),
	};
	out->has_rollout = out->rollout_ms != 0;
	struct name name = { .kind = NAME_PLAN, .project = out->project, .plan = out->id };
	out->name = name_text(&name, r->arena);
	if (out->name.p == NULL)
		return arena_err(r->arena, e);
	if (read_targets(out, store_read(r, 4), r->arena, e) != 0)
		return -1;
	return read_places(out, store_read(r, 10), r->arena, e);
}

/* 1: found; 0: there is none; -1. */
static int find(struct plan *out, struct db *store, const char *sql, const struct db_value *args,
		size_t n_args, struct arena *arena, struct err *e)
{
	struct plan *list;
	size_t n;
	if (store_list(&list, &n, sizeof *list, read_plan, store, sql, args, n_args, arena, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	*out = list[0];
	return 1;
}

static int by_text(const void *a, const void *b)
{
	const struct str *x = a;
	const struct str *y = b;
	return str_cmp(*x, *y);
}

/* What is frozen of the targets. */
struct frozen {
	struct buf targets; /* one a line */
	struct buf keys;    /* each with its environment: what makes the set what it is */
	struct buf places;  /* the instances, as read_places takes them */
};

static void frozen_free(struct frozen *f)
{
	buf_free(&f->targets);
	buf_free(&f->keys);
	buf_free(&f->places);
}
AUTO_DEFINE_INPLACE(frozen, struct frozen, frozen_free);

static void frozen_init(struct frozen *f)
{
	buf_init(&f->targets, TARGETS_TEXT_MAX);
	buf_init(&f->keys, 2 * (size_t)TARGETS_TEXT_MAX);
	buf_init(&f->places, TARGETS_TEXT_MAX);
}

static void add_line(struct buf *text)
{
	if (text->n > 0)
		buf_addc(text, '\n');
}

/* Targets are sorted, so that those of one instance come together. */
static void freeze_one(struct frozen *f, struct str target, const struct conf_instance *instance,
		       const struct conf_instance *last)
{
	add_line(&f->targets);
	buf_add(&f->targets, target);
	buf_addf(&f->keys, "%.*s %.*s\n", STR_ARG(target), STR_ARG(instance->environment));
	if (instance == last)
		return;
	add_line(&f->places);
	buf_addf(&f->places, "%.*s %.*s %.*s", STR_ARG(instance->id),
		 STR_ARG(instance->environment), STR_ARG(instance->url));
}

/* The instance of a target that can be rolled out to. */
static int place(const struct conf_instance **instance, const struct conf *conf, struct str target,
		 struct err *e)
{
	struct str database;
	if (str_has_control(target))
		return err_set(e, ERR_INPUT, "a target has a control character in it");
	if (conf_target(instance, &database, conf, target, e) != 0)
		return -1;
	if ((*instance)->environment.p == NULL)
		return err_set(e, ERR_INPUT,
			       "target '%.*s' is of no stage: its instance has no environment "
			       "(give it one in the configuration)",
			       STR_ARG(target));
	return 0;
}

/* Sorted, each once, and known to the configuration. */
static int freeze(struct frozen *f, const struct conf *conf, const struct str *targets, size_t n,
		  struct arena *arena, struct err *e)
{
	const struct conf_instance *instance = NULL, *last = NULL;
	struct str *sorted = arena_array(arena, n, sizeof *sorted);
	if (sorted == NULL)
		return arena_err(arena, e);
	if (n == 0)
		return err_set(e, ERR_INPUT, "a plan needs one target at least");
	for (size_t i = 0; i < n; i++)
		sorted[i] = targets[i];
	qsort(sorted, n, sizeof *sorted, by_text);
	for (size_t i = 0; i < n; i++, last = instance) {
		if (place(&instance, conf, sorted[i], e) != 0)
			return -1;
		if (i == 0 || !str_eq(sorted[i - 1], sorted[i]))
			freeze_one(f, sorted[i], instance, last);
	}
	return buf_check(&f->targets, e) == 0 && buf_check(&f->keys, e) == 0
		   ? buf_check(&f->places, e)
		   : -1;
}

static int digest_text(char hex[SHA256_HEX], struct str text, struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	unsigned char sum[SHA256_BYTES];
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (digest_sha256(d, sum, text, e) != 0)
		return -1;
	(void)hex_encode(hex, sum, sizeof sum);
	return 0;
}

struct make {
	struct plan *out;
	int made;
	const struct release *release;
	struct str group;
	struct str targets;
	struct str places;
	char digest[SHA256_HEX];
	struct str target_stage;
	int64_t target_position;
	int64_t now_ms;
	struct arena *arena;
};

static int make(struct db *store, void *context, struct err *e)
{
	struct make *m = context;
	const struct release *r = m->release;
	struct str digest = str_of(m->digest);
	struct str title = r->title.n > 0 ? r->title : r->id;
	int64_t id;
	m->made = 0;
	/* Whoever makes a plan in this project waits here until we are done. */
	if (store_number(&id, store, r->project, "planning", e) != 0)
		return -1;
	int found = find(m->out, store, sql_same,
			 DB_ARGS(DB_S(r->project), DB_S(r->id), DB_S(digest)), m->arena, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (store_number(&id, store, r->project, "plan", e) != 0 ||
	    db_exec(store, NULL, sql_insert,
		    DB_ARGS(DB_S(r->project), DB_I(id), DB_S(store_text(title, m->arena)),
			    DB_S(r->id), DB_S(m->targets), DB_S(digest), DB_S(m->target_stage),
			    DB_I(m->target_position), DB_I(m->now_ms), DB_S(m->group),
			    DB_S(m->places)),
		    e) != 0)
		return -1;
	m->made = 1;
	return plan_get(m->out, store, r->project, id, m->arena, e);
}

/* "environments/E" or "E". */
static int find_stage(struct make *m, const struct conf *conf, struct str stage, struct err *e)
{
	struct str prefix = STR("environments/");
	m->target_stage = str_starts(stage, prefix) ? str_from(stage, prefix.n) : stage;
	m->target_position = INT64_MAX;
	if (stage.p == NULL)
		return 0;
	m->target_position = conf_environment_position(conf, m->target_stage);
	if (m->target_position < 0)
		return err_set(e, ERR_NOTFOUND, "there is no environment '%.*s' to roll out to",
			       STR_ARG(str_first(m->target_stage, 64)));
	return 0;
}

int plan_make(struct plan *out, int *made, struct db *store, const struct conf *conf,
	      const struct release *release, const struct str *targets, size_t n,
	      struct str target_stage, int64_t now_ms, struct arena *arena, struct err *e)
{
	return plan_make_of_group(out, made, store, conf, release, STR_NULL, targets, n,
				  target_stage, now_ms, arena, e);
}

int plan_make_of_group(struct plan *out, int *made, struct db *store, const struct conf *conf,
		       const struct release *release, struct str group, const struct str *targets,
		       size_t n, struct str target_stage, int64_t now_ms, struct arena *arena,
		       struct err *e)
{
	AUTO(frozen) struct frozen frozen;
	struct plan plan;
	struct make m = {
		.out = &plan, .release = release, .group = group, .now_ms = now_ms, .arena = arena
	};
	frozen_init(&frozen);
	if (find_stage(&m, conf, target_stage, e) != 0 ||
	    freeze(&frozen, conf, targets, n, arena, e) != 0 ||
	    digest_text(m.digest, buf_str(&frozen.keys), e) != 0)
		return -1;
	m.targets = buf_str(&frozen.targets);
	m.places = buf_str(&frozen.places);
	for (int i = 1;; i++) {
		struct err why = { .code = ERR_NONE };
		if (store_within(store, make, &m, &why) == 0)
			break;
		/* Somebody made the same plan at this moment: look again. */
		if ((why.code == ERR_EXISTS || why.code == ERR_UNAVAILABLE) &&
		    !store->in_transaction && i < MAKE_TRIES)
			continue;
		if (e != NULL)
			*e = why;
		return err_wrap(e, "cannot make the plan of '%.*s'", STR_ARG(release->name));
	}
	*out = plan;
	*made = m.made;
	return 0;
}

int plan_before(struct plan *out, struct db *store, const struct plan *plan, struct arena *arena,
		struct err *e)
{
	if (plan->group.p == NULL)
		return 0;
	return find(out, store, sql_before,
		    DB_ARGS(DB_S(plan->project), DB_S(plan->group), DB_I(plan->id)), arena, e);
}

int plan_get(struct plan *out, struct db *store, struct str project, int64_t id,
	     struct arena *arena, struct err *e)
{
	int found = find(out, store, sql_get, DB_ARGS(DB_S(project), DB_I(id)), arena, e);
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "there is no plan %lld in project '%.*s'",
			       (long long)id, STR_ARG(str_first(project, 64)));
	return found < 0 ? -1 : 0;
}

static int list(struct plan **out, size_t *n, struct db *store, const char *all,
		const char *of_project, struct str project, size_t limit, struct arena *arena,
		struct err *e)
{
	if (project.p == NULL)
		return store_list(out, n, sizeof **out, read_plan, store, all, DB_ARGS(DB_I(limit)),
				  arena, e);
	return store_list(out, n, sizeof **out, read_plan, store, of_project,
			  DB_ARGS(DB_S(project), DB_I(limit)), arena, e);
}

int plan_list(struct plan **out, size_t *n, struct db *store, struct str project, size_t limit,
	      struct arena *arena, struct err *e)
{
	return list(out, n, store, sql_list, sql_list_project, project, limit, arena, e);
}

int plan_list_rolled(struct plan **out, size_t *n, struct db *store, struct str project,
		     size_t limit, struct arena *arena, struct err *e)
{
	return list(out, n, store, sql_rolled, sql_rolled_project, project, limit, arena, e);
}
