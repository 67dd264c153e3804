/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate hook`: what a git server's post-receive hook calls, and the putting of that hook in its
 * place. */
#include "base/clock.h"
#include "base/mem.h"
#include "cli/app.h"
#include "cli/names.h"
#include "hooks/client.h"
#include "hooks/install.h"
#include "hooks/push.h"
#include "receiver/handin.h"
#include "receiver/server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 4096 };

/* ---- post-receive ---- */

/* All of it, whatever becomes of it: git must not meet a closed pipe. */
static void read_input(struct post_receive *input)
{
	for (;;) {
		char part[16384];
		const ssize_t got = read(STDIN_FILENO, part, sizeof(part));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		post_receive_feed(input, (struct str){ part, (size_t)got });
	}
	post_receive_end(input);
}

/* Progress is this command's result; git shows it to the pusher as "remote: ...". */
static void say(void *context, struct str line)
{
	AUTO(buf) struct buf out;

	(void)context;
	buf_init(&out, 16 * 1024);
	buf_adds(&out, "tidegate: ");
	screen_add(&out, line);
	buf_addc(&out, '\n');
	/* a pusher who left is told nothing */
	(void)fwrite(out.p, 1, out.n, stdout);
	(void)fflush(stdout);
}

static int find_repository(const struct conf_repository **out, const struct app *app,
			   const struct options *given, struct err *e)
{
	const struct str id = option_value(given, "--repository");
	const struct conf_repository *repository;

	if (id.p == NULL)
		return err_set(e, ERR_INPUT, "--repository is missing: the repository's id");
	if (names_repository(&repository, app->conf, id, e) != 0)
		return -1;
	if (handin_repository(app->conf, repository->id) == NULL)
		return err_set(e, ERR_INPUT,
			       "repository '%.*s' is of provider %.*s; a hook is for `provider: "
			       "git`",
			       STR_ARG(repository->id), STR_ARG(repository->provider));
	*out = repository;
	return 0;
}

static int run_post_receive(struct app *app, const struct options *given)
{
	const int64_t begun_ms = clock_mono_ms();
	struct push push = { .begun_ms = begun_ms, .level = app->log.level, .say = say };
	AUTO(free) struct post_receive *input = mem_alloc(sizeof(*input));
	struct post_receive ignored;
	struct err e;

	/* the branch is known only with the configuration, which may be missing */
	if (app_need(app, NEED_CONF) != EXIT_DONE || input == NULL) {
		post_receive_init(&ignored, STR(""));
		read_input(&ignored);
		say(NULL, STR("nothing is released: see above"));
		return EXIT_DONE;
	}
	if (find_repository(&push.repository, app, given, &e) != 0 || client_init(&e) != 0) {
		post_receive_init(input, STR(""));
		read_input(input);
		IGNORE(
		    app_fail(app, &e)); /* the push is done; its end must not look like a failure */
		return EXIT_DONE;
	}
	assert(push.repository != NULL);
	post_receive_init(input, push.repository->branch);
	read_input(input);
	push.conf = app->conf;
	push.input = input;
	pusher_of_process(&push.pusher, app->arena);
	push_run(&push);
	client_shutdown();
	return EXIT_DONE;
}

/* ---- work ---- */

static int run_work(struct app *app, const struct options *given)
{
	const struct server_options options = { .conf_path = "", .log = &app->log };
	struct err e;
	const int code = app_need(app, NEED_CONF | NEED_SECRETS);

	(void)given;
	if (code != EXIT_DONE)
		return code;
	/* it owns the configuration, as the daemon does */
	if (server_drain(TAKE(app->conf), &options, &e) == 0)
		return EXIT_DONE;
	return app_fail(app, &e);
}

/* ---- install ---- */

/* This program's own file. */
static int own_path(char out[PATH_TEXT_MAX], struct err *e)
{
	const ssize_t n = readlink("/proc/self/exe", out, PATH_TEXT_MAX - 1);

	if (n < 0)
		return err_sys(e, errno, "cannot tell where this program is");
	out[n] = '\0';
	return 0;
}

/* From the root, without following links. */
static char *absolute(struct str path, struct arena *arena, struct err *e)
{
	char here[PATH_TEXT_MAX];
	char *text;

	if (path.n > 0 && path.p[0] == '/') {
		text = arena_printf(arena, "%.*s", STR_ARG(path));
	} else {
		if (getcwd(here, sizeof(here)) == NULL) {
			IGNORE(err_sys(e, errno, "cannot tell the working directory"));
			return NULL;
		}
		while (str_starts(path, STR("./")))
			path = str_from(path, 2);
		text = arena_printf(arena, "%s/%.*s", here, STR_ARG(path));
	}
	if (text == NULL)
		IGNORE(arena_err(arena, e)); /* NULL says it */
	return text;
}

/* The only repository of provider git, when none was named. */
static int only_repository(const struct conf_repository **out, const struct conf *conf,
			   struct err *e)
{
	const struct conf_repository *repositories = conf->repositories.items;
	const struct conf_repository *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < conf->repositories.n; i++) {
		if (handin_repository(conf, repositories[i].id) == NULL)
			continue;
		found = &repositories[i];
		n++;
	}
	if (n != 1)
		return err_set(e, ERR_INPUT,
			       n == 0 ? "no repository in the configuration is of `provider: git`"
				      : "several repositories are of `provider: git`: say which "
					"one by --repository");
	*out = found;
	return 0;
}

