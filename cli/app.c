/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands share: opening configuration and store with messages that say what to do, errors
 * and results on their way out. It knows no command.
 */
#include "cli/app.h"

#include "base/mem.h"
#include "base/num.h"
#include "release/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* "tidegate: text", escaped, in one write. */
static void say(const struct app *app, enum tint tint, struct str text)
{
	AUTO(buf) struct buf line;

	buf_init(&line, 64 * 1024);
	buf_adds(&line, "tidegate: ");
	buf_adds(&line, screen_tint(&app->err, tint));
	screen_add(&line, text);
	buf_adds(&line, screen_plain(&app->err, tint));
	buf_addc(&line, '\n');
	(void)fwrite(line.p, 1, line.n, stderr);
}

int app_fail(const struct app *app, const struct err *e)
{
	say(app, TINT_BAD, str_of(e->msg));
	return e->code == ERR_REFUSED ? EXIT_REFUSED : EXIT_FAILED;
}

int app_fail_usage(const struct app *app, const struct err *e)
{
	IGNORE(app_fail(app, e)); /* the code is known here */
	return e->code == ERR_NOMEM ? EXIT_FAILED : EXIT_USAGE;
}

int app_usage(const struct app *app, const char *fmt, ...)
{
	char msg[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	say(app, TINT_BAD, str_of(msg));
	if (app->command == NULL)
		(void)fputs("see 'tidegate help'\n", stderr);
	else
		(void)fprintf(stderr, "see 'tidegate help %s'\n", app->command->name);
	return EXIT_USAGE;
}

void app_note(const struct app *app, const char *fmt, ...)
{
	char msg[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	say(app, TINT_NONE, str_of(msg));
}

void app_begin(struct buf *out)
{
	buf_init(out, APP_OUTPUT_MAX);
}

int app_print(const struct app *app, struct buf *out)
{
	struct err e;

	if (buf_check(out, &e) != 0)
		return app_fail(app, &e);
	errno = 0;
	if (fwrite(out->p, 1, out->n, stdout) != out->n || fflush(stdout) != 0) {
		/* a reader that has seen enough (head, less) is told nothing */
		if (errno != EPIPE) {
			IGNORE(err_sys(&e, errno, "cannot write to standard output"));
			return app_fail(app, &e);
		}
		return EXIT_FAILED;
	}
	buf_clear(out);
	return EXIT_DONE;
}

void app_json(struct json_writer *w, struct buf *out)
{
	jw_init(w, out, 2);
}

static int has_command(struct str text)
{
	for (size_t i = 1; i < text.n; i++) {
		if (text.p[i] == '#' && text.p[i - 1] == '#')
			return 1;
	}
	return 0;
}

void app_hide_commands(struct buf *json)
{
	const struct str text = buf_str(json);
	struct buf hidden;

	if (!has_command(text))
		return;
	buf_init(&hidden, APP_OUTPUT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '#' && i > 0 && text.p[i - 1] == '#')
			buf_adds(&hidden, "\\u0023");
		else
			buf_addc(&hidden, text.p[i]);
	}
	buf_free(json);
	*json = hidden;
}

int app_print_json(const struct app *app, struct buf *out)
{
	buf_addc(out, '\n');
	app_hide_commands(out);
	return app_print(app, out);
}

static int open_conf(struct app *app, unsigned needs)
{
	AUTO(free) char *path = NULL;
	struct err e;

	if (app->conf == NULL) {
		if (conf_find(&path, app->conf_path, &e) != 0 ||
		    conf_load(&app->conf, path, &e) != 0)
			return app_fail_usage(app, &e);
	}
	if ((needs & NEED_SECRETS) != 0 && conf_load_secrets(app->conf, &e) != 0)
		return app_fail_usage(app, &e);
	return EXIT_DONE;
}

/* Say it in the user's terms when an embedded store is not there or not for this user. */
static int look_for_store(const struct conf *conf, struct err *e)
{
	AUTO(free) char *path = NULL;

	if (db_find(conf->store) != NULL && !str_starts(conf->store, STR("sqlite:")))
		return 0;
	path = str_to_cstr(str_starts(conf->store, STR("sqlite:"))
			       ? str_from(conf->store, sizeof("sqlite:") - 1)
			       : conf->store,
			   e);
	if (path == NULL)
		return -1;
	if (access(path, R_OK | W_OK) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, ERR_NOTFOUND,
			       "there is no store at '%s' yet; `tidegate serve` makes it", path);
	if (errno == EACCES || errno == EPERM || errno == EROFS)
		return err_set(e, ERR_AUTH,
			       "the store '%s' is not open to this user; run the command as root "
			       "(`sudo tidegate ...`) or as the user of the daemon",
			       path);
	return err_sys(e, errno, "cannot look at the store '%s'", path);
}

static int open_store(struct app *app, struct err *e)
{
	const struct store_options options = { .durable = 1 };

	if (app->store != NULL)
		return 0;
	if (look_for_store(app->conf, e) != 0)
		return -1;
	return store_open(&app->store, app->conf, &options, e);
}

int app_open_audit(struct app *app)
{
	struct err e;

	if (open_store(app, &e) == 0)
		return EXIT_DONE;
	if (e.code != ERR_NOTFOUND)
		return app_fail(app, &e);
	app_note(app, "no entry in the audit log, for there is no store: only the ledger says who "
		      "did it");
	return EXIT_DONE;
}

int app_need(struct app *app, unsigned needs)
{
	struct err e;
	int code = open_conf(app, needs);

	if (code == EXIT_DONE && (needs & NEED_STORE) != 0 && open_store(app, &e) != 0)
		return app_fail(app, &e);
	return code;
}

int app_load_secret(struct conf_secret *secret, const struct conf *conf, const char *what,
		    struct err *e)
{
	const int is_env = secret->env.p != NULL;
	const struct str from = is_env ? secret->env : secret->file;
	AUTO(free) char *name = NULL;
	int failed;

	if (secret->value != NULL)
		return 0;
	name = str_to_cstr(from, e);
	if (name == NULL)
		return -1;
	failed = is_env ? secret_from_env(&secret->value, name, e)
			: secret_from_file(&secret->value, name, e);
	if (failed)
		return err_wrap(e, "%.*s:%d: %s", STR_ARG(conf->path), secret->line, what);
	return 0;
}

/* Who logged in to begin with: pam_loginuid(8) sets it, and neither su nor sudo changes it. The
 * process's own user where nobody did, as in a container. */
static uid_t caller_uid(void)
{
	char text[16];
	uint64_t uid;
	AUTO(close) int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (n <= 0 || num_parse_u64(&uid, (struct str){ text, (size_t)n }, 0, UINT32_MAX - 1) != 0)
		return getuid();
	return (uid_t)uid;
}

struct str app_caller(struct arena *arena)
{
	char room[4096];
	struct passwd entry, *found = NULL;
	const uid_t uid = caller_uid();

	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		return arena_str(arena, str_of(entry.pw_name));
	return str_of(arena_printf(arena, "uid %lu", (unsigned long)uid));
}

int app_actor(struct audit_actor *out, struct arena *arena, struct err *e)
{
	char host[256];
	struct audit_actor actor = { .who = app_caller(arena) };

	if (gethostname(host, sizeof(host)) != 0)
		return err_sys(e, errno, "cannot tell this host's name");
	host[sizeof(host) - 1] = '\0';
	actor.origin =
	    str_of(arena_printf(arena, "cli on %s, uid %lu", host, (unsigned long)getuid()));
	if (actor.who.p == NULL || actor.origin.p == NULL)
		return arena_err(arena, e);
	*out = actor;
	return 0;
}

int app_reason(struct str *out, const struct app *app, const struct options *given)
{
	const struct str reason = option_value(given, "--reason");

	if (!str_is_utf8(reason) || str_has_control(reason))
		return app_usage(app, "--reason has a line end, a control character or bytes that "
				      "are no UTF-8 in it");
	*out = reason;
	return EXIT_DONE;
}
