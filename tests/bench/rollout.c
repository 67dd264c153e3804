/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rolls one release out over a fleet as the daemon does it: the runners with their store, claims,
 * leases, locks, ledgers and logs. rollout.sh compares it with the floor programs.
 *
 *	bench_rollout CONF DIR REPOSITORY TARGET...
 *
 * DIR holds the migrations; another REPOSITORY with the same files is another release with nothing
 * to do. Prints one line: databases, migrations, applied, processor seconds of this process, peak
 * memory, most threads and sockets at a time, seconds.
 */

#include "release/rollout.h"

#include "base/clock.h"
#include "receiver/gate.h"
#include "receiver/live.h"
#include "receiver/runners.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/sheet.h"
#include "release/store.h"

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_MAX = 10000, TARGETS_MAX = 4096, FILE_MAX = 1 << 20, LOOK_MS = 5 };

struct bench {
	struct live live;
	struct gate gate;
	struct bell tasks;
	struct log log;
	struct db *store;
	struct digest *digest;
	struct arena arena;
	size_t threads, sockets;
};

static void die(const struct err *e)
{
	(void)fprintf(stderr, "bench_rollout: %s\n", e->msg);
	exit(1);
}

/* ---- making the release ---- */

static struct str read_file(const char *path, struct arena *arena)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(FILE_MAX);
	if (f == NULL || text == NULL)
		exit(1);
	size_t n = fread(text, 1, FILE_MAX, f);
	(void)fclose(f);
	struct str copy = arena_str(arena, (struct str){ text, n });
	free(text);
	return copy;
}

static void load(struct manifest *out, const char *dir, struct bench *b)
{
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	struct manifest_file *files = calloc(FILES_MAX, sizeof *files);
	struct err e;
	size_t n = 0;
	DIR *list = opendir(dir);
	if (list == NULL || files == NULL || sheet_writer_new(&w, b->store, &e) != 0)
		exit(1);
	for (struct dirent *f = readdir(list); f != NULL && n < FILES_MAX; f = readdir(list)) {
		char hex[SHA256_HEX];
		if (f->d_name[0] == '.')
			continue;
		const char *path = arena_printf(&b->arena, "%s/%s", dir, f->d_name);
		struct str text = read_file(path, &b->arena);
		files[n].path = str_of(path);
		files[n].size = text.n;
		if (digest_sha256(b->digest, files[n].sha256, text, &e) != 0 ||
		    sheet_put(w, hex_encode(hex, files[n].sha256, SHA256_BYTES), text, &e) != 0)
			die(&e);
		n++;
	}
	(void)closedir(list);
	if (sheet_flush(w, &e) != 0 || manifest_build(out, files, n, b->digest, &b->arena, &e) != 0)
		die(&e);
	free(files);
}

static int64_t prepare(struct bench *b, const struct manifest *manifest, const char *repository,
		       const struct str *targets, size_t n)
{
	struct release_request q = { .project = STR("bench"),
				     .id_template = STR("r_{date}-{iteration}"),
				     .timezone = STR("UTC"),
				     .repository = str_of(repository),
				     .commit = str_of(repository),
				     .vcs_type = STR("GITHUB"),
				     .now_ms = clock_unix_ms() };
	struct live_conf *held = live_hold(&b->live);
	const struct conf *conf = live_conf(held);
	enum release_made how;
	struct release release;
	struct plan plan;
	int made;
	struct err e;
	if (release_make(&release, &how, b->store, &q, manifest, &b->arena, &e) != 0 ||
	    plan_make(&plan, &made, b->store, conf, &release, targets, n, STR_NULL, q.now_ms,
		      &b->arena, &e) != 0 ||
	    rollout_create(b->store, conf, &plan, q.now_ms, &e) != 0)
		die(&e);
	live_drop(&b->live, held);
	return plan.id;
}

/* ---- watching ---- */

static size_t entries(const char *path, const char *kind)
{
	char at[300], to[64];
	size_t n = 0;
	DIR *dir = opendir(path);
	if (dir == NULL)
		exit(1);
	for (const struct dirent *f = readdir(dir); f != NULL; f = readdir(dir)) {
		if (f->d_name[0] == '.')
			continue;
		(void)snprintf(at, sizeof at, "%s/%s", path, f->d_name);
		ssize_t got = kind != NULL ? readlink(at, to, sizeof to) : 0;
		n += kind == NULL || (got > 0 && strncmp(to, kind, strlen(kind)) == 0);
	}
	(void)closedir(dir);
	return n;
}

