/* SPDX-License-Identifier: Apache-2.0 */
/* The process that does the daemon's work for a push when there is no daemon. */

#include "hooks/detach.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/num.h"
#include "receiver/handin.h"
#include "receiver/server.h"
#include "release/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

enum {
	ARENA_MAX = 4 * 1024 * 1024,
	FILES_MAX = 65536,              /* of those that git may have left open */
	WANTED_MAX_MS = 10 * 60 * 1000, /* for who has the store to take the delivery up */
	REPORT_MAX = 1024,
};

/* What the child works on. */
struct work {
	struct conf *conf;
	struct str repository;
	struct str body;
	struct log log;
	int64_t delivery;
	int64_t until_ms;
};

/* ---- the child ---- */

/* "GIT_DIR=..." and all the others: git in another repository must not see them. */
static void drop_git_environment(void)
{
	for (char **p = environ; p != NULL && *p != NULL;) {
		char name[256];
		size_t n = strcspn(*p, "=");
		if (strncmp(*p, "GIT_", 4) != 0 || n >= sizeof name || (*p)[n] != '=') {
			p++;
			continue;
		}
		memcpy(name, *p, n);
		name[n] = '\0';
		/* It shortens the list at this place. */
		if (unsetenv(name) != 0)
			p++;
	}
}

/* git waits for the end of our output: nothing of it may stay open here. */
static void leave_git(const struct conf *conf, int keep)
{
	AUTO(buf) struct buf path;
	struct rlimit limit = { .rlim_cur = FILES_MAX };
	buf_init(&path, 4096);
	buf_addf(&path, "%.*s/hook.log", STR_ARG(conf->state_dir));
	(void)setsid();
	(void)!chdir("/"); /* where it stands matters to unmounting only */
	int null = open("/dev/null", O_RDWR);
	int out = buf_check(&path, NULL) == 0
		      ? open(path.p, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600)
		      : -1;
	(void)dup2(null, 0);
	(void)dup2(out >= 0 ? out : null, 1);
	(void)dup2(out >= 0 ? out : null, 2);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	int last = limit.rlim_cur < FILES_MAX ? (int)limit.rlim_cur : FILES_MAX;
	for (int fd = 3; fd < last; fd++) {
		if (fd != keep)
			(void)close(fd);
	}
	drop_git_environment();
}

static int write_delivery(struct work *w, struct err *e)
{
	static const struct header headers[] = {
		{ { "Content-Type", 12 }, { "application/json", 16 } },
	};
	const struct request request = { headers, 1, w->body };
	const struct store_options options = { .create = 1, .durable = 1 };
	const struct conf_repository *repository = handin_repository(w->conf, w->repository);
	AUTO(arena) struct arena arena;
	AUTO(digest) struct digest *d = digest_new();
	AUTO(db) struct db *store = NULL;
	AUTO(handin) struct handin handin = { .id = "" };
	arena_init(&arena, ARENA_MAX);
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (handin_prepare(&handin, repository, STR("hook"), HANDIN_BODY_MAX, &request, d, NULL,
			   &arena, e) != 0 ||
	    store_open(&store, w->conf, &options, e) != 0 || delivery_schema(store, e) != 0)
		return -1;
	return handin_write(&w->delivery, NULL, store, &handin, e);
}

/* To the parent, which may be gone. */
static void report(int fd, const char *word, const char *text)
{
	char line[REPORT_MAX];
	int n = snprintf(line, sizeof line, "%s %s\n", word, text);
	if (n > 0 && (size_t)n < sizeof line)
		(void)!write(fd, line, (size_t)n);
}

/* For server_drain, while another process has the store: until that one takes the delivery up. */
static int is_wanted(void *context)
{
	const struct work *w = context;
	const struct store_options options = { .create = 0 };
	AUTO(arena) struct arena arena;
	AUTO(db) struct db *store = NULL;
	struct delivery d;
	struct err e;
	arena_init(&arena, ARENA_MAX);
	if (clock_mono_ms() > w->until_ms)
		return 0;
	/* A store that cannot be read now may be read next time. */
	if (store_open(&store, w->conf, &options, &e) != 0 ||
	    delivery_get(&d, store, w->delivery, &arena, &e) != 0)
		return 1;
	return d.state == DELIVERY_QUEUED;
}

