/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runners over a store that lives as long as one command. What is rolled out, and who is told
 * of it, is the command's.
 */

#include "receiver/engine.h"

#include "base/mem.h"
#include "receiver/gate.h"
#include "receiver/live.h"
#include "receiver/runners.h"
#include "release/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096, WATCH_MS = 100, EXIT_SIGNAL = 130 };

struct engine {
	struct live live;
	struct live_conf *held;
	struct gate gate;
	struct bell tasks;
	const struct log *log;
	sigset_t signals;
	sigset_t before; /* the mask that is put back in the end */
	char *directory; /* NULL: not made */
	struct db *store;
	struct runners *runners;
	pthread_t stopper;
	int stopping;
	atomic_int stopped;
	/* the thread of engine_watch */
	pthread_t watcher;
	int watching;
	atomic_int closing;
	atomic_int interrupted;
	pthread_mutex_t lock; /* guards session */
	struct db *session;
};

/* ---- the store ---- */

static int make_directory(struct engine *en, struct str parent, struct err *e)
{
	AUTO(buf) struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	buf_addf(&path, "%.*s/tidegate-XXXXXX", STR_ARG(parent));
	if (buf_check(&path, e) != 0)
		return -1;
	if (mkdtemp(path.p) == NULL)
		return err_sys(e, errno,
			       "cannot make a directory in '%.*s' (set TMPDIR to another)",
			       STR_ARG(parent));
	en->directory = buf_take(&path);
	return en->directory != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* The names are those of the store and of what SQLite puts beside it. */
static void remove_files(const struct engine *en)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm",
					     "store.db-journal" };
	char path[PATH_MAX_BYTES + 32];
	if (en->directory == NULL)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", en->directory, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(en->directory);
}

static int open_store(struct engine *en, struct conf *conf, struct err *e)
{
	const struct store_options options = {
		.create = 1, .enter = gate_enter, .leave = gate_leave, .gate = &en->gate
	};
	conf->store = str_of(arena_printf(&conf->arena, "%s/store.db", en->directory));
	conf->state_dir = arena_str(&conf->arena, str_of(en->directory));
	if (conf->store.p == NULL || conf->state_dir.p == NULL)
		return arena_err(&conf->arena, e);
	return store_open(&en->store, conf, &options, e);
}

/* ---- its life ---- */

static void block_signals(struct engine *en)
{
	(void)sigemptyset(&en->signals);
	(void)sigaddset(&en->signals, SIGINT);
	(void)sigaddset(&en->signals, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &en->signals, &en->before);
}

/* The locks; when one cannot be made, those before it are taken down again. */
static int init(struct engine *en, struct conf *conf, struct err *e)
{
	if (live_init(&en->live, conf) != 0) {
		conf_free(conf);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (gate_init(&en->gate) != 0) {
		live_destroy(&en->live);
		return err_set(e, ERR_SYS, "cannot make the locks");
	}
	if (bell_init(&en->tasks) != 0) {
		gate_destroy(&en->gate);
		live_destroy(&en->live);
		return err_set(e, ERR_SYS, "cannot make the locks");
	}
	if (pthread_mutex_init(&en->lock, NULL) != 0) {
		bell_destroy(&en->tasks);
		gate_destroy(&en->gate);
		live_destroy(&en->live);
		return err_set(e, ERR_SYS, "cannot make the locks");
	}
	en->held = live_hold(&en->live);
	block_signals(en);
	return 0;
}

int engine_open(struct engine **out, const struct engine_options *options, struct err *e)
{
	struct engine *en = mem_array(1, sizeof *en);
	if (en == NULL) {
		conf_free(options->conf);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	en->log = options->log;
	if (init(en, options->conf, e) != 0) {
		mem_free(en);
		return -1;
	}
	if (make_directory(en, options->directory, e) != 0 ||
	    open_store(en, options->conf, e) != 0) {
		engine_close(en);
		return -1;
	}
	*out = en;
	return 0;
}

struct db *engine_store(const struct engine *en)
{
	return en->store;
}

const struct conf *engine_conf(const struct engine *en)
{
	return live_conf(en->held);
}

int engine_start(struct engine *en, struct err *e)
{
	const struct runners_options options = {
		.live = &en->live, .log = en->log, .gate = &en->gate, .tasks = &en->tasks
	};
	return runners_start(&en->runners, &options, e);
}

void engine_wake(struct engine *en)
{
	bell_ring(&en->tasks);
}

int engine_signal(const struct engine *en, int64_t timeout_ms)
{
	const struct timespec wait = { .tv_sec = (time_t)(timeout_ms / 1000),
				       .tv_nsec = (long)(timeout_ms % 1000) * 1000000L };
	const int got = sigtimedwait(&en->signals, NULL, &wait);
	return got > 0 ? got : 0;
}

static void *stopper_main(void *arg)
{
	struct engine *en = arg;
	runners_stop(TAKE(en->runners), 0);
	atomic_store(&en->stopped, 1);
	return NULL;
}

int engine_stop(struct engine *en, struct err *e)
{
	if (en->stopping)
		return 0;
	const int rc = pthread_create(&en->stopper, NULL, stopper_main, en);
	if (rc != 0)
		return err_sys(e, rc, "cannot start the thread that stops the runners");
	en->stopping = 1;
	return 0;
}

int engine_is_stopped(struct engine *en)
{
	return atomic_load(&en->stopped);
}

/* ---- work in the caller's thread ---- */

static void cancel_session(struct engine *en)
{
	(void)pthread_mutex_lock(&en->lock);
	if (en->session != NULL)
		db_cancel(en->session);
	(void)pthread_mutex_unlock(&en->lock);
}

static void *watcher_main(void *arg)
{
	struct engine *en = arg;
	while (!atomic_load(&en->closing)) {
		if (engine_signal(en, WATCH_MS) != 0 && atomic_exchange(&en->interrupted, 1)) {
			remove_files(en);
			_exit(EXIT_SIGNAL);
		}
		/* Again and again: between two calls a cancel is not heard. */
		if (atomic_load(&en->interrupted))
			cancel_session(en);
	}
	return NULL;
}

int engine_watch(struct engine *en, struct err *e)
{
	const int rc = pthread_create(&en->watcher, NULL, watcher_main, en);
	if (rc != 0)
		return err_sys(e, rc, "cannot start the thread that takes signals");
	en->watching = 1;
	return 0;
}

void engine_session(void *context, struct db *session)
{
	struct engine *en = context;
	(void)pthread_mutex_lock(&en->lock);
	en->session = session;
	(void)pthread_mutex_unlock(&en->lock);
}

int engine_interrupted(void *context)
{
	struct engine *en = context;
	return atomic_load(&en->interrupted);
}

void engine_abandon(const struct engine *en)
{
	remove_files(en);
}

void engine_close(struct engine *en)
{
	if (en == NULL)
		return;
	atomic_store(&en->closing, 1);
	if (en->watching)
		(void)pthread_join(en->watcher, NULL);
	if (en->stopping)
		(void)pthread_join(en->stopper, NULL);
	else
		runners_stop(TAKE(en->runners), 0);
	db_close(en->store);
	remove_files(en);
	mem_free(en->directory);
	(void)pthread_sigmask(SIG_SETMASK, &en->before, NULL);
	live_drop(&en->live, en->held);
	(void)pthread_mutex_destroy(&en->lock);
	bell_destroy(&en->tasks);
	gate_destroy(&en->gate);
	live_destroy(&en->live);
	mem_free(en);
}
