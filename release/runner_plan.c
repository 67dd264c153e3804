/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a task runs: every file that is missing is fetched, verified and looked at, so that one
 * which must not run stops the task before any other has. Contents are kept as long as there is
 * room for them, and fetched again otherwise. And what all ways of running share.
 */

#include "base/clock.h"
#include "release/runner_impl.h"
#include "release/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	KEPT_MAX = 2 * 1024 * 1024,
	ASIDE_MIN = 64 * 1024, /* about 10 ms of parsing */
	/* The statements of one script while it is looked at. */
	STATEMENTS_MAX = 512 * 1024 * 1024,
	LOG_LINE = 8192,
};

struct str runner_shown(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0U) == 0x80U)
		n--;
	return str_first(s, n);
}

int runner_stopped(const struct runner *r)
{
	return r->events->stop(r->events->context);
}

void runner_log(const struct runner *r, const char *kind, const char *fmt, ...)
{
	char line[LOG_LINE];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (n > 0)
		r->events->log(r->events->context, kind, str_of(line));
}

void runner_notice(void *runner, struct str text)
{
	const struct runner *r = runner;
	r->events->log(r->events->context, "notice", text);
}

int runner_fail(struct runner *r, const struct migration *file, struct db_place place,
		struct err *e)
{
	struct str version = runner_shown(file->version, 48);
	struct str path = runner_shown(file->path, 128);
	r->result->failed = file;
	r->result->place = place;
	if (place.line == 0)
		return err_wrap(e, "migration '%.*s' (%.*s)", STR_ARG(version), STR_ARG(path));
	if (place.statement == 0)
		return err_wrap(e, "migration '%.*s' (%.*s:%zu:%zu)", STR_ARG(version),
				STR_ARG(path), place.line, place.column);
	return err_wrap(e, "migration '%.*s' (%.*s:%zu:%zu, statement %zu)", STR_ARG(version),
			STR_ARG(path), place.line, place.column, place.statement);
}

struct revision runner_row(struct runner *r, const struct migration *file)
{
	const struct runner_job *job = r->job;
	return (struct revision){
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
	};
}

int runner_look_again(const struct runner *r, const struct migration *file, const struct err *clash,
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

int runner_is_unchanged(struct runner *r, struct err *e)
{
	size_t rows;
	if (!(db_driver_of(r->db)->flags & DB_ONE_WRITER))
		return 1;
	if (revision_count(&rows, r->db, e) != 0)
		return -1;
	return rows == r->rows;
}

struct runner_plan *runner_plan_of(const struct runner *r, const struct migration *file)
{
	return &r->plans[file - r->job->manifest->files];
}

static int fetch(struct buf *content, struct runner *r, const struct migration *file, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	/* One byte more than promised is enough to see that it is not the promised content. */
	buf_init(content, file->size < SIZE_MAX - 1 ? file->size + 1 : file->size);
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

int runner_content(struct str *text, struct buf *own, struct runner *r,
		   const struct migration *file, struct err *e)
{
	const struct runner_plan *plan = runner_plan_of(r, file);
	if (plan->kept.n == 0 && fetch(own, r, file, e) != 0)
		return runner_fail(r, file, (struct db_place){ .statement = 0 }, e);
	*text = buf_str(plan->kept.n == 0 ? own : &plan->kept);
	return 0;
}

/* Reading a script, on whatever thread. */
struct reading {
	struct script *script;
	struct db_place *place;
	const struct db_driver *driver;
	struct str text;
	struct arena *arena;
	struct err *e;
	int rc;
};

static void read_now(void *argument)
{
	struct reading *x = argument;
	x->rc = script_read(x->script, x->place, x->driver, x->text, x->arena, x->e);
}

/* A large script takes a while to parse, in which other sessions may want this thread. */
static int read_script(struct script *script, struct db_place *place, const struct runner *r,
		       struct str text, struct arena *arena, struct err *e)
{
	struct reading x = { script, place, db_driver_of(r->db), text, arena, e, 0 };
	if (text.n > ASIDE_MIN)
		db_aside(r->db, read_now, &x);
	else
		read_now(&x);
	return x.rc;
}

/* What the database has decides with the script: when its turn comes, and now, where it will be no
 * other then. */
static int loosen(struct script *script, struct db_place *place, struct runner *r,
		  const struct check_file *c, struct str text, struct err *e)
{
	struct str table;
	size_t done = c->revision != NULL ? (size_t)c->revision->statements_done : 0;
	int rc = done < script->n ? runner_lasting(&table, r, text, e) : 0;
	return rc == 1 ? script_loosen(script, done + 1, table, place, e) : rc;
}

static int plan_one(struct runner *r, const struct check_file *c, int is_next, struct err *e)
{
	const struct migration *file = c->file;
	AUTO(arena) struct arena statements;
	AUTO(buf) struct buf content;
	struct runner_plan *plan = runner_plan_of(r, file);
	struct script script;
	struct db_place place = { .statement = 0 };
	buf_init(&content, 0);
	arena_init(&statements, STATEMENTS_MAX);
	if (fetch(&content, r, file, e) != 0 ||
	    read_script(&script, &place, r, buf_str(&content), &statements, e) != 0 ||
	    (is_next && loosen(&script, &place, r, c, buf_str(&content), e) != 0))
		return runner_fail(r, file, place, e);
	plan->known = 1;
	plan->way = script.way;
	plan->isolation = script.isolation;
	if (content.n <= KEPT_MAX - r->kept) {
		r->kept += content.n;
		plan->kept = content;
		buf_init(&content, 0);
	}
	if (script.way == SCRIPT_STEPWISE)
		runner_log(r, "info", "%.*s runs statement by statement: %s",
			   STR_ARG(runner_shown(file->path, 4096)), script.why);
	return 0;
}

int runner_plan_all(struct runner *r, const struct check *check, struct err *e)
{
	int is_next = 1; /* nothing before it can make or change a table */
	for (size_t i = 0; i < check->n; i++) {
		const struct check_file *c = &check->files[i];
		if (!check_must_run(c))
			continue;
		if (!runner_plan_of(r, c->file)->known && plan_one(r, c, is_next, e) != 0)
			return -1;
		is_next &= runner_plan_of(r, c->file)->way == SCRIPT_TRANSACTION;
	}
	return 0;
}

void runner_plan_free(struct runner *r)
{
	for (size_t i = 0; i < r->job->manifest->n; i++)
		buf_free(&r->plans[i].kept);
}
