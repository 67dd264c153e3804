/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of a directory: its files NAME.db. None is opened. */

#include "db/databases.h"
#include "db/sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { URL_SCHEME = 7 }; /* "sqlite:" */

AUTO_DEFINE(dir, DIR *, closedir);

/* What the session would refuse to open, by what it is; absent: a file. */
static struct str why_not(DIR *dir, const char *name)
{
	struct stat st;
	if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return STR("it cannot be looked at");
	if (S_ISLNK(st.st_mode))
		return STR("a symbolic link");
	return S_ISREG(st.st_mode) ? STR_NULL : STR("no file");
}

static int find_all(struct databases *list, DIR *dir, const char *path, struct err *e)
{
	const struct str ending = STR(".db");
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (entry == NULL && errno != 0)
			return err_sys(e, errno, "cannot read directory '%s'", path);
		if (entry == NULL)
			return 0;
		const struct str file = str_of(entry->d_name);
		if (!str_ends(file, ending) || file.n == ending.n)
			continue;
		if (databases_add(list, str_first(file, file.n - ending.n),
				  why_not(dir, entry->d_name), e) != 0)
			return -1;
	}
}

int sqlite_databases(struct db_database **out, size_t *n, const struct db_options *options,
		     struct arena *arena, struct err *e)
{
	AUTO(databases) struct databases list = { .arena = arena };
	AUTO(free) char *path = str_to_cstr(str_from(options->url, URL_SCHEME), e);
	if (path == NULL)
		return -1;
	AUTO(dir) DIR *dir = opendir(path);
	if (dir == NULL && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "there is no directory '%s'", path);
	if (dir == NULL)
		return err_sys(e, errno, "cannot open directory '%s'", path);
	if (find_all(&list, dir, path, e) != 0)
		return -1;
	return databases_take(out, n, &list, e);
}
