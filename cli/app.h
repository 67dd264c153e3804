/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_APP_H
#define CLI_APP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json_write.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/screen.h"
#include "db/db.h"
#include "release/audit.h"

#include <stddef.h>

/* What every command gets, and how it ends. Results go to stdout, everything else to stderr. */

/* Exit codes, as docs/commands.md has them. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,   /* usage or configuration */
	EXIT_REFUSED = 3, /* by policy: limit, drift, order, approval */
};

/* FORMAT_OWN: one of the command's own, by name in `format_name`. */
enum app_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV, FORMAT_OWN };

enum {
	APP_MEMORY_MAX = 512 * 1024 * 1024, /* a release of 200,000 files, with its table */
	APP_OUTPUT_MAX = 256 * 1024 * 1024, /* one result */
};

struct command;

struct app {
	const struct command *command;
	const char *conf_path; /* -c, or NULL */
	enum app_format format;
	struct str format_name; /* as given; absent: none was */
	struct conf *conf;      /* after app_need */
	struct db *store;       /* after app_need */
	struct arena *arena;    /* the command's memory */
	struct log log;
	struct screen out; /* stdout */
	struct screen err; /* stderr */
};

/* What a command needs opened; it asks once its own arguments are in order, so that a mistake in
 * them is told before one in the configuration. */
enum app_needs { NEED_CONF = 1 << 0, NEED_SECRETS = 1 << 1, NEED_STORE = 1 << 2 };

/* One row of the command table. `tidegate help` is written from it. */
struct command {
	const char *name;
	const char *verb;    /* "list"; NULL: the command has none */
	const char *summary; /* one line for the list */
	const char *usage;   /* what comes behind "tidegate NAME"; one line each */
	const char *text;    /* what it does */
	const struct option *options;
	const char *examples; /* one line each */
	const char *exits;    /* when it ends with which code, beyond the common ones */
	size_t min_operands, max_operands;
	int takes_csv;              /* --format csv is a format of it */
	const char *const *formats; /* others beside table and json, NULL-ended; NULL: none */
	int (*run)(struct app *app, const struct options *given); /* an exit code */
};

/* Open what `needs` names; an exit code, EXIT_DONE when all is there. What is not is reported. */
int app_need(struct app *app, unsigned needs) MUST_CHECK;

/* Open the store for an entry in the audit log. Targets are worked on without a daemon too: where
 * there is no store, that is said and app->store stays NULL. An exit code. */
int app_open_audit(struct app *app) MUST_CHECK;

/* Report `e` on stderr and give the exit code that fits it. */
int app_fail(const struct app *app, const struct err *e);
/* The same for what the user got wrong on the command line or in the configuration. */
int app_fail_usage(const struct app *app, const struct err *e);
/* A usage error: the message, and where help is. */
int app_usage(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A remark on stderr: one line, escaped. */
void app_note(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A result: its place, begun empty, and its way to stdout (EXIT_DONE, or EXIT_FAILED reported). A
 * lost result (no memory, disk full) is a failure. */
void app_begin(struct buf *out);
int app_print(const struct app *app, struct buf *out) MUST_CHECK;

/* JSON of a result: two blanks per level and a final line end. */
void app_json(struct json_writer *w, struct buf *out);
int app_print_json(const struct app *app, struct buf *out) MUST_CHECK;
/* "##[" anywhere in a line is a command to the runners of some pipelines: write "##" in JSON so
 * that it is the same to a reader of JSON and nothing to them. app_print_json does it. */
void app_hide_commands(struct buf *json);

/* Load one secret of the configuration that is not loaded yet; `what` names it in the message. */
int app_load_secret(struct conf_secret *secret, const struct conf *conf, const char *what,
		    struct err *e) MUST_CHECK;

/* Who calls, for the records: the login name, or "uid N". In the arena. */
struct str app_caller(struct arena *arena);
/* The same for the audit log, with where from: "cli on HOST, uid N". Where the system knows who
 * logged in (/proc/self/loginuid), it is that person, through sudo too. */
int app_actor(struct audit_actor *out, struct arena *arena, struct err *e) MUST_CHECK;
/* --reason, for ledgers and the audit log; absent without it. One line of UTF-8, or else EXIT_USAGE
 * with a message. */
int app_reason(struct str *out, const struct app *app, const struct options *given) MUST_CHECK;

extern const struct command command_serve;
extern const struct command command_config_check;
extern const struct command command_config_show;
extern const struct command command_hook_install;
extern const struct command command_hook_post_receive;
extern const struct command command_hook_work;
extern const struct command command_replay;
extern const struct command command_simulate;
extern const struct command command_deliveries_list;
extern const struct command command_deliveries_show;
extern const struct command command_deliveries_fetch_missed;
extern const struct command command_releases_list;
extern const struct command command_releases_show;
extern const struct command command_plans_list;
extern const struct command command_plans_show;
extern const struct command command_rollouts_list;
extern const struct command command_rollouts_show;
extern const struct command command_databases_list;
extern const struct command command_revisions_list;
extern const struct command command_revisions_show;
extern const struct command command_revisions_resolve;
extern const struct command command_revisions_baseline;
extern const struct command command_revisions_adopt;
extern const struct command command_users_list;
extern const struct command command_check;
extern const struct command command_rollout;
extern const struct command command_run;
extern const struct command command_retry;
extern const struct command command_approve;
extern const struct command command_skip;
extern const struct command command_cancel;
extern const struct command command_audit_list;
extern const struct command command_help;
extern const struct command command_version;

/* All of them, NULL-ended, in the order of the help; the verbs of a name stand together. */
const struct command *const *app_commands(void);
/* The options that every command takes. */
const struct option *app_options(void);

#endif
