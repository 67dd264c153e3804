/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VCS_GIT_FIXTURE_H
#define TESTS_VCS_GIT_FIXTURE_H

#include "base/buf.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Real repositories for tests: a directory, shell scripts that drive the git command in it, and
 * git's own HTTP server. */

extern char **environ;

struct fixture {
	char dir[64];
};

static inline void fixture_make(struct fixture *f)
{
	memcpy(f->dir, "/tmp/tidegate-vcs-XXXXXX", sizeof "/tmp/tidegate-vcs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

/* Start `argv` with its standard input and output at the given descriptors (-1: as ours). */
static inline pid_t fixture_spawn(const char *const *argv, int in, int out)
{
	union {
		const char *const *from;
		char *const *to;
	} pun = { .from = argv };
	posix_spawn_file_actions_t files;
	pid_t pid;
	assert_int_equal(posix_spawn_file_actions_init(&files), 0);
	if (in >= 0)
		assert_int_equal(posix_spawn_file_actions_adddup2(&files, in, 0), 0);
	if (out >= 0)
		assert_int_equal(posix_spawn_file_actions_adddup2(&files, out, 1), 0);
	int rc = posix_spawnp(&pid, argv[0], &files, NULL, pun.to, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc != 0)
		fail_msg("cannot start %s: %s", argv[0], strerror(rc));
	return pid;
}

/* Everything that the descriptor gives, to its end. */
static inline void fixture_read(struct buf *out, int fd)
{
	char piece[4096];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_add(out, (struct str){ piece, (size_t)n });
	}
}

/*
 * Run a shell script in the fixture's directory, in which `git` knows an author and no
 * configuration of the host; its output without the last line end goes to `out` (NULL: dropped).
 */
static inline void fixture_sh(const struct fixture *f, char *out, size_t size, const char *script)
{
	AUTO(buf) struct buf text, all;
	int fds[2];
	buf_init(&text, 1 << 20);
	buf_init(&all, 1 << 20);
	buf_addf(&text,
		 "set -eu; cd '%s'; export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null "
		 "GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.test GIT_COMMITTER_NAME=A "
		 "GIT_COMMITTER_EMAIL=a@example.test GIT_TERMINAL_PROMPT=0; "
		 "export GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' "
		 "GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'\n%s",
		 f->dir, script);
	const char *const argv[] = { "/bin/sh", "-c", text.p, NULL };
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fixture_spawn(argv, -1, fds[1]);
	(void)close(fds[1]);
	fixture_read(&all, fds[0]);
	(void)close(fds[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("script failed: %s\n%s", script, all.p);
	while (all.n > 0 && all.p[all.n - 1] == '\n')
		all.p[--all.n] = '\0';
	if (out != NULL)
		(void)snprintf(out, size, "%s", all.p);
}

static inline void fixture_remove(const struct fixture *f)
{
	const char *const argv[] = { "rm", "-rf", "--", f->dir, NULL };
	int status;
	assert_int_equal(waitpid(fixture_spawn(argv, -1, -1), &status, 0) > 0, 1);
}

/* git http-backend over the fixture's directory. */
struct fixture_http {
	pid_t pid;
	int in;       /* held open: the server ends with it */
	char url[64]; /* "http://127.0.0.1:PORT" */
};

/* `options` are those of tests/support/git_http.py, at most 8, NULL-ended. */
static inline void fixture_http_start(struct fixture_http *http, const struct fixture *f,
				      const char *const *options)
{
	const char *argv[16] = { "/usr/bin/env", "python3", "support/git_http.py", f->dir };
	int in[2], out[2];
	size_t n = 4;
	for (size_t i = 0; options != NULL && options[i] != NULL && i < 8; i++)
		argv[n++] = options[i];
	argv[n] = NULL;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	/* Our ends must not be held open by the server itself, nor by git. */
	assert_int_equal(fcntl(in[1], F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(out[0], F_SETFD, FD_CLOEXEC), 0);
	http->pid = fixture_spawn(argv, in[0], out[1]);
	http->in = in[1];
	(void)close(in[0]);
	(void)close(out[1]);
	size_t got = 0;
	while (got + 1 < sizeof http->url && read(out[0], http->url + got, 1) == 1 &&
	       http->url[got] != '\n')
		got++;
	http->url[got] = '\0';
	(void)close(out[0]);
	if (strncmp(http->url, "http://127.0.0.1:", 17) != 0)
		fail_msg("the git server did not start: '%s'", http->url);
}

static inline void fixture_http_stop(struct fixture_http *http)
{
	int status;
	(void)close(http->in);
	/* A request that hangs would keep it. */
	(void)kill(http->pid, SIGTERM);
	(void)waitpid(http->pid, &status, 0);
}

#endif