static int prepare(struct install *out, struct app *app, const struct options *given, struct err *e)
{
	const struct conf_repository *repository = NULL;
	char program[PATH_TEXT_MAX];

	if (option_has(given, "--repository") ? find_repository(&repository, app, given, e) != 0
					      : only_repository(&repository, app->conf, e) != 0)
		return -1;
	if (push_check_paths(app->conf, e) != 0 || own_path(program, e) != 0)
		return -1;
	assert(repository != NULL);
	*out = (struct install){ .repository = given->operands[0].p,
				 .conf = absolute(app->conf->path, app->arena, e),
				 .id = repository->id,
				 .force = option_has(given, "--force") };
	if (out->conf == NULL)
		return -1;
	out->program = arena_str(app->arena, str_of(program)).p;
	return out->program != NULL ? 0 : arena_err(app->arena, e);
}

static const char *done_text(enum install_done done)
{
	switch (done) {
	case INSTALL_NEW:
		return "installed";
	case INSTALL_SAME:
		return "unchanged";
	case INSTALL_CHANGED:
		return "updated";
	case INSTALL_CHAINED:
		return "chained";
	}
	return "installed";
}

static int print_done(struct app *app, enum install_done done, const struct install *i,
		      struct str path)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	if (app->format == FORMAT_JSON) {
		app_json(&w, &out);
		jw_object(&w, NULL);
		jw_str(&w, "hook", path);
		jw_text(&w, "result", done_text(done));
		jw_str(&w, "repository", i->id);
		jw_end_object(&w);
		return app_print_json(app, &out);
	}
	screen_add(&out, path);
	buf_addf(&out, ": %s", done_text(done));
	if (done == INSTALL_CHAINED)
		buf_adds(&out, "; the hook that was there is post-receive.before-tidegate and "
			       "runs first");
	buf_addc(&out, '\n');
	return app_print(app, &out);
}

static int run_install(struct app *app, const struct options *given)
{
	AUTO(buf) struct buf text;
	enum install_done done;
	struct install install;
	struct err e;
	const int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (prepare(&install, app, given, &e) != 0)
		return app_fail_usage(app, &e);
	buf_init(&text, 64 * 1024);
	if (option_has(given, "--print")) {
		if (install_script(&text, &install, &e) != 0)
			return app_fail(app, &e);
		return app_print(app, &text);
	}
	if (install_hook(&done, &text, &install, &e) != 0)
		return app_fail(app, &e);
	return print_done(app, done, &install, buf_str(&text));
}

static const struct option options_install[] = {
	{ "--repository", 0, OPTION_ONE, "ID",
	  "the repository in the configuration; may be left out\nwhere only one has `provider: "
	  "git`" },
	{ "--force", 0, OPTION_FLAG, NULL,
	  "keep another post-receive hook as\npost-receive.before-tidegate, which runs first" },
	{ "--print", 0, OPTION_FLAG, NULL, "print the hook and change nothing" },
	{ .name = NULL },
};

static const struct option options_post_receive[] = {
	{ "--repository", 0, OPTION_ONE, "ID", "the repository in the configuration" },
	{ .name = NULL },
};

const struct command command_hook_install = {
	.name = "hook",
	.verb = "install",
	.summary = "let a git repository release what is pushed to it",
	.usage = "REPO.git [--repository ID] [--force] [--print]",
	.text = "Writes hooks/post-receive of a repository on this host, so that each push to the "
		"configured branch\nis released. The hook calls this program with this "
		"configuration. Installing again is safe; another\nhook that is there stays in "
		"force only with --force.",
	.options = options_install,
	.examples = "tidegate hook install -c /etc/tidegate/tidegate.yaml /srv/git/app.git\n"
		    "tidegate hook install /srv/git/app.git --repository app --print",
	.exits = "1 when there is no repository, its object ids are sha256, or another hook is "
		 "there.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_install,
};

const struct command command_hook_post_receive = {
	.name = "hook",
	.verb = "post-receive",
	.summary = "what an installed hook calls",
	.usage = "--repository ID < \"OLD NEW REF\" lines",
	.text = "Reads what git tells a post-receive hook. A change of the configured branch is "
		"handed to the\ndaemon over its socket (hook_socket) or, where none runs, carried "
		"out by a process of its own, and\nthe pusher is told how it goes, for at most "
		"hook_wait (30 s unless configured).",
	.options = options_post_receive,
	.examples = "echo \"$old $new refs/heads/main\" | tidegate hook post-receive --repository "
		    "app",
	.exits = "0 always: the push is done, and what went wrong is told.",
	.run = run_post_receive,
};

static const struct option options_work[] = { { .name = NULL } };

const struct command command_hook_work = {
	.name = "hook",
	.verb = "work",
	.summary = "without a daemon: carry out what waits, and end",
	.usage = "",
	.text =
	    "Carries out what is queued and pending as the daemon would, logs to stderr, and "
	    "ends when nothing is\nleft, or only what is due in more than a minute. Where hooks "
	    "work without a daemon, type it after\n`tidegate run`, `tidegate retry` and `tidegate "
	    "replay`, as the user that git runs hooks as.",
	.options = options_work,
	.examples = "tidegate run 3 --stage prod && tidegate hook work",
	.exits = "1 when a daemon, or a hook, works on the store already.",
	.run = run_work,
};
