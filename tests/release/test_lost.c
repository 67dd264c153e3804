/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner when its connection to PostgreSQL breaks: killed in a script, killed in COMMIT, and
 * behind a proxy that cuts the line before or after COMMIT reached the server while the old backend
 * lives on. Every migration exactly once. Locks, timeouts and db_cancel too.
 */

#include "tests/release/target.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>

#define LOG_TABLE "m/1_init.sql=create table ran (v text);insert into ran values ('1');"
#define RAN(v) "m/" v "_x.sql=insert into ran values ('" v "');"

/* ---- a proxy that cuts ---- */

enum cut {
	CUT_NEVER,
	CUT_BEFORE_COMMIT, /* the server never sees it, its session stays open for a while */
	CUT_AFTER_COMMIT,  /* the server commits, its answer is lost */
};

enum { LINKS_MAX = 32 };

struct proxy {
	int listener;
	int port;
	int server_port;
	enum cut cut;
	atomic_int cuts_left;
	int linger_ms; /* how long the server's side stays open after the cut */
	atomic_int connections;
	int cut_at; /* the connection's commits that pass first */
	atomic_int stop;
	pthread_t thread;
	pthread_t links[LINKS_MAX];
};

static int dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int has_commit(const char *data, size_t n)
{
	static const char word[] = "commit";
	for (size_t i = 0; i + sizeof word <= n; i++) {
		if (memcmp(data + i, word, sizeof word) == 0)
			return 1;
	}
	return 0;
}

static void send_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		data += sent;
		n -= (size_t)sent;
	}
}

/* One direction of one connection, once. 0: it ended. 2: it is to be cut. */
static int pass(struct proxy *p, int from, int to, int from_client, int *commits)
{
	char data[65536];
	ssize_t n = recv(from, data, sizeof data, 0);
	if (n <= 0)
		return 0;
	if (from_client && has_commit(data, (size_t)n) && p->cuts_left > 0 &&
	    (*commits)++ >= p->cut_at) {
		p->cuts_left--;
		if (p->cut == CUT_AFTER_COMMIT)
			send_all(to, data, (size_t)n);
		return 2;
	}
	send_all(to, data, (size_t)n);
	return 1;
}

struct link {
	struct proxy *proxy;
	int client;
};

static void *link_body(void *argument)
{
	struct link *l = argument;
	struct proxy *p = l->proxy;
	int server = dial(p->server_port);
	int commits = 0;
	int rc = server >= 0;
	while (rc == 1 && !p->stop) {
		struct pollfd fds[] = { { l->client, POLLIN, 0 }, { server, POLLIN, 0 } };
		if (poll(fds, 2, 50) <= 0)
			continue;
		if (fds[0].revents != 0)
			rc = pass(p, l->client, server, 1, &commits);
		if (rc == 1 && fds[1].revents != 0)
			rc = pass(p, server, l->client, 0, &commits);
	}
	(void)close(l->client);
	/* Our client is gone, and the server does not know it yet. */
	if (rc == 2)
		pg_pause(p->linger_ms);
	(void)close(server);
	free(l);
	return NULL;
}

static void *proxy_body(void *argument)
{
	struct proxy *p = argument;
	while (!p->stop) {
		struct pollfd fd = { p->listener, POLLIN, 0 };
		if (poll(&fd, 1, 50) <= 0)
			continue;
		struct link *l = calloc(1, sizeof *l);
		int n = p->connections;
		*l = (struct link){ p, accept(p->listener, NULL, NULL) };
		if (n == LINKS_MAX || pthread_create(&p->links[n], NULL, link_body, l) != 0)
			abort();
		p->connections = n + 1;
	}
	for (int i = 0; i < p->connections; i++)
		(void)pthread_join(p->links[i], NULL);
	return NULL;
}

static void proxy_start(struct proxy *p, const struct pg *pg, enum cut cut, int cuts, int at)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	const char *port = strrchr(pg->url, ':') + 1;
	*p = (struct proxy){ .cut = cut, .cuts_left = cuts, .linger_ms = 400, .cut_at = at };
	p->server_port = pg->port;
	for (const char *c = port; p->server_port == 0 && *c >= '0' && *c <= '9'; c++)
		p->port = p->port * 10 + (*c - '0');
	if (p->server_port == 0)
		p->server_port = p->port;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
	p->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, proxy_body, p), 0);
}

