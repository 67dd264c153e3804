/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installs the hook's script. What another hook there did goes on being done: nobody who adds a
 * hook wants to lose one.
 */

#include "hooks/install.h"

#include "base/auto.h"
#include "base/mem.h"
#include "hooks/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 4096, SCRIPT_MAX = 64 * 1024, GIT_MS = 30000 };

static const char mark[] = "# tidegate-hook 1";
static const char kept_suffix[] = ".before-tidegate";

/* --- the script --- */

/* 'text' for a shell. */
static void quote(struct buf *out, struct str text)
{
	buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, text.p[i]);
	}
	buf_addc(out, '\'');
}

int install_script(struct buf *out, const struct install *i, struct err *e)
{
	const struct str program = str_of(i->program), conf = str_of(i->conf);
	if (str_has_control(program) || str_has_control(conf))
		return err_set(e, ERR_INPUT,
			       "the path of the program or of the configuration holds a control "
			       "character");
	buf_addf(out,
		 "#!/bin/sh\n"
		 "%s\n"
		 "# Installed by `tidegate hook install`, which replaces it without asking.\n"
		 "# A hook that was here before is %s%s and runs first.\n",
		 mark, "post-receive", kept_suffix);
	buf_adds(out, "tidegate=");
	quote(out, program);
	buf_adds(out, "\nconfig=");
	quote(out, conf);
	buf_adds(out, "\nrepository=");
	quote(out, i->id);
	buf_addf(out,
		 "\n"
		 "input=$(cat)\n"
		 "if [ -x \"$0%s\" ]; then\n"
		 "\tprintf '%%s\\n' \"$input\" | \"$0%s\"\n"
		 "fi\n"
		 "if [ ! -x \"$tidegate\" ]; then\n"
		 "\techo \"tidegate: there is no $tidegate any more: nothing is released\"\n"
		 "\texit 0\n"
		 "fi\n"
		 "printf '%%s\\n' \"$input\" |\n"
		 "\t\"$tidegate\" hook post-receive -c \"$config\" --repository \"$repository\"\n"
		 "exit 0\n",
		 kept_suffix, kept_suffix);
	return buf_check(out, e);
}

/* --- the repository --- */

static int is_directory(const char *base, const char *name)
{
	char path[PATH_TEXT_MAX];
	struct stat st;
	int n = snprintf(path, sizeof path, "%s/%s", base, name);
	return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_file(const char *base, const char *name)
{
	char path[PATH_TEXT_MAX];
	struct stat st;
	int n = snprintf(path, sizeof path, "%s/%s", base, name);
	return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int is_git_directory(const char *path)
{
	return is_directory(path, "objects") && is_directory(path, "refs") && is_file(path, "HEAD");
}

/* The git directory of what the user named. */
static int find_git_directory(struct buf *out, const char *path, struct err *e)
{
	AUTO(buf) struct buf inner;
	buf_init(&inner, PATH_TEXT_MAX);
	buf_addf(&inner, "%s/.git", path);
	if (buf_check(&inner, e) != 0)
		return -1;
	if (is_git_directory(path))
		buf_adds(out, path);
	else if (is_git_directory(inner.p))
		buf_add(out, buf_str(&inner));
	else if (is_file(path, ".git"))
		return err_set(e, ERR_INPUT,
			       "'%s' is a worktree or submodule: name the repository that it "
			       "belongs to",
			       path);
	else
		return err_set(e, ERR_NOTFOUND,
			       "'%s' is no git repository (expected a bare one, or one with a .git "
			       "directory)",
			       path);
	return buf_check(out, e);
}

/* Ask git: the id format, and where hooks are (core.hooksPath). It may belong to another user. */
static int ask_git(struct buf *out, const char *git_directory, struct err *e)
{
	AUTO(buf) struct buf option;
	int status;
	buf_init(&option, PATH_TEXT_MAX + 32);
	buf_addf(&option, "--git-dir=%s", git_directory);
	if (buf_check(&option, e) != 0)
		return -1;
	const char *argv[] = { "git",        "-c",        "safe.directory=*",
			       option.p,     "rev-parse", "--show-object-format",
			       "--git-path", "hooks",     NULL };
	if (child_run(&status, out, argv, GIT_MS, e) != 0)
		return -1;
	if (status != 0)
		return err_set(e, ERR_NOTFOUND, "git cannot read the repository '%s'",
			       git_directory);
	return 0;
}

/* The directory of hooks, absolute or from the working directory. */
static int find_hooks(struct buf *out, const char *repository, struct err *e)
{
	AUTO(buf) struct buf directory;
	AUTO(buf) struct buf answer;
	buf_init(&directory, PATH_TEXT_MAX);
	buf_init(&answer, (size_t)2 * PATH_TEXT_MAX);
	if (find_git_directory(&directory, repository, e) != 0 ||
	    ask_git(&answer, directory.p, e) != 0)
		return -1;
	struct str hooks = buf_str(&answer), format;
	(void)str_split(&format, &hooks, '\n');
	hooks = str_first(hooks, str_find(hooks, '\n'));
	if (!str_eq_cstr(format, "sha1"))
		return err_set(e, ERR_INPUT,
			       "'%s' has %.*s object ids, which are not supported (only sha1 is)",
			       repository, STR_ARG(str_first(format, 32)));
	if (hooks.n == 0)
		return err_set(e, ERR_SYS, "git does not say where the hooks of '%s' are",
			       repository);
	/* git puts its directory in front, or leaves core.hooksPath as it is written: which means,
	 * for post-receive, from the git directory. */
	if (hooks.p[0] != '/' && !str_starts(hooks, buf_str(&directory))) {
		buf_add(out, buf_str(&directory));
		buf_addc(out, '/');
	}
	buf_add(out, hooks);
	return buf_check(out, e);
}

/* --- the file --- */

/* The file's text, empty when there is none; a link is not followed. */
static int read_hook(struct buf *out, int *there, const char *path, struct err *e)
{
	struct stat st;
	*there = lstat(path, &st) == 0;
	if (!*there && errno != ENOENT)
		return err_sys(e, errno, "cannot look at '%s'", path);
	if (!*there || !S_ISREG(st.st_mode) || st.st_size > SCRIPT_MAX / 2)
		return 0;
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, errno, "cannot read '%s'", path);
	for (;;) {
		char part[4096];
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "cannot read '%s'", path);
		if (got == 0)
			return buf_check(out, e);
		buf_add(out, (struct str){ part, (size_t)got });
	}
}

