/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rolls one release out over a fleet, with everything that Tidegate does: store, claims, leases,
 * locks, ledgers, logs. rollout.sh compares the time with what the floor programs need.
 *
 *	bench_rollout CONF DIR THREADS REPOSITORY TARGET...
 *
 * DIR holds the migrations; another REPOSITORY with the same files is another release with nothing
 * to do. Prints one line: databases, migrations, applied, seconds.
 */

#include "release/rollout.h"

#include "base/clock.h"
#include "base/num.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/runner.h"
#include "release/sheet.h"
#include "release/store.h"
#include "release/task.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { FILES_MAX = 10000, THREADS_MAX = 64, ARENA_MAX = 1 << 30, LINES_MAX = 4096 };

struct bench {
	const struct conf *conf;
	const struct manifest *manifest;
	struct release release;
	int64_t plan;
	int64_t threads;
	atomic_size_t applied;
	atomic_size_t present;
	atomic_int failed;
	pthread_mutex_t gate;
};

struct hand {
	struct bench *bench;
	pthread_t thread;
	struct db *store;
	struct digest *digest;
	struct arena lines_arena;
	struct task_log lines[LINES_MAX];
	size_t n_lines;
};

static void die(const struct err *e)
{
	(void)fprintf(stderr, "bench_rollout: %s\n", e->msg);
	exit(1);
}

static void enter(void *gate)
{
	(void)pthread_mutex_lock(gate);
}

static void leave(void *gate)
{
	(void)pthread_mutex_unlock(gate);
}

static struct db *open_store(struct bench *b)
{
	const struct store_options options = {
		.create = 1, .durable = 1, .enter = enter, .leave = leave, .gate = &b->gate
	};
	struct db *db = NULL;
	struct err e;
	if (store_open(&db, b->conf, &options, &e) != 0)
		die(&e);
	return db;
}

static int content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	struct hand *h = context;
	return sheet_read(out, h->store, sha256, h->digest, e);
}

static void add_line(void *context, const char *kind, struct str text)
{
	struct hand *h = context;
	if (h->n_lines < LINES_MAX)
		h->lines[h->n_lines++] = (struct task_log){ clock_unix_ms(), str_of(kind),
							    arena_str(&h->lines_arena, text) };
}

static int never(void *context)
{
	(void)context;
	return 0;
}

struct end {
	struct hand *hand;
	const struct task *task;
	const struct task_outcome *outcome;
	size_t opened;
};

/* Log, outcome and what follows from it: one transaction. */
static int finish(struct db *store, void *context, struct err *e)
{
	struct end *x = context;
	struct hand *h = x->hand;
	const int64_t now = clock_unix_ms();
	if (task_log_add(store, x->task->run_id, h->lines, h->n_lines, e) != 0 ||
	    task_finish(store, x->task, STR("bench"), x->outcome, now, e) != 0)
		return -1;
	return rollout_advance(&x->opened, store, h->bench->conf, x->task->project, x->task->plan,
			       now, e);
}

static void run_task(struct hand *h, const struct task *task, struct arena *arena)
{
	struct bench *b = h->bench;
	const struct conf_instance *instance;
	struct str name;
	struct err e;
	struct runner_result result;
	if (conf_target(&instance, &name, b->conf, task->target, &e) != 0)
		die(&e);
	struct runner_job job = {
		.target = { .url = instance->url, .database = name, .create = 1, .durable = 1 },
		.manifest = b->manifest,
		.release = b->release.name,
		.task_run = task->run_name,
		.repository = b->release.repository,
		.commit = b->release.commit,
		.applied_by = STR("bench"),
		.lock_wait_ms = 10000,
		.tries = 3
	};
	if (str_starts(instance->url, STR("sqlite:"))) {
		job.target.url = str_of(
		    arena_printf(arena, "%.*s/%.*s.db", STR_ARG(instance->url), STR_ARG(name)));
		job.target.database = STR_NULL;
	}
	const struct runner_events events = { content, add_line, never, NULL, h };
	if (runner_run(&result, &job, &events, arena, &e) != 0)
		die(&e);
	const struct task_outcome outcome = { .status = TASK_DONE,
					      .applied = (int64_t)result.applied,
					      .present = (int64_t)result.present };
	struct end x = { h, task, &outcome, 0 };
	if (store_within(h->store, finish, &x, &e) != 0)
		die(&e);
	b->applied += result.applied;
	b->present += result.present;
}

