/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks, their runs and the lines of their logs, as tables and as readers see them. How a status
 * changes is in task_claim.c and rollout.c.
 */

#include "release/task.h"

#include "release/name.h"
#include "release/schema.h"
#include "release/task_row.h"

const struct store_schema task_schema = {
	.module = "task",
	.version = 1,
	.ddl = "CREATE TABLE task("
	       " id {identity},"
	       " project TEXT NOT NULL,"
	       " plan BIGINT NOT NULL,"
	       " environment TEXT NOT NULL,"
	       " position BIGINT NOT NULL," /* the environment's place when the rollout was made */
	       " target TEXT NOT NULL,"
	       " status TEXT NOT NULL,"
	       " attempt BIGINT NOT NULL DEFAULT 0,"
	       " detail TEXT,"
	       " not_before BIGINT NOT NULL DEFAULT 0,"
	       " run BIGINT NOT NULL DEFAULT 0," /* the newest run; with the owner it fences */
	       " owner TEXT,"
	       " lease_until BIGINT NOT NULL DEFAULT 0,"
	       " updated_at BIGINT NOT NULL,"
	       " UNIQUE(project, plan, target));"
	       "CREATE INDEX task_pending ON task(id) WHERE status = 'PENDING';"
	       "CREATE INDEX task_due ON task(not_before) WHERE status = 'PENDING';"
	       "CREATE INDEX task_stage ON task(project, plan, environment, status);"
	       /* Two tasks never run on one target, whatever else goes wrong. */
	       "CREATE UNIQUE INDEX task_running ON task(target) WHERE status = 'RUNNING';"
	       "CREATE TABLE task_run("
	       " id {identity},"
	       " task BIGINT NOT NULL,"
	       " attempt BIGINT NOT NULL,"
	       " status TEXT NOT NULL,"
	       " owner TEXT,"
	       " started_at BIGINT NOT NULL,"
	       " finished_at BIGINT NOT NULL DEFAULT 0,"
	       " detail TEXT, code TEXT, file TEXT,"
	       " at_statement BIGINT NOT NULL DEFAULT 0,"
	       " at_line BIGINT NOT NULL DEFAULT 0,"
	       " at_column BIGINT NOT NULL DEFAULT 0,"
	       " applied BIGINT NOT NULL DEFAULT 0,"
	       " present BIGINT NOT NULL DEFAULT 0);"
	       "CREATE INDEX task_run_task ON task_run(task, id);"
	       "CREATE TABLE task_log("
	       " id {identity},"
	       " run BIGINT NOT NULL,"
	       " logged_at BIGINT NOT NULL,"
	       " kind TEXT NOT NULL,"
	       " line TEXT NOT NULL);"
	       "CREATE INDEX task_log_run ON task_log(run, id);",
};

/* Gates: batches, windows, the bound of an instance, and cancelling what runs. Tasks of an older
 * version are of no instance: they end without its bound. */
const struct store_schema task_schema_2 = {
	.module = "task",
	.version = 2,
	.ddl = "ALTER TABLE task ADD COLUMN batch BIGINT NOT NULL DEFAULT 1;"
	       "ALTER TABLE task ADD COLUMN instance TEXT NOT NULL DEFAULT '';"
	       "ALTER TABLE task ADD COLUMN rolled_at BIGINT NOT NULL DEFAULT 0;"
	       /* not_before as it is without the window that holds the task; NULL: none does */
	       "ALTER TABLE task ADD COLUMN unheld BIGINT;"
	       "ALTER TABLE task ADD COLUMN cancel_by TEXT;"
	       "ALTER TABLE task ADD COLUMN cancel_at BIGINT NOT NULL DEFAULT 0;" /* 0: nobody */
	       "DROP INDEX task_pending;"
	       /* From stage to stage, and in one from instance to instance, without a look at the
		* tasks between. */
	       "CREATE INDEX task_queue"
	       " ON task(rolled_at, project, plan, environment, not_before, id)"
	       " WHERE status = 'PENDING';"
	       "CREATE INDEX task_lane"
	       " ON task(project, plan, environment, instance, not_before, id)"
	       " WHERE status = 'PENDING';"
	       "CREATE INDEX task_on_instance ON task(instance) WHERE status = 'RUNNING';"
	       "CREATE INDEX task_cancel ON task(id) WHERE cancel_at > 0;",
};

#define RUN_COLUMNS                                                                                \
	"id, attempt, status, started_at, finished_at, detail, code, file, at_statement, "         \
	"at_line, "                                                                                \
	"at_column, applied, present"

/* clang-format off */
static const char sql_get[] = "SELECT " TASK_COLUMNS " FROM task WHERE id = $1";
static const char sql_runs[] =
	"SELECT " RUN_COLUMNS " FROM task_run WHERE task = $1 ORDER BY id";
static const char sql_log_insert[] = "INSERT INTO task_log(run, logged_at, kind, line)";
static const char sql_log[] =
	"SELECT logged_at, kind, line FROM task_log WHERE run = $1 ORDER BY id";
static const char sql_others_run[] =
	"SELECT 1 FROM task WHERE project = $1 AND plan = $2 AND environment = $3"
	" AND status = 'RUNNING' LIMIT 1";
/* clang-format on */

enum { LOG_TEXT_MAX = 64 * 1024 * 1024 };

static const char *const status_names[TASK_STATUSES] = {
	[TASK_NOT_STARTED] = "NOT_STARTED", [TASK_PENDING] = "PENDING",
	[TASK_RUNNING] = "RUNNING",         [TASK_DONE] = "DONE",
	[TASK_FAILED] = "FAILED",           [TASK_CANCELED] = "CANCELED",
	[TASK_SKIPPED] = "SKIPPED",
};

