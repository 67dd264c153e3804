/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a target's ledger, and how a row of it is shown. */
#include "cli/revision_out.h"

#include "cli/secrets.h"
#include "cli/table.h"
#include "receiver/target.h"

void revision_json(struct json_writer *w, const char *name, const struct revision *r)
{
	jw_object(w, name);
	jw_str(w, "version", r->version);
	jw_str(w, "path", r->path);
	jw_str(w, "sha256", r->sha256);
	jw_str(w, "state", r->state);
	jw_str(w, "release", r->release);
	jw_str(w, "task_run", r->task_run);
	jw_str(w, "repository", r->repository);
	jw_str(w, "commit", r->commit);
	jw_str(w, "applied_by", r->applied_by);
	jw_time(w, "applied_at", r->applied_ms);
	jw_int(w, "duration_ms", r->duration_ms);
	jw_int(w, "statements", r->statements);
	jw_int(w, "statements_done", r->statements_done);
	if (r->in_flight != 0)
		jw_int(w, "in_flight", r->in_flight);
	else
		jw_str(w, "in_flight", STR_NULL);
	jw_str(w, "probe", r->probe);
	jw_end_object(w);
}

void revision_details(struct buf *out, const struct revision *r)
{
	detail(out, "version", r->version);
	detail(out, "state", r->state);
	detail(out, "path", r->path);
	detail(out, "sha256", r->sha256);
	detail(out, "release", r->release);
	detail(out, "task run", r->task_run);
	detail(out, "repository", r->repository);
	detail(out, "commit", r->commit);
	detail_time(out, revision_is_unfinished(r) ? "started" : "applied", r->applied_ms);
	detail(out, "applied by", r->applied_by);
	detail_int(out, "duration ms", r->duration_ms);
	detail_int(out, "statements", r->statements);
	if (!revision_is_unfinished(r))
		return;
	detail_int(out, "done", r->statements_done);
	if (r->in_flight != 0)
		detail_int(out, "in flight", r->in_flight);
	detail(out, "before it", r->probe);
}

int revision_open(struct db **out, struct app *app, struct str target)
{
	struct db_options options;
	struct err e;

	if (secrets_of_target(app->conf, target, &e) != 0 ||
	    target_options(&options, app->conf, target, app->arena, &e) != 0)
		return app_fail_usage(app, &e);
	if (db_open(out, &options, &e) != 0)
		return app_fail(app, &e);
	return EXIT_DONE;
}
