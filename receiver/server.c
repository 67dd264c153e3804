/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's life: what is opened in which order, what an earlier process left, signals, and the
 * way down. What the parts do is theirs.
 */

#include "receiver/server.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "receiver/delivery.h"
#include "receiver/gate.h"
#include "receiver/inbox.h"
#include "receiver/listener.h"
#include "receiver/live.h"
#include "receiver/local.h"
#include "receiver/provider_api.h"
#include "receiver/runners.h"
#include "receiver/setup.h"
#include "receiver/store_lock.h"
#include "receiver/webhook.h"
#include "receiver/worker.h"
#include "release/rollout.h"
#include "release/store.h"
#include "release/task.h"
#include "vcs/repo.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	INBOX_WAITING_MAX = 4096, /* deliveries on their way to the disk */
	DRAIN_LOOK_MS = 100,
	DRAIN_LOCK_MS = 200,
	DRAIN_SOON_MS = 60 * 1000, /* what is due later is left to the next process */
};

struct server {
	struct server_options options;
	struct live live;
	struct gate gate;
	struct bell deliveries;
	struct bell tasks;
	struct inbox *inbox;
	struct webhook webhook;
	struct route routes[1];
	struct listener *listener;
	struct local local;
	struct local_socket hook_socket;
	struct route hook_routes[LOCAL_ROUTES];
	struct listener *hooks; /* the git hooks' way in; NULL: none */
	struct workers *workers;
	struct runners *runners;
};

/* The directory of the mirrors; the store's own must exist. */
static int make_directories(const struct conf *conf, struct err *e)
{
	AUTO(buf) struct buf path;
	buf_init(&path, 4096);
	buf_addf(&path, "%.*s/mirrors", STR_ARG(conf->state_dir));
	if (buf_check(&path, e) != 0)
		return -1;
	if (mkdir(path.p, 0700) != 0 && errno != EEXIST)
		return err_sys(e, errno,
			       "cannot make '%s' (state_dir must exist and belong to this user)",
			       path.p);
	return 0;
}

static int open_session(struct db **out, struct server *s, const struct conf *conf, int create,
			struct err *e)
{
	struct store_options options = { .create = create,
					 .durable = 1,
					 .enter = gate_enter,
					 .leave = gate_leave,
					 .gate = &s->gate };
	return store_open(out, conf, &options, e);
}

/* Put back what a process that is gone was working on; the ledgers say what it had done. */
static int take_up(struct server *s, const struct conf *conf, int alone, struct err *e)
{
	AUTO(db) struct db *store = NULL;
	size_t deliveries = 0, tasks = 0, opened = 0;
	if (open_session(&store, s, conf, 1, e) != 0 || delivery_schema(store, e) != 0)
		return -1;
	int64_t now = clock_unix_ms();
	int64_t dead_before = alone ? INT64_MAX : now;
	if (delivery_take_back(&deliveries, store, dead_before, e) != 0 ||
	    task_take_back(&tasks, store, dead_before, e) != 0 ||
	    rollout_advance_all(&opened, store, conf, now, e) != 0)
		return err_wrap(e, "cannot take up what was left");
	if (deliveries + tasks + opened > 0)
		log_line(s->options.log, LOG_INFO, "taken up what was left",
			 LOG_INT("deliveries", deliveries), LOG_INT("tasks", tasks),
			 LOG_INT("opened", opened));
	return 0;
}

static int start_inbox(struct server *s, const struct conf *conf, struct err *e)
{
	AUTO(db) struct db *store = NULL;
	AUTO(db) struct db *checkpoint = NULL;
	if (open_session(&store, s, conf, 0, e) != 0 ||
	    open_session(&checkpoint, s, conf, 0, e) != 0)
		return -1;
	struct inbox_options options = { .store = store,
					 .checkpoint = checkpoint,
					 .work = &s->deliveries,
					 .max_waiting = INBOX_WAITING_MAX };
	if (inbox_start(&s->inbox, &options, e) != 0)
		return -1;
	/* They are the inbox's now. */
	store = NULL;
	checkpoint = NULL;
	return 0;
}

static int start_listener(struct server *s, struct err *e)
{
	s->webhook = (struct webhook){ .inbox = s->inbox, .log = s->options.log };
	s->routes[0] = webhook_route(&s->webhook);
	struct listener_options options = { .live = &s->live,
					    .log = s->options.log,
					    .routes = s->routes,
					    .n_routes = sizeof s->routes / sizeof s->routes[0],
					    .socket = -1 };
	return listener_start(&s->listener, &options, e);
}

static int has_git_repository(const struct conf *conf)
{
	const struct conf_repository *repositories = conf->repositories.items;
	for (size_t i = 0; i < conf->repositories.n; i++) {
		if (str_eq_cstr(repositories[i].provider, provider_git.name))
			return 1;
	}
	return 0;
}

