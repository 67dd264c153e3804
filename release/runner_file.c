/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One migration in one transaction: run, recorded, committed. It knows nothing of sessions that
 * break; runner.c does.
 */

#include "base/clock.h"
#include "release/revision.h"
#include "release/runner_impl.h"

static int record(struct runner *r, const struct migration *file, const struct db_script *script,
		  int64_t started, struct err *e)
{
	struct revision revision = runner_row(r, file);
	revision.duration_ms = clock_mono_ms() - started;
	revision.statements = (int64_t)script->statements;
	revision.statements_done = revision.statements;
	return revision_insert(r->db, &revision, e);
}

/*
 * Within the transaction. 1: to be committed; 0: to be looked at again; -1. A row that was there
 * already is told by ERR_EXISTS in *clash.
 */
static int work(struct runner *r, const struct migration *file, struct str content,
		struct db_script *script, int64_t started, struct err *clash, struct err *e)
{
	int same = runner_is_unchanged(r, e);
	if (same != 1)
		return same;
	if (db_script_run(r->db, content, script, e) != 0)
		return -1;
	/* The place of a script that ran through says nothing about what fails now. */
	script->failed = (struct db_place){ .statement = 0 };
	struct err why = { .code = ERR_NONE };
	if (record(r, file, script, started, &why) == 0)
		return 1;
	if (why.code == ERR_REFUSED) {
		*e = why; /* about the script, which has come out only now */
		return -1;
	}
	IGNORE(err_wrap(&why, "its ledger row")); /* it only fills `why` */
	*(why.code == ERR_EXISTS ? clash : e) = why;
	return why.code == ERR_EXISTS ? 0 : -1;
}

static int transact(enum runner_step *step, struct runner *r, const struct migration *file,
		    struct str content, struct db_script *script, struct err *e)
{
	int64_t started = clock_mono_ms();
	if (db_begin_isolated(r->db, runner_plan_of(r, file)->isolation, e) != 0)
		return -1;
	struct err clash = { .code = ERR_NONE };
	int rc = work(r, file, content, script, started, &clash, e);
	if (rc != 1) {
		db_rollback(r->db);
		*step = RUNNER_AGAIN;
		return rc < 0 ? -1 : runner_look_again(r, file, &clash, e);
	}
	if (db_commit(r->db, e) != 0)
		return -1;
	r->rows++;
	r->commits++;
	r->result->applied++;
	runner_log(r, "commit", "%.*s: %zu statement%s in %lld ms",
		   STR_ARG(runner_shown(file->path, 4096)), script->statements,
		   script->statements == 1 ? "" : "s", (long long)(clock_mono_ms() - started));
	*step = RUNNER_APPLIED;
	return 0;
}

int runner_file(enum runner_step *step, struct runner *r, const struct migration *file,
		struct err *e)
{
	AUTO(buf) struct buf own;
	struct db_script script = { .notice = runner_notice, .context = r };
	struct str content;
	buf_init(&own, 0);
	if (runner_content(&content, &own, r, file, e) != 0)
		return -1;
	struct str table;
	int lasting = runner_lasting(&table, r, content, e);
	if (lasting < 0)
		return runner_fail(r, file, script.failed, e);
	if (lasting) { /* a file before this one has made it */
		runner_log(r, "info",
			   "%.*s runs statement by statement: %.*s takes part in no transaction",
			   STR_ARG(runner_shown(file->path, 4096)), STR_ARG(table));
		return runner_steps(step, r, file, NULL, e);
	}
	r->events->log(r->events->context, "file", file->path);
	if (transact(step, r, file, content, &script, e) != 0)
		return runner_fail(r, file, script.failed, e);
	return 0;
}