static void proxy_stop(struct proxy *p)
{
	p->stop = 1;
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
}

static const char *const five[] = { LOG_TABLE, RAN("2"), RAN("3"), RAN("4"), RAN("5"), NULL };

static void check_once(struct target *t, int64_t n)
{
	assert_int_equal(target_number(t, "select count(*) from ran"), n);
	assert_int_equal(target_number(t, "select count(distinct v) from ran"), n);
	assert_int_equal(target_ledger(t, NULL), n);
}

/* Cut at each of the five commits in turn; the ledger's own is the first. */
static void cut_everywhere(struct room *room, enum cut cut)
{
	for (int at = 0; at < 6; at++) {
		struct target t;
		struct proxy p;
		target_init(&t, room, five);
		proxy_start(&p, room->pg, cut, 1, at);
		(void)snprintf(t.url, sizeof t.url, "postgresql://postgres@127.0.0.1:%d", p.port);
		check_ok(target_run(&t), &t.e);
		assert_int_equal(t.result.applied, 5);
		assert_int_equal(t.result.present, 0);
		assert_int_equal(p.cuts_left, 0);
		assert_int_equal(t.logged_retries, 1);
		assert_int_equal(p.connections, 2);
		check_once(&t, 5);
		proxy_stop(&p);
		target_end(&t);
	}
}

static void test_lost_before_commit(void **state)
{
	cut_everywhere(*state, CUT_BEFORE_COMMIT);
}

static void test_lost_after_commit(void **state)
{
	cut_everywhere(*state, CUT_AFTER_COMMIT);
}

static void test_lost_too_often(void **state)
{
	struct room *room = *state;
	struct target t;
	struct proxy p;
	target_init(&t, room, five);
	proxy_start(&p, room->pg, CUT_BEFORE_COMMIT, 1000, 0);
	p.linger_ms = 0;
	(void)snprintf(t.url, sizeof t.url, "postgresql://postgres@127.0.0.1:%d", p.port);
	t.job.tries = 3;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_LOST);
	assert_int_equal(p.connections, 3);
	assert_int_equal(t.logged_retries, 2);
	proxy_stop(&p);
	target_end(&t);
}

/* ---- backends that are killed ---- */

struct killer {
	struct target *t;
	atomic_int kills;
	int wanted;
	const char *sql; /* gives a row for each backend that it ended */
	atomic_int stop;
	pthread_t thread;
};

static void *killer_body(void *argument)
{
	struct killer *k = argument;
	struct err e;
	struct db *db = pg_open(k->t->room->pg, "postgres", &e);
	while (db != NULL && !k->stop && k->kills < k->wanted) {
		struct db_rows *rows = NULL;
		if (db_query(&rows, db, k->sql, DB_ARGS(DB_S(str_of(k->t->database))), &e) == 0) {
			while (db_next(rows, &e) == 1)
				k->kills += db_int(rows, 0) != 0;
			db_rows_free(rows);
		}
		pg_pause(20);
	}
	db_close(db);
	return NULL;
}

static void killer_start(struct killer *k, struct target *t, const char *sql, int wanted)
{
	*k = (struct killer){ .t = t, .sql = sql, .wanted = wanted };
	assert_int_equal(pthread_create(&k->thread, NULL, killer_body, k), 0);
}

static void killer_stop(struct killer *k)
{
	k->stop = 1;
	(void)pthread_join(k->thread, NULL);
}

static void test_lost_in_script(void **state)
{
	struct room *room = *state;
	struct target t;
	struct killer k;
	static const char *const slow[] = {
		LOG_TABLE, "m/2_x.sql=insert into ran values ('2');\nselect pg_sleep(0.3);\n",
		RAN("3"), NULL
	};
	target_init(&t, room, slow);
	killer_start(&k, &t,
		     "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"
		     " and state = 'active' and wait_event = 'PgSleep'",
		     2);
	check_ok(target_run(&t), &t.e);
	killer_stop(&k);
	assert_int_equal(k.kills, 2);
	assert_int_equal(t.logged_retries, 2);
	assert_int_equal(t.result.applied, 3);
	check_once(&t, 3);
	target_end(&t);
}

