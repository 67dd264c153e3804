/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rolling out without a daemon: the same release, plan, rollout and runners, over a store of the
 * command's own. Here is who opens the stages and when it ends; what is told of it is
 * rollout_progress's and rollout_report's.
 */
#include "cli/rollout_local.h"

#include "base/clock.h"
#include "base/conf_env.h"
#include "cli/rollout_progress.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/sheet.h"
#include "release/store.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 50, LOOK_MANY_MS = 250, MANY = 200, LOOK_MEMORY_MAX = 256 * 1024 * 1024 };

/* --- making --- */

static int put_sheets(const struct local_rollout *r, struct err *e)
{
	AUTO(sheet_writer) struct sheet_writer *sheets = NULL;
	const struct manifest *m = &r->local.manifest;

	if (sheet_writer_new(&sheets, engine_store(r->engine), e) != 0)
		return -1;
	for (size_t i = 0; i < m->n; i++) {
		const struct str content = local_content(&r->local, &m->files[i]);

		if (sheet_put(sheets, m->files[i].sha256, content, e) != 0)
			return -1;
	}
	return sheet_flush(sheets, e);
}

/* The commit where the files are those of one, else the first 40 digits of the files' digest. */
static struct str commit_of(const struct local *l)
{
	if (l->commit.id.p != NULL && l->commit.changed.p == NULL)
		return l->commit.id;
	return str_first(str_of(l->manifest.digest), 40);
}

static int make_release(struct local_rollout *r, struct err *e)
{
	const struct local *l = &r->local;
	const struct release_request request = {
		.project = l->project->id,
		.id_template =
		    r->id_template.p != NULL ? r->id_template : l->project->release_id_template,
		.timezone = r->timezone.p != NULL ? r->timezone : l->project->release_id_timezone,
		.repository = l->repository != NULL ? l->repository->id : STR("local"),
		.commit = commit_of(l),
		.title = l->commit.subject,
		.creator = app_caller(r->app->arena),
		.now_ms = clock_unix_ms(),
	};
	enum release_made how;

	return release_make(&r->release, &how, engine_store(r->engine), &request, &l->manifest,
			    r->app->arena, e);
}

/*
 * The store is new, but its names go into the ledgers of the databases: plans are numbered from the
 * time on, so that no run has the name of an earlier one.
 */
static int make_plan(struct local_rollout *r, struct err *e)
{
	struct db *store = engine_store(r->engine);
	const struct conf *conf = engine_conf(r->engine);
	const int64_t now = clock_unix_ms();
	const struct local *l = &r->local;
	int made, failed;

	if (store_number_start(store, l->project->id, "plan", now, e) != 0)
		return -1;
	failed = l->group.p != NULL
		     ? plan_make_of_group(&r->plan, &made, store, conf, &r->release, l->group,
					  l->targets, l->n_targets, r->target_stage, now,
					  r->app->arena, e)
		     : plan_make(&r->plan, &made, store, conf, &r->release, l->targets,
				 l->n_targets, r->target_stage, now, r->app->arena, e);
	if (failed != 0)
		return -1;
	return rollout_create(store, conf, &r->plan, now, e);
}

int rollout_local_read(struct local_rollout *r, struct err *e)
{
	return rollout_get(&r->rollout, engine_store(r->engine), engine_conf(r->engine),
			   r->plan.project, r->plan.id, r->app->arena, e);
}

static int make(struct local_rollout *r, const struct log *log, struct err *e)
{
	const struct engine_options options = { .conf = TAKE(r->app->conf),
						.directory = conf_env_temporary(),
						.log = log };

	if (engine_open(&r->engine, &options, e) != 0)
		return -1;
	return put_sheets(r, e) != 0 || make_release(r, e) != 0 || make_plan(r, e) != 0
		   ? -1
		   : rollout_local_read(r, e);
}

int rollout_local_make(struct local_rollout *r)
{
	struct err e;

	/* what the daemon logs is told as progress here */
	if (r->app->log.level > LOG_DEBUG)
		r->app->log.fd = -1;
	if (make(r, &r->app->log, &e) == 0)
		return EXIT_DONE;
	return e.code == ERR_INPUT || e.code == ERR_NOTFOUND ? app_fail_usage(r->app, &e)
							     : app_fail(r->app, &e);
}

void rollout_local_end(struct local_rollout *r)
{
	engine_close(TAKE(r->engine));
}

