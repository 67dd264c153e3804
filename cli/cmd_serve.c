/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate serve`: the daemon. Everything it does is in receiver/; here it gets its configuration
 * and says where it listens. */
#include "base/mem.h"
#include "cli/app.h"
#include "receiver/server.h"

/* The listen address without its port: what stands before the last ':'. */
static struct str host_of(struct str listen)
{
	return str_first(listen, str_find_last(listen, ':'));
}

struct ready {
	const struct log *log;
	struct str host;
	struct str conf;
};

static void say_ready(void *context, unsigned port)
{
	const struct ready *r = context;
	char msg[300];

	(void)snprintf(msg, sizeof(msg), "listening on %.*s:%u", STR_ARG(r->host), port);
	log_line(r->log, LOG_INFO, msg, LOG_STR("config", r->conf));
}

static int run_serve(struct app *app, const struct options *given)
{
	const struct str role = option_value(given, "--role");
	struct server_options options = { .log = &app->log, .ready = say_ready };
	struct ready ready = { .log = &app->log };
	AUTO(free) char *path = NULL;
	struct err e;
	int code;

	if (role.p != NULL && (str_eq_cstr(role, "receiver") || str_eq_cstr(role, "worker")))
		return app_usage(app,
				 "role '%.*s' is not supported by this version; it needs a store "
				 "that processes can share",
				 STR_ARG(role));
	if (role.p != NULL && !str_eq_cstr(role, "all"))
		return app_usage(app, "unknown role '%.*s' (expected all)", STR_ARG(role));
	code = app_need(app, NEED_CONF | NEED_SECRETS);
	if (code != EXIT_DONE)
		return code;
	/* the daemon owns the configuration and frees it at a reload */
	path = str_to_cstr(app->conf->path, &e);
	ready.host = arena_str(app->arena, host_of(app->conf->listen));
	ready.conf = str_of(path);
	if (path == NULL)
		return app_fail(app, &e);
	options.conf_path = path;
	options.context = &ready;
	if (server_run(TAKE(app->conf), &options, &e) == 0)
		return EXIT_DONE;
	return e.code == ERR_INPUT ? app_fail_usage(app, &e) : app_fail(app, &e);
}

static const struct option options_serve[] = {
	{ "--role", 0, OPTION_ONE, "ROLE",
	  "all (receiver and worker in one process); default all" },
	{ .name = NULL },
};

const struct command command_serve = {
	.name = "serve",
	.summary = "receive deliveries and roll releases out",
	.usage = "[-c FILE] [--role all]",
	.text =
	    "Runs the daemon: takes webhooks, writes each delivery down before it answers, makes "
	    "releases\nof merged pull requests, and rolls them out. It logs to stderr and stays in "
	    "the foreground.\nSIGTERM and SIGINT let it finish what is under way and end; SIGHUP "
	    "reads the configuration\nagain, and a bad one leaves the old in force.",
	.options = options_serve,
	.examples = "tidegate serve -c /etc/tidegate/tidegate.yaml\ntidegate serve --verbose",
	.exits = "0 after a signal; 1 when the address is taken or another daemon has the store; 2 "
		 "when the\nconfiguration or a secret is wrong.",
	.run = run_serve,
};
