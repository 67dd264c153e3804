/* SPDX-License-Identifier: Apache-2.0 */
/* A short-lived child, such as `git rev-parse`, with a deadline. */

#include "hooks/child.h"

#include "base/auto.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(pid_t *pid, int pipes[2], const char *const *argv, struct err *e)
{
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	int rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	/* Nothing is written to the strings; the interface is older than const. */
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				  environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? 0 : err_sys(e, rc, "cannot start '%s'", argv[0]);
}

/* 0 at the end of the output, -1 at the end of the time. */
static int read_all(struct buf *out, int fd, int64_t until_ms)
{
	for (;;) {
		char part[4096];
		int64_t left = until_ms - clock_mono_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0)
			return -1;
		if (poll(&p, 1, left < 1000 ? (int)left : 1000) <= 0)
			continue;
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (out != NULL)
			buf_add(out, (struct str){ part, (size_t)got });
	}
}

int child_run(int *status, struct buf *out, const char *const *argv, int64_t timeout_ms,
	      struct err *e)
{
	int pipes[2] = { -1, -1 };
	pid_t pid = 0;
	int ended = 0;
	if (pipe(pipes) != 0)
		return err_sys(e, errno, "cannot make a pipe");
	AUTO(close) int in = pipes[0];
	(void)fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
	int rc = start(&pid, pipes, argv, e);
	(void)close(pipes[1]);
	if (rc != 0)
		return -1;
	int late = read_all(out, in, clock_mono_ms() + timeout_ms);
	if (late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
		continue;
	if (late)
		return err_set(e, ERR_UNAVAILABLE, "'%s' took too long", argv[0]);
	if (!WIFEXITED(ended) || WEXITSTATUS(ended) == 127)
		return err_set(e, ERR_SYS, "'%s' could not be run", argv[0]);
	if (out != NULL && buf_check(out, e) != 0)
		return -1;
	*status = WEXITSTATUS(ended);
	return 0;
}
