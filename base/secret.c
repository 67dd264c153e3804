/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: read from where the configuration says, checked, and wiped when they are freed. */

#include "base/secret.h"

#include "base/mem.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 64 * 1024 };

struct secret {
	size_t n;
	char bytes[];
};

/* `what` names the place in messages, never the value. */
static int make(struct secret **out, struct str bytes, struct err *e, const char *what,
		const char *name)
{
	size_t blanks = 0;
	while (blanks < bytes.n && strchr(" \t\r\n\v\f", bytes.p[blanks]) != NULL &&
	       bytes.p[blanks] != '\0')
		blanks++;
	if (blanks == bytes.n)
		return err_set(e, ERR_INPUT, "%s%s is empty", what, name);
	if (memchr(bytes.p, '\0', bytes.n) != NULL)
		return err_set(e, ERR_INPUT, "%s%s holds a NUL byte", what, name);
	if (bytes.n > SECRET_MAX)
		return err_set(e, ERR_INPUT, "%s%s is larger than %d bytes", what, name,
			       SECRET_MAX);
	struct secret *s = mem_alloc(sizeof *s + bytes.n + 1);
	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->n = bytes.n;
	memcpy(s->bytes, bytes.p, bytes.n);
	s->bytes[bytes.n] = '\0';
	*out = s;
	return 0;
}

int secret_from_bytes(struct secret **out, struct str bytes, struct err *e)
{
	return make(out, bytes, e, "the secret", "");
}

int secret_from_env(struct secret **out, const char *name, struct err *e)
{
	const char *value = getenv(name);
	if (value == NULL)
		return err_set(e, ERR_NOTFOUND, "environment variable '%s' is not set", name);
	return make(out, str_of(value), e, "environment variable ", name);
}

/* Up to `size` bytes; the number that was read, or -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t n = 0;
	while (n < size) {
		ssize_t got = read(fd, bytes + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static struct str without_line_end(struct str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

int secret_from_file(struct secret **out, const char *path, struct err *e)
{
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_NOTFOUND, "there is no file '%s'", path);
	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	/* A line end, and one byte more to see that the file is too large. */
	enum { ROOM = SECRET_MAX + 3 };
	char *bytes = mem_alloc(ROOM);
	if (bytes == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	ssize_t n = read_all(fd, bytes, ROOM);
	int rc;
	if (n < 0)
		rc = err_sys(e, errno, "cannot read '%s'", path);
	else
		rc =
		    make(out, without_line_end((struct str){ bytes, (size_t)n }), e, "file ", path);
	mem_free_secret(bytes, ROOM);
	return rc;
}

void secret_free(struct secret *s)
{
	if (s != NULL)
		mem_free_secret(s, sizeof *s + s->n + 1);
}

struct str secret_reveal(const struct secret *s)
{
	return (struct str){ s->bytes, s->n };
}
