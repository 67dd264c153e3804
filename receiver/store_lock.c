/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that makes a daemon the only one on its embedded store. */

#include "receiver/store_lock.h"

#include "base/auto.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };

int store_lock(int *fd, const struct conf *conf, struct err *e)
{
	if (str_starts(conf->store, STR("postgres"))) {
		*fd = -1;
		return 0;
	}
	AUTO(buf) struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	buf_addf(&path, "%.*s.lock", STR_ARG(conf->store));
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
