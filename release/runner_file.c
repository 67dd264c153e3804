/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One migration: its content fetched and verified, screened, run, recorded, committed. It knows
 * nothing of sessions that break; runner.c does.
 */

#include "release/runner_file.h"

#include "base/clock.h"
#include "release/revision.h"
#include "release/store.h"

#include <string.h>

/* Names in messages are bounded, so that the server's words still fit behind them. */
static struct str shown(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0U) == 0x80U)
		n--;
	return str_first(s, n);
}

static int fail(struct runner *r, const struct migration *file, struct db_place place,
		struct err *e)
{
	struct str version = shown(file->version, 48);
	struct str path = shown(file->path, 128);
	r->result->failed = file;
	r->result->place = place;
	if (place.line == 0)
		return err_wrap(e, "migration '%.*s' (%.*s)", STR_ARG(version), STR_ARG(path));
	return err_wrap(e, "migration '%.*s' (%.*s:%zu:%zu, statement %zu)", STR_ARG(version),
			STR_ARG(path), place.line, place.column, place.statement);
}

static int fetch(struct buf *content, struct runner *r, const struct migration *file, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	if (r->events->content(r->events->context, content, file->sha256, e) != 0 ||
	    buf_check(content, e) != 0 || digest_sha256(r->digest, sum, buf_str(content), e) != 0)
		return -1;
	if (strcmp(hex_encode(hex, sum, sizeof sum), file->sha256) != 0)
		return err_set(e, ERR_INPUT,
			       "its content has sha256 %.8s.., the release says %.8s..: it is "
			       "damaged and was not run",
			       hex, file->sha256);
	return 0;
}

static void on_notice(void *context, struct str text)
{
	const struct runner *r = context;
	r->events->log(r->events->context, "notice", text);
}

/* Where the transaction is the lock, others may have written since the ledger was read. */
static int unchanged(struct runner *r, struct err *e)
{
	size_t rows;
	if (!(db_driver_of(r->db)->flags & DB_ONE_WRITER))
		return 1;
	if (revision_count(&rows, r->db, e) != 0)
		return -1;
	return rows == r->rows;
}

static int record(struct runner *r, const struct migration *file, const struct db_script *script,
		  int64_t started, struct err *e)
{
	const struct runner_job *job = r->job;
	const struct revision revision = {
		.version = file->version,
		.path = store_text(file->path, r->arena),
		.sha256 = str_of(file->sha256),
		.state = STR("applied"),
		.release = job->release,
		.task_run = job->task_run,
		.repository = job->repository,
		.commit = job->commit,
		.applied_by = job->applied_by,
		.applied_ms = clock_unix_ms(),
		.duration_ms = clock_mono_ms() - started,
		.statements = (int64_t)script->statements,
		.statements_done = (int64_t)script->statements,
	};
	return revision_insert(r->db, &revision, e);
}

/*
 * Within the transaction. 1: to be committed; 0: to be looked at again; -1. A row that was there
 * already is told by ERR_EXISTS in *clash.
 */
static int work(struct runner *r, const struct migration *file, struct str content,
		struct db_script *script, int64_t started, struct err *clash, struct err *e)
{
	int same = unchanged(r, e);
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

/* Rolled back. Was it another runner that wrote the row, or did something else collide? */
static int look_again(const struct runner *r, const struct migration *file, const struct err *clash,
		      struct err *e)
{
	if (clash->code != ERR_EXISTS)
		return 0;
	int there = revision_exists(r->db, file->version, e);
	if (there < 0)
		return -1;
	if (there == 0)
		*e = *clash;
	return there == 0 ? -1 : 0;
}

static void log_commit(const struct runner *r, const struct migration *file,
		       const struct db_script *script, int64_t started)
{
	AUTO(buf) struct buf line;
	buf_init(&line, 8192);
	buf_addf(&line, "%.*s: %zu statement%s in %lld ms", STR_ARG(shown(file->path, 4096)),
		 script->statements, script->statements == 1 ? "" : "s",
		 (long long)(clock_mono_ms() - started));
	r->events->log(r->events->context, "commit", buf_str(&line));
}

static int transact(enum runner_step *step, struct runner *r, const struct migration *file,
		    struct str content, struct db_script *script, struct err *e)
{
	int64_t started = clock_mono_ms();
	if (db_begin(r->db, e) != 0)
		return -1;
	struct err clash = { .code = ERR_NONE };
	int rc = work(r, file, content, script, started, &clash, e);
	if (rc != 1) {
		db_rollback(r->db);
		*step = RUNNER_AGAIN;
		return rc < 0 ? -1 : look_again(r, file, &clash, e);
	}
	if (db_commit(r->db, e) != 0)
		return -1;
	r->rows++;
	r->result->applied++;
	log_commit(r, file, script, started);
	*step = RUNNER_APPLIED;
	return 0;
}

int runner_file(enum runner_step *step, struct runner *r, const struct migration *file,
		struct err *e)
{
	AUTO(buf) struct buf content;
	struct db_script script = { .notice = on_notice, .context = r };
	struct db_place nowhere = { .statement = 0 };
	/* One byte more than promised is enough to see that it is not the promised content. */
	buf_init(&content, file->size < SIZE_MAX - 1 ? file->size + 1 : file->size);
	if (fetch(&content, r, file, e) != 0)
		return fail(r, file, nowhere, e);
	if (db_script_screen(db_driver_of(r->db), buf_str(&content), &script, e) != 0)
		return fail(r, file, script.failed, e);
	r->events->log(r->events->context, "file", file->path);
	script.failed = nowhere;
	if (transact(step, r, file, buf_str(&content), &script, e) != 0)
		return fail(r, file, script.failed, e);
	return 0;
}