const char *task_status_name(enum task_status s)
{
	return (size_t)s < TASK_STATUSES ? status_names[s] : "UNKNOWN";
}

int task_status_parse(enum task_status *out, struct str name, struct err *e)
{
	for (size_t i = 0; i < TASK_STATUSES; i++) {
		if (str_eq_cstr(name, status_names[i])) {
			*out = (enum task_status)i;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT, "the store has a task with the unknown status '%.*s'",
		       STR_ARG(str_first(name, 32)));
}

int task_read_row(void *element, struct store_reader *r, struct err *e)
{
	struct task *out = element;
	*out = (struct task){
		.id = db_int(r->rows, 0),
		.project = store_read(r, 1),
		.plan = db_int(r->rows, 2),
		.environment = store_read(r, 3),
		.target = store_read(r, 4),
		.attempt = db_int(r->rows, 6),
		.detail = store_read(r, 7),
		.not_before_ms = db_int(r->rows, 8),
		.updated_ms = db_int(r->rows, 9),
		.held = !db_is_null(r->rows, 10),
		.batch = db_int(r->rows, 11),
		.cancel_by = store_read(r, 12),
		.cancel_ms = db_int(r->rows, 13),
	};
	struct name name = {
		.kind = NAME_TASK,
		.project = out->project,
		.plan = out->plan,
		.environment = out->environment,
		.task = out->id,
	};
	out->name = name_text(&name, r->arena);
	if (out->name.p == NULL)
		return arena_err(r->arena, e);
	return task_status_parse(&out->status, db_text(r->rows, 5), e);
}

int task_get(struct task *out, struct db *store, int64_t id, struct arena *arena, struct err *e)
{
	struct task *list;
	size_t n;
	if (store_list(&list, &n, sizeof *list, task_read_row, store, sql_get, DB_ARGS(DB_I(id)),
		       arena, e) != 0)
		return -1;
	if (n == 0)
		return err_set(e, ERR_NOTFOUND, "there is no task %lld", (long long)id);
	*out = list[0];
	return 0;
}

static int read_run(void *element, struct store_reader *r, struct err *e)
{
	struct task_run *out = element;
	*out = (struct task_run){
		.id = db_int(r->rows, 0),
		.attempt = db_int(r->rows, 1),
		.started_ms = db_int(r->rows, 3),
		.finished_ms = db_int(r->rows, 4),
		.detail = store_read(r, 5),
		.code = store_read(r, 6),
		.file = store_read(r, 7),
		.statement = db_int(r->rows, 8),
		.line = db_int(r->rows, 9),
		.column = db_int(r->rows, 10),
		.applied = db_int(r->rows, 11),
		.present = db_int(r->rows, 12),
	};
	return task_status_parse(&out->status, db_text(r->rows, 2), e);
}

int task_runs(struct task_run **out, size_t *n, struct db *store, const struct task *task,
	      struct arena *arena, struct err *e)
{
	struct task_run *list;
	size_t count;
	if (store_list(&list, &count, sizeof *list, read_run, store, sql_runs,
		       DB_ARGS(DB_I(task->id)), arena, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct name name = {
			.kind = NAME_TASK_RUN,
			.project = task->project,
			.plan = task->plan,
			.environment = task->environment,
			.task = task->id,
			.task_run = list[i].id,
		};
		list[i].name = name_text(&name, arena);
		if (list[i].name.p == NULL)
			return arena_err(arena, e);
	}
	*out = list;
	*n = count;
	return 0;
}

struct log_batch {
	const struct db_value *values;
	size_t n;
};

static int insert_log(struct db *store, void *context, struct err *e)
{
	const struct log_batch *b = context;
	return store_insert(store, sql_log_insert, "", b->values, 4, b->n, e);
}

int task_log_add(struct db *store, int64_t run_id, const struct task_log *lines, size_t n,
		 struct err *e)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, LOG_TEXT_MAX);
	if (n == 0)
		return 0;
	struct db_value *values = arena_array(&arena, n, 4 * sizeof *values);
	if (values == NULL)
		return arena_err(&arena, e);
	for (size_t i = 0; i < n; i++) {
		struct str text = store_text(lines[i].text, &arena);
		values[i * 4] = DB_I(run_id);
		values[i * 4 + 1] = DB_I(lines[i].at_ms);
		values[i * 4 + 2] = DB_S(lines[i].kind);
		values[i * 4 + 3] = DB_S(text.p != NULL ? text : STR(""));
	}
	struct log_batch b = { values, n };
	return store_within(store, insert_log, &b, e);
}

static int read_log(void *element, struct store_reader *r, struct err *e)
{
	struct task_log *out = element;
	(void)e;
	*out = (struct task_log){
		.at_ms = db_int(r->rows, 0),
		.kind = store_read(r, 1),
		.text = store_read(r, 2),
	};
	return 0;
}

int task_log_list(struct task_log **out, size_t *n, struct db *store, int64_t run_id,
		  struct arena *arena, struct err *e)
{
	return store_list(out, n, sizeof **out, read_log, store, sql_log, DB_ARGS(DB_I(run_id)),
			  arena, e);
}

int task_others_run(struct db *store, const struct task *task, struct err *e)
{
	int64_t one;
	return store_int(&one, store, sql_others_run,
			 DB_ARGS(DB_S(task->project), DB_I(task->plan), DB_S(task->environment)),
			 e);
}
