/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runners on a real PostgreSQL: sessions that wait share one thread, a database that computes
 * in the process holds nobody up, and what runs when they are stopped is taken back.
 */

#include "receiver/gate.h"
#include "receiver/live.h"
#include "receiver/runners.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/rollout.h"
#include "release/sheet.h"
#include "release/store.h"
#include "release/task.h"
#include "tests/support/check.h"
#include "tests/support/pg.h"

#include <dirent.h>

enum { FLEET = 24, PATIENCE_MS = 60000, PAUSE_MS = 50 };

static struct pg pg;
static int releases; /* made so far, each of one version */

struct daemon {
	char dir[64];
	struct live live;
	struct gate gate;
	struct bell tasks;
	struct log log;
	struct db *store;
	struct digest *digest;
	struct arena arena;
	struct runners *runners;
};

static const char conf_text[] =
    "store: %s/store.db\n"
    "max_tasks: 64\n"
    "environments:\n"
    "  - {id: fleet, rollout: automatic, max_parallel: 64}\n"
    "  - {id: file, rollout: automatic, max_parallel: 64}\n"
    "instances:\n"
    "  - {id: pg, environment: fleet, url: \"postgresql://postgres@localhost%s\"}\n"
    "  - {id: lite, environment: file, url: \"sqlite:%s\"}\n"
    "projects: [{id: shop}]\n"
    "repositories: []\n";

