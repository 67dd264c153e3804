/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The review of a plan by the daemon, before its rollout is made: a merge waits for it, so sessions
 * have short timeouts and the whole of it a deadline.
 */

#include "receiver/plan_review.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "receiver/target.h"
#include "release/review.h"
#include "release/review_store.h"
#include "release/sheet.h"
#include "release/store.h"

#include <stdio.h>

enum {
	REVIEW_MS = 20 * 1000, /* no new target is looked at after this */
	CONNECT_TIMEOUT_MS = 3000,
	LOCK_TIMEOUT_MS = 1000,
	STATEMENT_TIMEOUT_MS = 3000,
	BODY_MAX = 256 * 1024, /* of the review in the store */
	REVIEW_MEMORY = 512 << 20,
};

struct work {
	const struct plan_review *what;
	struct review_job job;
};

static int read_content(void *context, struct buf *out, const struct migration *file, struct err *e)
{
	const struct work *w = context;

	return sheet_read(out, w->what->store, file->sha256, w->what->digest, e);
}

static int open_target(void *context, struct db **out, size_t i, struct err *e)
{
	const struct work *w = context;
	struct db_options options;

	if (target_options(&options, w->what->conf, w->job.targets[i].name, w->what->arena, e) != 0)
		return -1;
	options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	options.lock_timeout_ms = LOCK_TIMEOUT_MS;
	options.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
	return db_open(out, &options, e);
}

static int add_target(struct review_target *out, const struct plan_review *what, struct str name,
		      struct err *e)
{
	const struct conf_project *project = conf_project(what->conf, what->plan->project);
	const struct conf_instance *instance;
	struct str database;

	if (conf_target(&instance, &database, what->conf, name, e) != 0)
		return -1;
	*out = (struct review_target){
		.name = name,
		.driver = db_find(instance->url),
		.environment = conf_environment(what->conf, instance->environment),
	};
	if (project != NULL) {
		out->rules.project = project->id;
		out->rules.allow_out_of_order = project->allow_out_of_order;
		out->rules.allow_edited = project->allow_edited;
	}
	if (out->driver == NULL)
		return err_set(e, ERR_INPUT, "instance '%.*s' is of no known database",
			       STR_ARG(instance->id));
	return 0;
}

static int make_job(struct work *w, struct manifest *manifest, struct err *e)
{
	const struct plan *plan = w->what->plan;
	struct review_target *targets =
	    arena_array(w->what->arena, plan->n_targets, sizeof(*targets));

	if (targets == NULL)
		return arena_err(w->what->arena, e);
	for (size_t i = 0; i < plan->n_targets; i++) {
		if (add_target(&targets[i], w->what, plan->targets[i], e) != 0)
			return -1;
	}
	w->job = (struct review_job){
		.manifest = manifest,
		.read = read_content,
		.open = open_target,
		.context = w,
		.targets = targets,
		.n_targets = plan->n_targets,
		.deadline_ms = clock_mono_ms() + REVIEW_MS,
	};
	return 0;
}

/* Why the plan is held: the first finding that counts, and what to do. */
static struct str reason_of(const struct work *w, const struct review *review)
{
	const struct review_result *at;
	const struct advice *a;

	if (!review_blocks(&at, &a, review, &w->job))
		return STR_NULL;
	const struct conf_environment *environment = w->job.targets[at->target].environment;
	struct str path = str_first(w->job.manifest->files[at->file].path, 200);
	char place[48] = "";
	if (a->place.line > 0)
		(void)snprintf(place, sizeof(place), ":%zu:%zu", a->place.line, a->place.column);
	return str_of(arena_printf(
	    w->what->arena,
	    "the review holds %.*s: %.*s%s: %.*s: %.*s (%s, environment '%.*s'); correct it with a "
	    "new merge, or change the rule's severity there and replay the delivery; `tidegate "
	    "plans show %.*s` has all findings",
	    STR_ARG(w->what->plan->name), STR_ARG(path), place, STR_ARG(a->title),
	    STR_ARG(a->content), rule_id(a->rule),
	    STR_ARG(environment != NULL ? environment->id : STR("?")),
	    STR_ARG(w->what->plan->name)));
}

static int put(const struct plan_review *what, struct review_record *record, struct str reason,
	       struct str body, struct err *e)
{
	record->reviewed_ms = clock_unix_ms();
	record->reason = store_text(reason, what->arena);
	record->body = body;
	return review_record_put(what->store, what->plan->project, what->plan->id, record, e);
}

static int keep(const struct work *w, const struct review *review, struct str reason, struct err *e)
{
	AUTO(buf) struct buf body;
	struct review_record record = {
		.errors = (int64_t)review->errors,
		.warnings = (int64_t)review->warnings,
		.infos = (int64_t)review->infos,
		.affected_rows = review->affected_rows,
		.risk = str_of(review_risk_name(review->risk)),
	};

	buf_init(&body, 16 * BODY_MAX);
	if (review_json(&body, review, &w->job, BODY_MAX, e) != 0)
		return -1;
	return put(w->what, &record, reason, buf_str(&body), e);
}

/* A release that is too large to be reviewed is rolled out all the same, and its plan says so. */
static int keep_failure(const struct plan_review *what, const struct err *why, struct err *e)
{
	AUTO(buf) struct buf body;
	struct json_writer w;
	struct review_record record = { .warnings = 1,
					.risk = str_of(review_risk_name(REVIEW_RISK_LOW)) };

	buf_init(&body, BODY_MAX);
	jw_init(&w, &body, 0);
	jw_object(&w, NULL);
	jw_text(&w, "failed", why->msg);
	jw_end_object(&w);
	if (buf_check(&body, e) != 0)
		return -1;
	return put(what, &record, STR_NULL, buf_str(&body), e);
}

int plan_review(struct str *reason, const struct plan_review *what, struct err *e)
{
	AUTO(arena) struct arena memory;
	struct work w = { .what = what };
	struct manifest manifest;
	struct review review;

	arena_init(&memory, REVIEW_MEMORY);
	if (release_manifest(&manifest, what->store, what->release, what->arena, e) != 0 ||
	    make_job(&w, &manifest, e) != 0)
		return -1;
	if (review_run(&review, &w.job, &memory, e) != 0)
		return e->code == ERR_LIMIT ? keep_failure(what, e, e) : -1;
	struct str held = reason_of(&w, &review);
	if (keep(&w, &review, held, e) != 0)
		return -1;
	*reason = held;
	return 0;
}