static void carry_out(struct work *w)
{
	struct err e = { .code = ERR_NONE };
	const struct server_options options = {
		.conf_path = "", .log = &w->log, .wanted = is_wanted, .context = w
	};
	w->until_ms = clock_mono_ms() + WANTED_MAX_MS;
	log_line(&w->log, LOG_INFO, "no daemon: the hook works by itself",
		 LOG_INT("delivery", w->delivery), LOG_STR("endpoint", w->repository),
		 LOG_INT("pid", getpid()));
	/* It takes the configuration, which is_wanted reads as long as the drain has it. */
	int rc = server_drain(w->conf, &options, &e);
	if (rc == 0)
		log_line(&w->log, LOG_INFO, "the hook has nothing more to do",
			 LOG_INT("pid", getpid()));
	else if (e.code != ERR_EXISTS)
		log_line(&w->log, LOG_ERROR, "the hook could not work by itself",
			 LOG_TEXT("error", e.msg));
}

static void child_main(struct work *w, int fd)
{
	struct err e = { .code = ERR_NONE };
	char id[24];
	leave_git(w->conf, fd);
	if (write_delivery(w, &e) != 0) {
		/* The pusher may have left by now. */
		log_line(&w->log, LOG_ERROR, "a push could not be written down",
			 LOG_TEXT("error", e.msg));
		report(fd, "error", e.msg);
		return;
	}
	int able = conf_load_secrets(w->conf, &e) == 0;
	if (!able)
		report(fd, "kept", e.msg);
	(void)snprintf(id, sizeof id, "%lld", (long long)w->delivery);
	report(fd, "delivery", id);
	(void)close(fd);
	/* Workers of a shared store are elsewhere. */
	if (able && !str_starts(w->conf->store, STR("postgres")))
		carry_out(w);
}

/* ---- the parent ---- */

static int read_report(struct buf *out, int fd, int64_t until_ms, struct err *e)
{
	for (;;) {
		char part[REPORT_MAX];
		int64_t left = until_ms - clock_mono_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0)
			return err_set(e, ERR_UNAVAILABLE,
				       "the store did not take the push in time");
		if (poll(&p, 1, left < 1000 ? (int)left : 1000) <= 0)
			continue;
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return buf_check(out, e);
		buf_add(out, (struct str){ part, (size_t)got });
	}
}

static int take_report(struct detach *out, struct str text, struct err *e)
{
	struct str line;
	struct detach d = { .delivery = 0 };
	while (str_split(&line, &text, '\n')) {
		struct str rest = str_from(line, str_find(line, ' ') + 1);
		if (str_starts(line, STR("error ")))
			return err_set(e, ERR_SYS, "%.*s", STR_ARG(rest));
		if (str_starts(line, STR("kept ")))
			(void)snprintf(d.kept_only, sizeof d.kept_only, "%.*s", STR_ARG(rest));
		else if (str_starts(line, STR("delivery ")) &&
			 num_parse_i64(&d.delivery, rest, 1, INT64_MAX) != 0)
			break;
	}
	if (d.delivery == 0)
		return err_set(e, ERR_SYS, "the process that writes the push down has died");
	*out = d;
	return 0;
}

int detach_push(struct detach *out, const struct conf *conf, struct str repository, struct str body,
		int64_t until_ms, enum log_level level, struct err *e)
{
	AUTO(buf) struct buf text;
	int pipes[2] = { -1, -1 };
	buf_init(&text, (size_t)4 * REPORT_MAX);
	if (pipe(pipes) != 0)
		return err_sys(e, errno, "cannot make a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		/* The child's memory is its own: what it takes, its parent keeps. */
		struct work w = { .conf = (struct conf *)(uintptr_t)conf,
				  .repository = repository,
				  .body = body,
				  .log = { STDERR_FILENO, level } };
		child_main(&w, pipes[1]);
		_exit(0);
	}
	int why = errno;
	AUTO(close) int in = pipes[0];
	(void)close(pipes[1]);
	if (pid < 0)
		return err_sys(e, why, "cannot start a process");
	if (read_report(&text, in, until_ms, e) != 0)
		return -1;
	return take_report(out, buf_str(&text), e);
}