static int64_t number(struct bench *b, const char *sql, int64_t plan)
{
	int64_t found = 0;
	struct err e;
	if (store_int(&found, b->store, sql, DB_ARGS(DB_I(plan)), &e) < 0)
		die(&e);
	return found;
}

static void wait_until_done(struct bench *b, int64_t plan)
{
	/* By the indexes: this is looked at while what is measured runs. */
	static const char open[] =
	    "SELECT $1 + 1 WHERE EXISTS (SELECT 1 FROM task WHERE status = 'PENDING')"
	    " OR EXISTS (SELECT 1 FROM task WHERE status = 'RUNNING')";
	static const char failed[] =
	    "SELECT count(*) FROM task WHERE plan = $1 AND status = 'FAILED'";
	for (int64_t look = 0; number(b, open, plan) != 0; look++) {
		if (look % 32 == 0) {
			if (number(b, failed, plan) > 0)
				exit(1); /* the log has said why */
			size_t threads = entries("/proc/self/task", NULL);
			size_t sockets = entries("/proc/self/fd", "socket:");
			b->threads = threads > b->threads ? threads : b->threads;
			b->sockets = sockets > b->sockets ? sockets : b->sockets;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
}

static void print(struct bench *b, int64_t plan, size_t n, size_t files, int64_t ms)
{
	static const char applied[] =
	    "SELECT sum(r.applied) FROM task_run r JOIN task t ON t.run = r.id WHERE t.plan = $1";
	struct rusage used;
	(void)getrusage(RUSAGE_SELF, &used);
	long cpu_ms = used.ru_utime.tv_sec * 1000 + used.ru_utime.tv_usec / 1000 +
		      used.ru_stime.tv_sec * 1000 + used.ru_stime.tv_usec / 1000;
	printf("databases=%zu migrations=%zu applied=%lld cpu=%ld.%03ld rss_mib=%ld threads=%zu"
	       " sockets=%zu seconds=%lld.%03lld\n",
	       n, files, (long long)number(b, applied, plan), cpu_ms / 1000, cpu_ms % 1000,
	       used.ru_maxrss / 1024, b->threads, b->sockets, (long long)(ms / 1000),
	       (long long)(ms % 1000));
}

static void open_all(struct bench *b, const char *conf_path)
{
	const struct store_options options = { .create = 1 };
	struct conf *conf = NULL;
	struct err e;
	if (conf_load(&conf, conf_path, &e) != 0 || store_open(&b->store, conf, &options, &e) != 0)
		die(&e);
	b->log = (struct log){ .fd = STDERR_FILENO, .level = LOG_ERROR };
	b->digest = digest_new();
	arena_init(&b->arena, (size_t)1 << 30);
	if (live_init(&b->live, conf) != 0 || gate_init(&b->gate) != 0 || bell_init(&b->tasks) != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static struct str targets[TARGETS_MAX];
	struct manifest manifest;
	struct runners *runners = NULL;
	struct err e;
	size_t n = 0;
	if (argc < 5)
		return 2;
	for (int i = 4; i < argc && n < TARGETS_MAX; i++)
		targets[n++] = str_of(argv[i]);
	open_all(&b, argv[1]);
	load(&manifest, argv[2], &b);
	int64_t start = clock_mono_ms();
	int64_t plan = prepare(&b, &manifest, argv[3], targets, n);
	const struct runners_options options = {
		.live = &b.live, .log = &b.log, .gate = &b.gate, .tasks = &b.tasks
	};
	if (runners_start(&runners, &options, &e) != 0)
		die(&e);
	wait_until_done(&b, plan);
	int64_t ms = clock_mono_ms() - start;
	runners_stop(runners, 1000);
	print(&b, plan, n, manifest.n, ms);
	db_close(b.store);
	digest_free(b.digest);
	arena_free(&b.arena);
	live_destroy(&b.live);
	gate_destroy(&b.gate);
	bell_destroy(&b.tasks);
	return 0;
}
