/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a command line names, read whole into memory. */
#include "cli/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

struct str file_name(struct str name)
{
	return str_eq_cstr(name, "-") ? STR("standard input") : name;
}

static int read_all(struct buf *out, int fd, struct str name, struct err *e)
{
	AUTO(free) char *chunk = mem_alloc(CHUNK);
	ssize_t n;

	if (chunk == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	do {
		n = read(fd, chunk, CHUNK);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "cannot read '%.*s'", STR_ARG(name));
		if (n > 0)
			buf_add(out, (struct str){ chunk, (size_t)n });
		if (buf_check(out, e) != 0)
			return err_wrap(e, "cannot read '%.*s'", STR_ARG(name));
	} while (n != 0);
	return 0;
}

int file_read(struct buf *out, struct str name, struct err *e)
{
	AUTO(close) int opened = -1;
	AUTO(free) char *path = NULL;

	if (str_eq_cstr(name, "-"))
		return read_all(out, STDIN_FILENO, file_name(name), e);
	path = str_to_cstr(name, e);
	if (path == NULL)
		return -1;
	opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (opened < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	return read_all(out, opened, name, e);
}