/* --- running --- */

/* What one look at the rollout gives. */
struct look {
	enum stage_status status;
	int signal; /* taken while waiting; 0: none */
};

static int has_ended(enum stage_status s)
{
	return s == STAGE_DONE || s == STAGE_FAILED || s == STAGE_CANCELED;
}

static int look(struct look *out, struct local_rollout *r, size_t at, struct rollout_progress *p,
		struct err *e)
{
	AUTO(arena) struct arena arena;
	struct rollout now;

	arena_init(&arena, LOOK_MEMORY_MAX);
	if (rollout_get(&now, engine_store(r->engine), engine_conf(r->engine), r->plan.project,
			r->plan.id, &arena, e) != 0 ||
	    rollout_progress_look(p, &now.stages[at], &arena, e) != 0)
		return -1;
	out->status = now.stages[at].status;
	if (has_ended(out->status))
		rollout_progress_end(p, &now.stages[at]);
	else
		out->signal = engine_signal(r->engine, p->n > MANY ? LOOK_MANY_MS : LOOK_MS);
	return 0;
}

/* Open the stage when no policy did, and wait until it has ended, or for a signal. */
static int run_stage(struct look *out, struct local_rollout *r, size_t at,
		     struct rollout_progress *p, struct err *e)
{
	const struct stage *s = &r->rollout.stages[at];
	size_t opened;

	*out = (struct look){ .status = s->status };
	if (rollout_run_stage(&opened, engine_store(r->engine), engine_conf(r->engine),
			      r->plan.project, r->plan.id, s->environment,
			      app_caller(r->app->arena), clock_unix_ms(), e) != 0)
		return -1;
	engine_wake(r->engine);
	if (rollout_progress_begin(p, s, r->app->arena, e) != 0)
		return -1;
	do {
		if (look(out, r, at, p, e) != 0)
			return -1;
	} while (out->signal == 0 && !has_ended(out->status));
	return 0;
}

/* Let what runs be rolled back; a second signal ends the process at once. */
static int stop(struct local_rollout *r, struct rollout_progress *p, struct err *e)
{
	live_area_clear(&p->area);
	app_note(r->app, "stopping: what runs is rolled back; once more ends at once");
	if (engine_stop(r->engine, e) != 0)
		return -1;
	while (!engine_is_stopped(r->engine)) {
		if (engine_signal(r->engine, LOOK_MS) == 0)
			continue;
		engine_abandon(r->engine);
		_exit(EXIT_INTERRUPTED);
	}
	return 0;
}

/* Whether rules alone (order, an edited file) said no, and nothing failed otherwise. */
static int is_refused(const struct local_rollout *r, const struct stage *s)
{
	size_t refused = 0, failed = 0;
	struct task_run run;
	struct err ignored;

	for (size_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i].status != TASK_FAILED)
			continue;
		failed++;
		refused += rollout_last_run(&run, engine_store(r->engine), &s->tasks[i],
					    r->app->arena, &ignored) == 1 &&
			   str_eq_cstr(run.code, err_code_name(ERR_REFUSED));
	}
	return failed > 0 && refused == failed;
}

static int run_stages(struct local_rollout *r, struct rollout_progress *p, struct err *e)
{
	struct look end = { .signal = 0 };

	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct stage *s = &r->rollout.stages[i];

		if (run_stage(&end, r, i, p, e) != 0)
			return -1;
		if (end.signal != 0 && stop(r, p, e) != 0)
			return -1;
		if (end.signal != 0)
			return EXIT_INTERRUPTED;
		if (end.status != STAGE_DONE)
			return rollout_local_read(r, e) != 0          ? -1
			       : is_refused(r, &r->rollout.stages[i]) ? EXIT_REFUSED
								      : EXIT_FAILED;
		if (str_eq(s->environment, r->target_stage))
			break;
	}
	return EXIT_DONE;
}

int rollout_local_run(struct local_rollout *r)
{
	struct rollout_progress p = { .area = { .to = stderr },
				      .screen = r->app->err,
				      .store = engine_store(r->engine) };
	struct err e;
	int code = EXIT_FAILED;

	if (engine_start(r->engine, &e) == 0)
		code = run_stages(r, &p, &e);
	else
		code = -1;
	if (code < 0 || rollout_local_read(r, &e) != 0) {
		live_area_clear(&p.area);
		return app_fail(r->app, &e);
	}
	return code;
}
