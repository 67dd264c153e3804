/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process with a deadline: its own process group, no input, its complaints kept within a
 * bound, and nothing of its group left afterwards. It knows nothing of git.
 */

#include "base/clock.h"
#include "vcs/repo_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>

enum {
	POLL_MS = 100,       /* how often stop() is asked */
	END_POLL_MS = 5,     /* between two looks at a child that closed its output */
	TERM_GRACE_MS = 1000 /* time for git to remove its lock files */
};

struct running {
	pid_t pid;
	int fd; /* read end of its standard error; -1: closed */
};

static int open_pipe(int fds[2], struct err *e)
{
	if (pipe(fds) != 0)
		return err_sys(e, errno, "cannot make a pipe");
	/*
	 * A child that another thread starts right here keeps the write end. That is why nobody
	 * below waits for the end of the pipe: the end of the process counts.
	 */
	for (int i = 0; i < 2; i++)
		(void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* The daemon blocks and ignores signals; the child starts with the system's defaults. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	static const int defaults[] = { SIGPIPE, SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
					SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2 };
	sigset_t none, reset;
	(void)sigemptyset(&none);
	(void)sigemptyset(&reset);
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		(void)sigaddset(&reset, defaults[i]);
	int rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &reset);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attributes, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
							      POSIX_SPAWN_SETSIGMASK |
							      POSIX_SPAWN_SETSIGDEF);
	return rc;
}

static int set_files(posix_spawn_file_actions_t *files, int error_fd)
{
	int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, error_fd, 2);
	return rc;
}

/* posix_spawnp declares the strings as writable, but does not write to them (POSIX, RATIONALE). */
static char *const *unconst(const char *const *argv)
{
	union {
		const char *const *in;
		char *const *out;
	} pun = { .in = argv };
	return pun.out;
}

static int spawn(pid_t *pid, const struct repo_child *child, int error_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&files);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		rc = set_files(&files, error_fd);
		if (rc == 0)
			rc = set_attributes(&attributes);
		if (rc == 0)
			rc = posix_spawnp(pid, child->argv[0], &files, &attributes,
					  unconst(child->argv), child->envp);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return rc;
}

static void keep_text(struct repo_child_result *out, const char *p, size_t n)
{
	/* The end of what it says matters: drop the older half. */
	if (out->n + n > sizeof out->text) {
		size_t half = sizeof out->text / 2;
		size_t drop = out->n > half ? out->n - half : 0;
		memmove(out->text, out->text + drop, out->n - drop);
		out->n -= drop;
	}
	memcpy(out->text + out->n, p, n);
	out->n += n;
}

/* Take what is there, but not for ever: a child may write without end. */
static void drain(struct running *run, struct repo_child_result *out)
{
	char piece[REPO_CHILD_TEXT / 2];
	for (int rounds = 0; rounds < 16 && run->fd >= 0; rounds++) {
		ssize_t n = read(run->fd, piece, sizeof piece);
		if (n > 0) {
			keep_text(out, piece, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			return;
		} else {
			(void)close(run->fd);
			run->fd = -1;
		}
	}
}

/* Without reaping it, so that its number, which names the group, cannot be given away. */
static int has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };
	int rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return (rc == 0 && info.si_pid == pid) || (rc != 0 && errno == ECHILD);
}

static void end_group(pid_t pid)
{
	int64_t until = clock_mono_ms() + TERM_GRACE_MS;
	(void)kill(-pid, SIGTERM);
	while (!has_ended(pid) && clock_mono_ms() < until)
		(void)poll(NULL, 0, END_POLL_MS);
}

static void wait_for_output(const struct running *run, int64_t left_ms)
{
	struct pollfd fd = { .fd = run->fd, .events = POLLIN };
	int64_t most = run->fd >= 0 ? POLL_MS : END_POLL_MS;
	(void)poll(&fd, run->fd >= 0 ? 1 : 0, (int)(left_ms < most ? left_ms : most));
}

/* Until the child has ended, its time is over, or the caller wants to stop. */
static void follow(struct running *run, struct repo_child_result *out,
		   const struct repo_child *child)
{
	const int64_t deadline = clock_mono_ms() + child->timeout_ms;
	for (;;) {
		drain(run, out);
		if (has_ended(run->pid))
			return;
		int64_t left = deadline - clock_mono_ms();
		if (left <= 0)
			out->end = REPO_CHILD_TIMEOUT;
		else if (child->stop != NULL && child->stop(child->context) != 0)
			out->end = REPO_CHILD_STOPPED;
		if (out->end != REPO_CHILD_EXITED)
			break;
		wait_for_output(run, left);
	}
	end_group(run->pid);
}

int repo_child_run(struct repo_child_result *out, const struct repo_child *child, struct err *e)
{
	int fds[2];
	struct running run;
	if (open_pipe(fds, e) != 0)
		return -1;
	int rc = spawn(&run.pid, child, fds[1]);
	(void)close(fds[1]);
	run.fd = fds[0];
	if (rc != 0) {
		(void)close(run.fd);
		return err_sys(e, rc, "cannot run '%s' (is it installed?)", child->argv[0]);
	}
	*out = (struct repo_child_result){ .end = REPO_CHILD_EXITED, .status = -1 };
	follow(&run, out, child);
	/* Helpers that outlived it go too: while it is not reaped, the group is surely its own. */
	(void)kill(-run.pid, SIGKILL);
	while (waitpid(run.pid, &out->status, 0) < 0 && errno == EINTR)
		continue;
	drain(&run, out);
	if (run.fd >= 0)
		(void)close(run.fd);
	return 0;
}
