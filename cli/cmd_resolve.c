/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate revisions resolve`: a person says what became of a migration that runs statement by
 * statement, where it cannot be proved. The audit log gets it as well, where there is a store. */
#include "base/clock.h"
#include "cli/app.h"
#include "cli/revision_out.h"
#include "receiver/owner.h"
#include "release/audit.h"
#include "release/resolve.h"
#include "release/version.h"

#include <string.h>

static const struct how {
	const char *option;
	enum resolve_how how;
} hows[] = {
	{ "--applied", RESOLVE_APPLIED },
	{ "--not-applied", RESOLVE_NOT_APPLIED },
	{ "--from-statement", RESOLVE_FROM_STATEMENT },
	{ "--all-applied", RESOLVE_ALL_APPLIED },
};

/* One of the four, and no more; an exit code. */
static int read_how(struct resolve *out, const struct how **how, struct app *app,
		    const struct options *given)
{
	struct err e;

	*how = NULL;
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		if (!option_has(given, hows[i].option))
			continue;
		if (*how != NULL)
			return app_usage(app, "%s and %s contradict each other", (*how)->option,
					 hows[i].option);
		*how = &hows[i];
	}
	if (*how == NULL)
		return app_usage(app, "say what is so: --applied, --not-applied, "
				      "--from-statement N or --all-applied");
	out->how = (*how)->how;
	if (option_number(&out->from, given, "--from-statement", 1, INT32_MAX, &e) != 0)
		return app_usage(app, "%s", e.msg);
	return EXIT_DONE;
}

/* What is resolved, and what it became. */
struct change {
	struct str target;
	const char *version;
	const struct how *how;
	struct resolve resolve;
	struct revision before;
	struct revision after;
};

static void write_change(struct json_writer *w, const struct change *c)
{
	jw_object(w, NULL);
	jw_str(w, "target", c->target);
	jw_str(w, "version", str_of(c->version));
	jw_str(w, "resolved", str_of(c->how->option + strlen("--")));
	jw_str(w, "reason", c->resolve.reason);
	revision_json(w, "before", &c->before);
	revision_json(w, "after", &c->after);
	jw_end_object(w);
}

static int add_audit(struct app *app, const struct change *c, struct err *e)
{
	AUTO(buf) struct buf text;
	struct json_writer w;
	struct audit_actor actor;
	const struct str object =
	    str_of(arena_printf(app->arena, "%.*s/revisions/%s", STR_ARG(c->target), c->version));

	if (object.p == NULL)
		return arena_err(app->arena, e);
	if (app_actor(&actor, app->arena, e) != 0)
		return -1;
	app_begin(&text);
	jw_init(&w, &text, 0);
	jw_object(&w, NULL);
	jw_str(&w, "resolved", str_of(c->how->option + strlen("--")));
	if (c->resolve.how == RESOLVE_FROM_STATEMENT)
		jw_int(&w, "from_statement", c->resolve.from);
	jw_str(&w, "reason", c->resolve.reason);
	jw_end_object(&w);
	if (buf_check(&text, e) != 0)
		return -1;
	return audit_add(app->store, &actor, "resolve", object, buf_str(&text), clock_unix_ms(), e);
}

/* The store's transaction is open around the target's: an entry is there when the change is, but
 * for a failure between their two commits, which is told. */
static int change_with_audit(struct app *app, struct db *target, struct change *c, struct err *e)
{
	if (db_begin(app->store, e) != 0)
		return -1;
	if (add_audit(app, c, e) != 0 ||
	    resolve_revision(&c->before, &c->after, target, str_of(c->version), &c->resolve,
			     app->arena, e) != 0) {
		db_rollback(app->store);
		return -1;
	}
	if (db_commit(app->store, e) != 0)
		return err_wrap(e, "it was resolved, but the audit log does not say so");
	return 0;
}

static int change(struct app *app, struct db *target, struct change *c, struct err *e)
{
	int there = db_ledger_look(target, e);

	if (there == 0)
		return err_set(e, ERR_NOTFOUND,
			       "the database has no ledger: nothing is to be resolved");
	if (there < 0 || revision_prepare(target, e) != 0)
		return -1;
	if (app->store != NULL)
		return change_with_audit(app, target, c, e);
	return resolve_revision(&c->before, &c->after, target, str_of(c->version), &c->resolve,
				app->arena, e);
}

static int print_change(struct app *app, const struct change *c)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	if (app->format == FORMAT_JSON) {
		app_json(&w, &out);
		write_change(&w, c);
		return app_print_json(app, &out);
	}
	buf_adds(&out, "Before\n");
	revision_details(&out, &c->before);
	buf_adds(&out, "\nAfter\n");
	revision_details(&out, &c->after);
	return app_print(app, &out);
}

static int settle(struct app *app, struct change *c)
{
	AUTO(db) struct db *target = NULL;
	const struct conf_environment *environment;
	const struct conf_instance *instance;
	struct str database;
	struct err e;
	int64_t wait_ms = 0;
	int code = revision_open(&target, app, c->target);

	if (code != EXIT_DONE)
		return code;
	if (conf_target(&instance, &database, app->conf, c->target, &e) != 0)
		return app_fail_usage(app, &e);
	environment = conf_environment(app->conf, instance->environment);
	if (environment != NULL)
		wait_ms = environment->lock_wait_ms;
	if (db_lock(target, wait_ms, &e) == 0 && change(app, target, c, &e) == 0)
		return print_change(app, c);
	code = app_fail(app, &e);
	return e.code == ERR_NOTFOUND ? EXIT_REFUSED : code;
}

static int run_resolve(struct app *app, const struct options *given)
{
	struct change c = { .target = given->operands[0] };
	char version[VERSION_TEXT], host[OWNER_HOST];
	struct err e;
	int code = read_how(&c.resolve, &c.how, app, given);

	if (code == EXIT_DONE)
		code = app_reason(&c.resolve.reason, app, given);
	if (code != EXIT_DONE)
		return code;
	if (version_canonical(version, given->operands[1], &e) != 0)
		return app_usage(app, "%s", e.msg);
	c.version = version;
	code = app_need(app, NEED_CONF);
	if (code == EXIT_DONE)
		code = app_open_audit(app);
	if (code != EXIT_DONE)
		return code;
	struct str caller = app_caller(app->arena);
	c.resolve.by =
	    str_of(arena_printf(app->arena, "%.*s on %s", STR_ARG(caller), owner_host(host)));
	return settle(app, &c);
}

static const struct option options_resolve[] = {
	{ "--applied", 0, OPTION_FLAG, NULL, "the statement in flight is done: go on behind it" },
	{ "--not-applied", 0, OPTION_FLAG, NULL, "it is not done: run it again" },
	{ "--from-statement", 0, OPTION_ONE, "N",
	  "go on at statement N, from 1, of the file as it will be then" },
	{ "--all-applied", 0, OPTION_FLAG, NULL, "the whole version counts as applied" },
	{ "--reason", 0, OPTION_ONE, "TEXT", "why, for the ledger and the audit log" },
	{ .name = NULL },
};

const struct command command_revisions_resolve = {
	.name = "revisions",
	.verb = "resolve",
	.summary = "say what became of a statement whose outcome is unknown",
	.usage = "instances/I/databases/D VERSION --applied | --not-applied | --from-statement N | "
		 "--all-applied [--reason TEXT]",
	.text =
	    "A migration that runs statement by statement stops when the process or the "
	    "connection died while a\nstatement ran that cannot be in a transaction, and nothing "
	    "proves whether it was done. Look at the\ndatabase, say what is so, and retry the "
	    "task. Nothing is run by this command. It takes the target's\nlock, changes the row "
	    "of the ledger, and writes to the audit log where there is a store.",
	.options = options_resolve,
	.examples =
	    "tidegate revisions resolve instances/prod/databases/shop 12 --applied\n"
	    "tidegate revisions resolve instances/prod/databases/shop 12 --from-statement 4 "
	    "--reason \"1 to 3 by hand\"",
	.exits = "3 when there is nothing to resolve.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_resolve,
};
