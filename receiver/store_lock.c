/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that makes a daemon the only one on its embedded store, by whatever path it is named. */

#define _XOPEN_SOURCE 700 /* realpath */

#include "receiver/store_lock.h"

#include "base/auto.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };

/* Put the store's path without symbolic links into `out`; the file itself may not be there yet. */
static int resolve(struct buf *out, struct str store, struct err *e)
{
	AUTO(free) char *path = str_to_cstr(store, e);
	if (path == NULL)
		return -1;
	AUTO(free) char *real = realpath(path, NULL);
	if (real != NULL) {
		buf_adds(out, real);
		return buf_check(out, e);
	}
	size_t slash = str_find_last(store, '/');
	struct str name = slash < store.n ? str_from(store, slash + 1) : store;
	if (slash < store.n)
		path[slash > 0 ? slash : 1] = '\0';
	AUTO(free) char *directory = realpath(slash < store.n ? path : ".", NULL);
	if (directory == NULL)
		return err_sys(e, errno, "cannot find the directory of the store '%.*s'",
			       STR_ARG(store));
	buf_addf(out, "%s/%.*s", directory, STR_ARG(name));
	return buf_check(out, e);
}

int store_lock(int *fd, const struct conf *conf, struct err *e)
{
	if (str_starts(conf->store, STR("postgres"))) {
		*fd = -1;
		return 0;
	}
	AUTO(buf) struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	if (resolve(&path, conf->store, e) != 0)
		return -1;
	buf_adds(&path, ".lock");
	if (buf_check(&path, e) != 0)
		return -1;
	AUTO(close) int file = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return err_sys(e, errno, "cannot open '%s'", path.p);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(file, F_SETLK, &lock) != 0) {
		if (errno != EACCES && errno != EAGAIN)
			return err_sys(e, errno, "cannot lock '%s'", path.p);
		struct flock holder = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		(void)fcntl(file, F_GETLK, &holder);
		return err_set(
		    e, ERR_EXISTS,
		    "another daemon (process %ld) works on the store '%.*s': stop it first",
		    (long)holder.l_pid, STR_ARG(conf->store));
	}
	*fd = file;
	file = -1;
	return 0;
}