static void *work(void *argument)
{
	struct hand *h = argument;
	for (;;) {
		AUTO(arena) struct arena arena;
		struct task task;
		struct err e;
		int64_t next;
		arena_init(&arena, ARENA_MAX);
		arena_init(&h->lines_arena, ARENA_MAX);
		h->n_lines = 0;
		const struct task_claimer claimer = { .owner = STR("bench"),
						      .lease_ms = 60000,
						      .conf = h->bench->conf };
		int rc = task_claim(&task, &next, h->store, &claimer, clock_unix_ms(), &arena, &e);
		if (rc < 0)
			die(&e);
		if (rc == 0)
			return NULL;
		run_task(h, &task, &arena);
		arena_free(&h->lines_arena);
	}
}

/* ---- making the release ---- */

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 20);
	if (f == NULL || text == NULL)
		exit(1);
	*n = fread(text, 1, 1 << 20, f);
	(void)fclose(f);
	return text;
}

static void load(struct manifest *out, const char *dir, struct db *store, struct digest *d,
		 struct arena *arena)
{
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	struct manifest_file *files = calloc(FILES_MAX, sizeof *files);
	struct err e;
	size_t n = 0;
	DIR *list = opendir(dir);
	if (list == NULL || files == NULL || sheet_writer_new(&w, store, &e) != 0)
		exit(1);
	for (struct dirent *f = readdir(list); f != NULL && n < FILES_MAX; f = readdir(list)) {
		char hex[SHA256_HEX];
		if (f->d_name[0] == '.')
			continue;
		char *path = arena_printf(arena, "%s/%s", dir, f->d_name);
		AUTO(free) char *text = read_file(path, &files[n].size);
		files[n].path = str_of(path);
		if (digest_sha256(d, files[n].sha256, (struct str){ text, files[n].size }, &e) !=
			0 ||
		    sheet_put(w, hex_encode(hex, files[n].sha256, SHA256_BYTES),
			      (struct str){ text, files[n].size }, &e) != 0)
			die(&e);
		n++;
	}
	(void)closedir(list);
	if (sheet_flush(w, &e) != 0 || manifest_build(out, files, n, d, arena, &e) != 0)
		die(&e);
	free(files);
}

static void prepare(struct bench *b, struct db *store, const char *repository, struct str *targets,
		    size_t n, struct arena *arena)
{
	struct release_request q = { .project = STR("bench"),
				     .id_template = STR("r_{date}-{iteration}"),
				     .timezone = STR("UTC"),
				     .repository = str_of(repository),
				     .commit = str_of(repository),
				     .vcs_type = STR("GITHUB"),
				     .now_ms = clock_unix_ms() };
	enum release_made how;
	struct plan plan;
	int made;
	struct err e;
	if (release_make(&b->release, &how, store, &q, b->manifest, arena, &e) != 0 ||
	    plan_make(&plan, &made, store, b->conf, &b->release, targets, n, STR_NULL, q.now_ms,
		      arena, &e) != 0 ||
	    rollout_create(store, b->conf, &plan, q.now_ms, &e) != 0)
		die(&e);
	b->plan = plan.id;
}

int main(int argc, char **argv)
{
	static struct hand hands[THREADS_MAX];
	static struct bench b;
	struct conf *conf = NULL;
	struct manifest manifest;
	struct arena arena;
	struct err e;
	if (argc < 6)
		return 2;
	arena_init(&arena, ARENA_MAX);
	if (conf_load(&conf, argv[1], &e) != 0 ||
	    num_parse_i64(&b.threads, str_of(argv[3]), 1, THREADS_MAX) != 0)
		die(&e);
	b.conf = conf;
	b.manifest = &manifest;
	(void)pthread_mutex_init(&b.gate, NULL);
	struct digest *d = digest_new();
	struct db *store = open_store(&b);
	struct str targets[4096];
	size_t n = 0;
	for (int i = 5; i < argc && n < 4096; i++)
		targets[n++] = str_of(argv[i]);
	load(&manifest, argv[2], store, d, &arena);
	int64_t start = clock_mono_ms();
	prepare(&b, store, argv[4], targets, n, &arena);
	for (int64_t i = 0; i < b.threads; i++) {
		hands[i].bench = &b;
		hands[i].store = open_store(&b);
		hands[i].digest = digest_new();
		if (pthread_create(&hands[i].thread, NULL, work, &hands[i]) != 0)
			return 1;
	}
	for (int64_t i = 0; i < b.threads; i++)
		(void)pthread_join(hands[i].thread, NULL);
	int64_t ms = clock_mono_ms() - start;
	printf("databases=%zu migrations=%zu applied=%zu seconds=%lld.%03lld\n", n, manifest.n,
	       (size_t)b.applied, (long long)(ms / 1000), (long long)(ms % 1000));
	for (int64_t i = 0; i < b.threads; i++) {
		db_close(hands[i].store);
		digest_free(hands[i].digest);
	}
	db_close(store);
	digest_free(d);
	arena_free(&arena);
	conf_free(conf);
	return 0;
}
