/* SPDX-License-Identifier: Apache-2.0 */
/* The file that pipelines read the names of what was made from. It is written beside its place and
 * renamed, so that a reader never finds half of it. */
#include "cli/action_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each directory above the file; one that is there is left as it is. */
static int make_directories(char *path, struct err *e)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		int failed;

		if (*p != '/')
			continue;
		*p = '\0';
		failed = mkdir(path, 0777) != 0 && errno != EEXIST;
		if (failed)
			return err_sys(e, errno, "cannot make the directory '%s'", path);
		*p = '/';
	}
	return 0;
}

static int write_all(int fd, struct str text, const char *path, struct err *e)
{
	while (text.n > 0) {
		const ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "cannot write '%s'", path);
		if (n > 0)
			text = str_from(text, (size_t)n);
	}
	return 0;
}

static int replace(const char *path, struct str text, struct err *e)
{
	AUTO(buf) struct buf beside;
	AUTO(close) int fd = -1;

	buf_init(&beside, 8192);
	buf_addf(&beside, "%s.%ld.new", path, (long)getpid());
	if (buf_check(&beside, e) != 0)
		return -1;
	fd = open(beside.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return err_sys(e, errno, "cannot write '%s'", path);
	if (write_all(fd, text, path, e) == 0 && rename(beside.p, path) == 0)
		return 0;
	if (e != NULL && e->code == ERR_NONE)
		IGNORE(err_sys(e, errno, "cannot write '%s'", path)); /* -1 follows */
	(void)unlink(beside.p);
	return -1;
}

int action_output_file(struct str file, struct str text, struct err *e)
{
	AUTO(free) char *path = str_to_cstr(file, e);
	struct stat st;

	if (path == NULL || make_directories(path, e) != 0)
		return -1;
	e->code = ERR_NONE;
	if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
		return replace(path, text, e);
	/* a pipe or a device is written as it is */
	AUTO(close) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "cannot write '%s'", path);
	return write_all(fd, text, path, e);
}

static void write_name(struct json_writer *w, const char *key, struct str name)
{
	if (name.p != NULL)
		jw_str(w, key, name);
}

int action_output_write(const struct app *app, struct str file, const struct action_output *o)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e;

	if (file.p == NULL)
		return EXIT_DONE;
	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	write_name(&w, "release", o->release);
	write_name(&w, "plan", o->plan);
	write_name(&w, "rollout", o->rollout);
	if (o->check != NULL)
		o->check(&w, "checkResults", o->report);
	jw_end_object(&w);
	buf_addc(&out, '\n');
	if (buf_check(&out, &e) != 0 || action_output_file(file, buf_str(&out), &e) != 0) {
		IGNORE(err_wrap(&e, "--output")); /* reported next */
		return app_fail(app, &e);
	}
	return EXIT_DONE;
}