static int is_ours(struct str text)
{
	struct str line;
	while (str_split(&line, &text, '\n')) {
		if (str_eq_cstr(line, mark))
			return 1;
	}
	return 0;
}

static int write_all(int fd, struct str text, const char *path, struct err *e)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "cannot write '%s'", path);
		text = str_from(text, (size_t)n);
	}
	return 0;
}

/* A new file beside it, then renamed: git never sees half a script. */
static int put_hook(const char *path, struct str text, struct err *e)
{
	AUTO(buf) struct buf draft;
	buf_init(&draft, PATH_TEXT_MAX);
	buf_addf(&draft, "%s.new-%ld", path, (long)getpid());
	if (buf_check(&draft, e) != 0)
		return -1;
	AUTO(close)
	int fd = open(draft.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0755);
	if (fd < 0)
		return err_sys(e, errno, "cannot write '%s'", draft.p);
	int rc = write_all(fd, text, draft.p, e);
	/* Whoever pushes must be able to run it, whatever the umask. */
	if (rc == 0 && (fchmod(fd, 0755) != 0 || fsync(fd) != 0 || rename(draft.p, path) != 0))
		rc = err_sys(e, errno, "cannot write '%s'", path);
	if (rc != 0)
		(void)unlink(draft.p);
	return rc;
}

/* Somebody else's hook: kept under another name. */
static int keep_other(const char *path, int force, struct err *e)
{
	AUTO(buf) struct buf kept;
	struct stat st;
	if (!force)
		return err_set(e, ERR_EXISTS,
			       "'%s' is there already and is not Tidegate's: with --force it is "
			       "kept as post-receive%s and runs first",
			       path, kept_suffix);
	buf_init(&kept, PATH_TEXT_MAX);
	buf_addf(&kept, "%s%s", path, kept_suffix);
	if (buf_check(&kept, e) != 0)
		return -1;
	if (lstat(kept.p, &st) == 0)
		return err_set(e, ERR_EXISTS,
			       "'%s' is not Tidegate's, and '%s' is there already: move one of "
			       "them away",
			       path, kept.p);
	if (rename(path, kept.p) != 0)
		return err_sys(e, errno, "cannot rename '%s'", path);
	return 0;
}

static int place(enum install_done *done, const char *path, struct str script, int force,
		 struct err *e)
{
	AUTO(buf) struct buf old;
	int there;
	buf_init(&old, SCRIPT_MAX);
	if (read_hook(&old, &there, path, e) != 0)
		return -1;
	enum install_done what = INSTALL_NEW;
	if (there && is_ours(buf_str(&old)))
		what = str_eq(buf_str(&old), script) && access(path, X_OK) == 0 ? INSTALL_SAME
										: INSTALL_CHANGED;
	else if (there)
		what = INSTALL_CHAINED;
	if (what == INSTALL_CHAINED && keep_other(path, force, e) != 0)
		return -1;
	if (what != INSTALL_SAME && put_hook(path, script, e) != 0)
		return -1;
	*done = what;
	return 0;
}

int install_hook(enum install_done *done, struct buf *path, const struct install *i, struct err *e)
{
	AUTO(buf) struct buf script;
	AUTO(buf) struct buf hooks;
	buf_init(&script, SCRIPT_MAX);
	buf_init(&hooks, PATH_TEXT_MAX);
	if (install_script(&script, i, e) != 0 || find_hooks(&hooks, i->repository, e) != 0)
		return -1;
	if (mkdir(hooks.p, 0755) != 0 && errno != EEXIST)
		return err_sys(e, errno, "cannot make '%s'", hooks.p);
	buf_addf(path, "%s/post-receive", hooks.p);
	if (buf_check(path, e) != 0)
		return -1;
	return place(done, path->p, buf_str(&script), i->force, e);
}