static int setup(void **state)
{
	struct daemon *d = calloc(1, sizeof *d);
	struct conf *conf = NULL;
	struct store_options options = { .create = 1 };
	AUTO(buf) struct buf text;
	struct err e;
	assert_non_null(d);
	(void)snprintf(d->dir, sizeof d->dir, "/tmp/tidegate-runners-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	buf_init(&text, 8192);
	/* By its name, which is looked up aside. */
	const char *port = strrchr(pg.url, ':');
	assert_non_null(port);
	buf_addf(&text, conf_text, d->dir, port, d->dir);
	check_ok(conf_parse(&conf, buf_str(&text), "t.yaml", &e), &e);
	check_ok(store_open(&d->store, conf, &options, &e), &e);
	assert_int_equal(live_init(&d->live, conf), 0);
	assert_int_equal(gate_init(&d->gate), 0);
	assert_int_equal(bell_init(&d->tasks), 0);
	d->log = (struct log){ .fd = -1 };
	d->digest = digest_new();
	arena_init(&d->arena, 1 << 26);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;
	char rm[] = "rm", flags[] = "-rf";
	runners_stop(d->runners, 0);
	db_close(d->store);
	digest_free(d->digest);
	arena_free(&d->arena);
	live_destroy(&d->live);
	gate_destroy(&d->gate);
	bell_destroy(&d->tasks);
	(void)pg_tool((char *[]){ rm, flags, d->dir, NULL });
	free(d);
	return 0;
}

/* A release of one file; its plan's number. */
static int64_t roll_out(struct daemon *d, const char *sql, const struct str *targets, size_t n)
{
	const char *path = arena_printf(&d->arena, "%d_a.sql", ++releases);
	struct manifest_file file = { .path = str_of(path), .size = strlen(sql) };
	struct manifest manifest;
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	struct release release;
	struct plan plan;
	enum release_made how;
	char hex[SHA256_HEX];
	int made;
	struct err e;
	struct live_conf *held = live_hold(&d->live);
	check_ok(digest_sha256(d->digest, file.sha256, str_of(sql), &e), &e);
	check_ok(sheet_writer_new(&w, d->store, &e), &e);
	check_ok(sheet_put(w, hex_encode(hex, file.sha256, SHA256_BYTES), str_of(sql), &e), &e);
	check_ok(sheet_flush(w, &e), &e);
	check_ok(manifest_build(&manifest, &file, 1, d->digest, &d->arena, &e), &e);
	const struct release_request q = {
		.project = STR("shop"),
		.id_template = STR("r_{date}-{iteration}"),
		.timezone = STR("UTC"),
		.repository = STR("app"),
		.commit = str_of(arena_printf(&d->arena, "%040d", releases)),
		.vcs_type = STR("GITHUB"),
	};
	check_ok(release_make(&release, &how, d->store, &q, &manifest, &d->arena, &e), &e);
	check_ok(plan_make(&plan, &made, d->store, live_conf(held), &release, targets, n, STR_NULL,
			   1, &d->arena, &e),
		 &e);
	check_ok(rollout_create(d->store, live_conf(held), &plan, 1, &e), &e);
	live_drop(&d->live, held);
	return plan.id;
}

static int64_t roll_out_fleet(struct daemon *d, const char *sql)
{
	struct str targets[FLEET];
	for (int i = 0; i < FLEET; i++)
		targets[i] = str_of(arena_printf(&d->arena, "instances/pg/databases/fleet_%d_%d",
						 (int)getpid(), i));
	return roll_out(d, sql, targets, FLEET);
}

static void start(struct daemon *d)
{
	const struct runners_options options = {
		.live = &d->live, .log = &d->log, .gate = &d->gate, .tasks = &d->tasks
	};
	struct err e;
	check_ok(runners_start(&d->runners, &options, &e), &e);
}

static int64_t count(struct db *db, const char *sql, const struct db_value *args, size_t n)
{
	int64_t found = -1;
	struct err e;
	if (store_int(&found, db, sql, args, n, &e) < 0)
		fail_msg("%s", e.msg);
	return found;
}

static int64_t tasks_in(const struct daemon *d, int64_t plan, const char *status)
{
	static const char sql[] = "SELECT count(*) FROM task WHERE plan = $1 AND status = $2";
	return count(d->store, sql, DB_ARGS(DB_I(plan), DB_S(str_of(status))));
}

static void wait_for_tasks(const struct daemon *d, int64_t plan, const char *status, int64_t want)
{
	for (int i = 0; tasks_in(d, plan, status) < want; i++) {
		if (tasks_in(d, plan, "FAILED") > 0 || i >= PATIENCE_MS / PAUSE_MS)
			fail_msg("%lld tasks failed", (long long)tasks_in(d, plan, "FAILED"));
		pg_pause(PAUSE_MS);
	}
	assert_int_equal(tasks_in(d, plan, status), want);
}

static int64_t sleepers(void)
{
	static const char sql[] = "select count(*) from pg_stat_activity where state = 'active'"
				  " and query like '%pg_sleep%' and datname like $1";
	char names[32];
	(void)snprintf(names, sizeof names, "fleet_%d_%%", (int)getpid());
	struct err e;
	AUTO(db) struct db *db = pg_open(&pg, "postgres", &e);
	assert_non_null(db);
	return count(db, sql, DB_ARGS(DB_S(str_of(names))));
}

static void wait_for_sleepers(int64_t want)
{
	for (int i = 0; sleepers() != want; i++) {
		assert_true(i < PATIENCE_MS / PAUSE_MS);
		pg_pause(PAUSE_MS);
	}
}

static size_t entries(const char *path)
{
	size_t n = 0;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *f = readdir(dir); f != NULL; f = readdir(dir))
		n += f->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void test_runners_sessions_wait_on_one_thread(void **state)
{
	struct daemon *d = *state;
	size_t before = entries("/proc/self/task");
	int64_t plan = roll_out_fleet(d, "create table a (n int); select pg_sleep(2);");
	start(d);
	/* All of them at once, each within its transaction. */
	wait_for_sleepers(FLEET);
	/* The clerk's, the fibers' and the helpers'; a sanitizer may have one of its own. */
	assert_true(entries("/proc/self/task") <= before + 5);
	wait_for_tasks(d, plan, "DONE", FLEET);
	assert_int_equal(sleepers(), 0);
}

static void test_runners_stop_takes_sessions_back(void **state)
{
	struct daemon *d = *state;
	int64_t plan = roll_out_fleet(d, "create table b (n int); select pg_sleep(600);");
	start(d);
	wait_for_sleepers(FLEET);
	runners_stop(d->runners, 100);
	d->runners = NULL;
	assert_int_equal(tasks_in(d, plan, "PENDING"), FLEET);
	wait_for_sleepers(0);
}

static struct str make_file(struct daemon *d, int number)
{
	AUTO(db) struct db *db = NULL;
	const char *url = arena_printf(&d->arena, "sqlite:%s/l%d.db", d->dir, number);
	const struct db_options options = { .url = str_of(url), .create = 1 };
	struct err e;
	check_ok(db_open(&db, &options, &e), &e);
	return str_of(arena_printf(&d->arena, "instances/lite/databases/l%d", number));
}

static void test_runners_computing_database_holds_nobody_up(void **state)
{
	struct daemon *d = *state;
	static const char endless[] =
	    "create table c as with recursive r(n) as (select 1 union all"
	    " select n + 1 from r where n < 100000000000) select count(*) as n from r;";
	struct str files[8];
	for (int i = 0; i < 8; i++)
		files[i] = make_file(d, i);
	int64_t slow = roll_out(d, endless, files, 8);
	size_t before = entries("/proc/self/task");
	start(d);
	/* As many as have a thread. */
	wait_for_tasks(d, slow, "RUNNING", 4);
	int64_t quick = roll_out_fleet(d, "create table d (n int);");
	bell_ring(&d->tasks);
	wait_for_tasks(d, quick, "DONE", FLEET);
	assert_int_equal(tasks_in(d, slow, "RUNNING"), 4);
	assert_true(entries("/proc/self/task") <= before + 9);
	runners_stop(d->runners, 0);
	d->runners = NULL;
	assert_int_equal(tasks_in(d, slow, "PENDING"), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runners_sessions_wait_on_one_thread, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_runners_stop_takes_sessions_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_runners_computing_database_holds_nobody_up,
						setup, teardown),
	};
	if (pg_start(&pg) != 0)
		return 77;
	for (int i = 0; i < FLEET; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "fleet_%d_%d", (int)getpid(), i);
		if (pg_database(&pg, name) != 0)
			return 1;
	}
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	pg_stop(&pg);
	return rc;
}
