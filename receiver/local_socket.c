/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the daemon's Unix socket: made, replaced when it is a dead one's, removed. */

#include "base/auto.h"
#include "receiver/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MODE = 0660 }; /* user and group of the daemon */

static int fill_address(struct sockaddr_un *out, struct str path, struct err *e)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path.n == 0 || path.n >= sizeof out->sun_path)
		return err_set(e, ERR_INPUT,
			       "the socket's path '%.*s' is too long (set hook_socket to at most "
			       "%zu bytes)",
			       STR_ARG(str_first(path, 160)), sizeof out->sun_path - 1);
	memcpy(out->sun_path, path.p, path.n);
	return 0;
}

/* 1: somebody answers; 0: nobody; -1. A full queue is somebody. */
static int is_answered(const struct sockaddr_un *address, struct err *e)
{
	AUTO(close) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return err_sys(e, errno, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return 1;
	return errno != ECONNREFUSED && errno != ENOENT;
}

/* What stands at the path must be a socket of a process that is gone. */
static int clear_place(const struct sockaddr_un *address, struct err *e)
{
	struct stat st;
	if (lstat(address->sun_path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, errno, "cannot look at hook_socket '%s'", address->sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_EXISTS,
			       "hook_socket '%s' is there and is no socket: move it away",
			       address->sun_path);
	int answered = is_answered(address, e);
	if (answered < 0)
		return -1;
	if (answered)
		return err_set(e, ERR_EXISTS, "another process answers on hook_socket '%s'",
			       address->sun_path);
	if (unlink(address->sun_path) != 0 && errno != ENOENT)
		return err_sys(e, errno, "cannot replace hook_socket '%s'", address->sun_path);
	return 0;
}

static int bind_at(int fd, const struct sockaddr_un *address, struct err *e)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_sys(e, errno,
			       "cannot listen on hook_socket '%s': make its directory, or set "
			       "hook_socket",
			       address->sun_path);
	return err_sys(e, errno, "cannot listen on hook_socket '%s'", address->sun_path);
}

int local_listen(struct local_socket *out, struct str path, struct err *e)
{
	struct sockaddr_un address;
	struct stat st;
	*out = (struct local_socket){ .fd = -1 };
	if (fill_address(&address, path, e) != 0 || clear_place(&address, e) != 0)
		return -1;
	AUTO(close) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_sys(e, errno, "cannot make a socket");
	if (bind_at(fd, &address, e) != 0)
		return -1;
	if (chmod(address.sun_path, MODE) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    lstat(address.sun_path, &st) != 0) {
		int why = errno;
		(void)unlink(address.sun_path);
		return err_sys(e, why, "cannot listen on hook_socket '%s'", address.sun_path);
	}
	memcpy(out->path, address.sun_path, sizeof out->path);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	out->fd = fd;
	fd = -1;
	return 0;
}

void local_give(struct local_socket *s)
{
	s->fd = -1;
}

void local_close(struct local_socket *s)
{
	struct stat st;
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	if (s->path[0] != '\0' && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
	    st.st_ino == s->inode)
		(void)unlink(s->path);
	s->path[0] = '\0';
}