static void test_lost_in_commit(void **state)
{
	struct room *room = *state;
	struct target t;
	struct killer k;
	/* A deferred trigger makes COMMIT itself slow. */
	static const char *const slow[] = {
		LOG_TABLE,
		"m/2_x.sql=create function nap() returns trigger language plpgsql as"
		" $$begin perform pg_sleep(0.3); return null; end$$;\n"
		"create table slow (a int);\n"
		"create constraint trigger nap after insert on slow deferrable initially deferred"
		" for each row execute function nap();\ninsert into ran values ('2');",
		"m/3_x.sql=insert into slow values (1); insert into ran values ('3');", NULL
	};
	target_init(&t, room, slow);
	killer_start(&k, &t,
		     "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"
		     " and query = 'commit' and wait_event = 'PgSleep'",
		     2);
	check_ok(target_run(&t), &t.e);
	killer_stop(&k);
	assert_int_equal(k.kills, 2);
	check_once(&t, 3);
	assert_int_equal(target_number(&t, "select count(*) from slow"), 1);
	target_end(&t);
}

/* ---- waiting ---- */

static void test_lost_lock_is_held(void **state)
{
	struct room *room = *state;
	struct target t;
	struct err e;
	target_init(&t, room, five);
	struct db *other = target_open(&t);
	check_ok(db_lock(other, 0, &e), &e);
	t.job.lock_wait_ms = 200;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	assert_int_equal(t.logged_retries, 0);
	db_close(other);
	t.job.lock_wait_ms = 10000;
	check_ok(target_run(&t), &t.e);
	target_end(&t);
}

static void test_lost_table_is_locked(void **state)
{
	struct room *room = *state;
	struct target t;
	struct err e;
	static const char *const one[] = { LOG_TABLE, NULL };
	target_init(&t, room, one);
	check_ok(target_run(&t), &t.e);
	struct db *other = target_open(&t);
	check_ok(db_begin(other, &e), &e);
	check_ok(db_exec(other, NULL, "lock table ran", DB_NO_ARGS, &e), &e);
	target_files(&t, five);
	t.job.target.lock_timeout_ms = 200;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	assert_ptr_equal(t.result.failed, &t.manifest.files[1]);
	assert_int_equal(t.result.place.statement, 1);
	db_rollback(other);
	db_close(other);
	check_ok(target_run(&t), &t.e);
	check_once(&t, 5);
	target_end(&t);
}

struct canceller {
	struct target *t;
	struct db *db;
	pthread_mutex_t mutex;
	pthread_t thread;
};

static void on_session(void *context, struct db *db)
{
	struct target *t = context;
	struct canceller *c = t->extra;
	(void)pthread_mutex_lock(&c->mutex);
	c->db = db;
	(void)pthread_mutex_unlock(&c->mutex);
}

static void *cancel_body(void *argument)
{
	struct canceller *c = argument;
	pg_pause(300);
	(void)pthread_mutex_lock(&c->mutex);
	if (c->db != NULL)
		db_cancel(c->db);
	(void)pthread_mutex_unlock(&c->mutex);
	return NULL;
}

static void test_lost_cancelled(void **state)
{
	struct room *room = *state;
	struct target t;
	static const char *const slow[] = { LOG_TABLE, "m/2_x.sql=select pg_sleep(20);", NULL };
	target_init(&t, room, slow);
	struct canceller c = { .t = &t };
	(void)pthread_mutex_init(&c.mutex, NULL);
	t.events.session = on_session;
	t.events.context = &t;
	t.extra = &c;
	assert_int_equal(pthread_create(&c.thread, NULL, cancel_body, &c), 0);
	int64_t start = clock_mono_ms();
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	assert_in_range(clock_mono_ms() - start, 200, 10000);
	assert_int_equal(t.result.applied, 1);
	(void)pthread_join(c.thread, NULL);
	assert_null(c.db);
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_lost_before_commit),   room_test(test_lost_after_commit),
		room_test(test_lost_too_often),       room_test(test_lost_in_script),
		room_test(test_lost_in_commit),       room_test(test_lost_lock_is_held),
		room_test(test_lost_table_is_locked), room_test(test_lost_cancelled),
	};
	if (pg_start(&room_pg) != 0)
		return 77;
	int failed = cmocka_run_group_tests_name("postgresql", tests, room_postgres, room_end);
	pg_stop(&room_pg);
	return failed;
}