/* Without a git server to wait for, a socket that cannot be made is no reason not to start. */
static int start_hooks(struct server *s, const struct conf *conf, struct err *e)
{
	struct err why = { 0 };
	s->local = (struct local){ .inbox = s->inbox, .log = s->options.log };
	local_routes(s->hook_routes, &s->local);
	if (local_listen(&s->hook_socket, conf->hook_socket, &why) != 0) {
		if (has_git_repository(conf)) {
			*e = why;
			return -1;
		}
		log_line(s->options.log, LOG_INFO, "no socket for git hooks",
			 LOG_TEXT("reason", why.msg));
		return 0;
	}
	struct listener_options options = { .live = &s->live,
					    .log = s->options.log,
					    .routes = s->hook_routes,
					    .n_routes = LOCAL_ROUTES,
					    .socket = s->hook_socket.fd };
	if (listener_start(&s->hooks, &options, e) != 0)
		return -1;
	local_give(&s->hook_socket);
	return 0;
}

/* What carries deliveries on, without a way for new ones to come in. */
static int start_work(struct server *s, const struct conf *conf, int alone, struct err *e)
{
	struct workers_options workers = { .live = &s->live,
					   .log = s->options.log,
					   .gate = &s->gate,
					   .deliveries = &s->deliveries,
					   .tasks = &s->tasks };
	struct runners_options runners = {
		.live = &s->live, .log = s->options.log, .gate = &s->gate, .tasks = &s->tasks
	};
	if (make_directories(conf, e) != 0 || take_up(s, conf, alone, e) != 0 ||
	    runners_start(&s->runners, &runners, e) != 0 ||
	    workers_start(&s->workers, &workers, e) != 0)
		return -1;
	return 0;
}

static int start_parts(struct server *s, const struct conf *conf, int alone, struct err *e)
{
	if (start_work(s, conf, alone, e) != 0 || start_inbox(s, conf, e) != 0)
		return -1;
	/* Last: who is answered is also served. */
	return start_hooks(s, conf, e) == 0 ? start_listener(s, e) : -1;
}

/* From the outside inwards: nothing new comes in, then what is under way ends. */
static void stop_parts(struct server *s, int64_t timeout_ms)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	listener_stop(TAKE(s->listener), timeout_ms);
	int64_t left = deadline - clock_mono_ms();
	/* No file any more: who comes now does the work itself. */
	local_close(&s->hook_socket);
	listener_stop(TAKE(s->hooks), left > 0 ? left : 0);
	workers_stop(TAKE(s->workers));
	left = deadline - clock_mono_ms();
	runners_stop(TAKE(s->runners), left > 0 ? left : 0);
	inbox_stop(TAKE(s->inbox));
}

/* Settings that a running daemon cannot change. */
static void warn_of_restart(const struct server *s, const struct conf *old, const struct conf *new)
{
	if (str_eq(old->listen, new->listen) && str_eq(old->store, new->store) &&
	    str_eq(old->state_dir, new->state_dir) && old->workers == new->workers &&
	    old->listener_threads ==
		new->listener_threads &&str_eq(old->hook_socket, new->hook_socket))
		return;
	log_line(s->options.log, LOG_WARN,
		 "listen, store, state_dir, workers, listener_threads or hook_socket changed: "
		 "restart to use them",
		 LOG_TEXT("file", s->options.conf_path));
}

/* A bad file leaves the old configuration in force. */
static void reload(struct server *s)
{
	AUTO(conf) struct conf *conf = NULL;
	struct err e = { 0 };
	if (conf_load(&conf, s->options.conf_path, &e) != 0 || setup_check(conf, &e) != 0 ||
	    conf_load_secrets(conf, &e) != 0) {
		log_line(s->options.log, LOG_ERROR,
			 "the configuration was not reloaded; the old one stays in force",
			 LOG_TEXT("error", e.msg));
		return;
	}
	struct live_conf *held = live_hold(&s->live);
	warn_of_restart(s, live_conf(held), conf);
	live_drop(&s->live, held);
	if (live_replace(&s->live, conf) != 0) {
		log_line(s->options.log, LOG_ERROR, "out of memory: the old configuration stays");
		return;
	}
	conf = NULL; /* it is the server's now */
	log_line(s->options.log, LOG_INFO, "configuration reloaded",
		 LOG_TEXT("file", s->options.conf_path));
	/* What waited for a setting may go on. */
	bell_ring(&s->deliveries);
	bell_ring(&s->tasks);
}

/* Until SIGTERM or SIGINT. */
static void wait_for_signals(struct server *s, const sigset_t *signals)
{
	for (;;) {
		int got = 0;
		if (sigwait(signals, &got) != 0)
			continue;
		if (got != SIGHUP) {
			log_line(s->options.log, LOG_INFO, "stopping",
				 LOG_TEXT("signal", got == SIGTERM ? "SIGTERM" : "SIGINT"));
			return;
		}
		reload(s);
	}
}

static int run(struct server *s, const struct conf *conf, const sigset_t *signals, struct err *e)
{
	AUTO(close) int lock = -1;
	if (store_lock(&lock, conf, e) != 0)
		return -1;
	int64_t drain_ms = conf->drain_timeout_ms;
	int rc = start_parts(s, conf, lock >= 0, e);
	if (rc == 0) {
		if (s->options.ready != NULL)
			s->options.ready(s->options.context, listener_port(s->listener));
		wait_for_signals(s, signals);
	}
	stop_parts(s, rc == 0 ? drain_ms : 0);
	return rc;
}

/* Signals are taken by sigwait in this thread alone; the threads it starts inherit the mask. */
static void block_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* ---- without a daemon ---- */

/* Whether nothing is under way, and nothing will be soon. */
static int is_idle(struct db *store, struct err *e)
{
	static const char sql[] = "select (select count(*) from delivery where state = 'processing'"
				  " or (state = 'queued' and not_before < $1))"
				  " + (select count(*) from task where status = 'RUNNING'"
				  " or (status = 'PENDING' and not_before < $2))";
	int64_t soon = clock_unix_ms() + DRAIN_SOON_MS;
	int64_t n = 0;
	if (store_int(&n, store, sql, DB_ARGS(DB_I(soon), DB_I(soon)), e) < 0)
		return -1;
	return n == 0;
}

static int has_signal(const sigset_t *signals, int64_t ms)
{
	const struct timespec wait = { .tv_nsec = (long)ms * 1000000L };
	siginfo_t info;
	int got = sigtimedwait(signals, &info, &wait);
	return got == SIGTERM || got == SIGINT;
}

/* One round: 1 when nothing is left, 0 when a signal ended it or more came meanwhile, -1. */
static int drain_round(int *stopped, struct server *s, const struct conf *conf,
		       const sigset_t *signals, struct err *e)
{
	AUTO(db) struct db *store = NULL;
	int idle = 0;
	int rc = start_work(s, conf, 1, e);
	if (rc == 0)
		rc = open_session(&store, s, conf, 0, e);
	while (rc == 0 && idle == 0 && !*stopped) {
		*stopped = has_signal(signals, DRAIN_LOOK_MS);
		idle = is_idle(store, e);
	}
	stop_parts(s, rc == 0 ? conf->drain_timeout_ms : 0);
	if (rc != 0 || idle < 0)
		return -1;
	/* A task that ended may have opened a stage after the look: exact only now. */
	return is_idle(store, e);
}

static int drain(struct server *s, const struct conf *conf, const sigset_t *signals, struct err *e)
{
	AUTO(close) int lock = -1;
	int stopped = 0, rc;
	while (store_lock(&lock, conf, e) != 0) {
		if (e->code != ERR_EXISTS || s->options.wanted == NULL ||
		    !s->options.wanted(s->options.context))
			return -1;
		if (has_signal(signals, DRAIN_LOCK_MS))
			return 0;
	}
	do {
		rc = drain_round(&stopped, s, conf, signals, e);
	} while (rc == 0 && !stopped);
	return rc < 0 ? -1 : 0;
}

/* ---- the whole ---- */

typedef int (*run_fn)(struct server *s, const struct conf *conf, const sigset_t *signals,
		      struct err *e);

static int start_libraries(struct err *e)
{
	if (provider_api_library_init(e) != 0)
		return -1;
	if (repo_library_init(e) == 0)
		return 0;
	provider_api_library_shutdown();
	return -1;
}

static int run_with(struct conf *conf, const struct server_options *options, run_fn work,
		    struct err *e)
{
	struct server s = { .options = *options, .hook_socket = { .fd = -1 } };
	sigset_t signals;
	block_signals(&signals);
	(void)umask(077);
	if (live_init(&s.live, conf) != 0) {
		conf_free(conf);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (gate_init(&s.gate) != 0 || bell_init(&s.deliveries) != 0 || bell_init(&s.tasks) != 0) {
		live_destroy(&s.live);
		return err_set(e, ERR_SYS, "cannot make the locks");
	}
	int rc = setup_check(conf, e);
	if (rc == 0)
		rc = start_libraries(e);
	if (rc == 0) {
		struct live_conf *held = live_hold(&s.live);
		rc = work(&s, live_conf(held), &signals, e);
		live_drop(&s.live, held);
		repo_library_shutdown();
		provider_api_library_shutdown();
	}
	bell_destroy(&s.tasks);
	bell_destroy(&s.deliveries);
	gate_destroy(&s.gate);
	live_destroy(&s.live);
	return rc;
}

int server_run(struct conf *conf, const struct server_options *options, struct err *e)
{
	return run_with(conf, options, run, e);
}

int server_drain(struct conf *conf, const struct server_options *options, struct err *e)
{
	return run_with(conf, options, drain, e);
}
