/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate check`: the migrations of a checkout are reviewed against the configured databases. It
 * changes nothing. */
#include "base/clock.h"
#include "cli/action_output.h"
#include "cli/app.h"
#include "cli/check_format.h"
#include "cli/check_rules.h"
#include "cli/local.h"
#include "receiver/target.h"
#include "vcs/repo.h"

enum {
	LOOK_MS = 120 * 1000, /* databases are looked at for so long by default */
	CONNECT_TIMEOUT_MS = 5000,
	LOCK_TIMEOUT_MS = 2000,
	STATEMENT_TIMEOUT_MS = 10000,
};

/* From which findings on the command says no. */
enum fail_on { FAIL_AS_CONFIGURED, FAIL_NEVER, FAIL_ON_WARNING, FAIL_ON_ERROR };

struct review_command {
	struct app *app;
	struct local local;
	enum fail_on fail_on;
	const struct check_format *format;
	struct str report; /* a file for the format; absent: stdout */
	int64_t look_ms;
	int offline;
	/* made */
	struct review_job job;
	struct review review;
	struct check_report findings;
};

/* --- options --- */

static int read_fail_on(enum fail_on *out, struct str text, struct err *e)
{
	static const struct {
		const char *name;
		enum fail_on value;
	} values[] = {
		{ "SKIP", FAIL_NEVER },
		{ "FAIL_ON_WARNING", FAIL_ON_WARNING },
		{ "FAIL_ON_ERROR", FAIL_ON_ERROR },
	};

	*out = FAIL_AS_CONFIGURED;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (str_eq_cstr(text, values[i].name)) {
			*out = values[i].value;
			return 0;
		}
	}
	if (text.p == NULL)
		return 0;
	return err_set(e, ERR_INPUT,
		       "--check-release '%.*s': expected SKIP, FAIL_ON_WARNING or FAIL_ON_ERROR",
		       STR_ARG(text));
}

/* As the options say, else as the pipeline's environment does. */
static void choose_format(struct review_command *c, const struct options *given)
{
	c->report = option_value(given, "--report");
	if (c->app->format_name.p != NULL) {
		c->format = check_format_find(c->app->format_name);
		return;
	}
	c->format = check_format_of_environment();
	if (c->report.p == NULL && c->format->file != NULL)
		c->report = str_of(c->format->file);
}

static int read_options(struct review_command *c, const struct options *given)
{
	struct err e;
	const int code = local_options_check(c->app, given);

	if (code != EXIT_DONE)
		return code;
	if (option_has(given, "--custom-rules"))
		return app_usage(c->app, "--custom-rules needs a language model, which Tidegate "
					 "does not ask; its rules are those of --list-rules");
	c->look_ms = LOOK_MS;
	if (read_fail_on(&c->fail_on, option_value(given, "--check-release"), &e) != 0 ||
	    option_duration(&c->look_ms, given, "--timeout", &e) != 0)
		return app_usage(c->app, "%s", e.msg);
	c->offline = option_has(given, "--offline");
	choose_format(c, given);
	return EXIT_DONE;
}

/* --- the review --- */

static int read_content(void *context, struct buf *out, const struct migration *file, struct err *e)
{
	const struct review_command *c = context;

	buf_add(out, local_content(&c->local, file));
	return buf_check(out, e);
}

/* Short timeouts: a check waits for nobody. */
static int open_target(void *context, struct db **out, size_t i, struct err *e)
{
	const struct review_command *c = context;
	struct db_options options;

	if (target_options(&options, c->app->conf, c->job.targets[i].name, c->app->arena, e) != 0)
		return -1;
	options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	options.lock_timeout_ms = LOCK_TIMEOUT_MS;
	options.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
	return db_open(out, &options, e);
}

static int add_target(struct review_target *out, const struct review_command *c, struct str name,
		      struct err *e)
{
	const struct conf_project *project = c->local.project;
	const struct str id = str_from(name, sizeof("instances/") - 1);
	const struct conf_instance *instance =
	    conf_instance(c->app->conf, str_first(id, str_find(id, '/')));

	if (instance == NULL) /* it was there when the targets were chosen */
		return err_set(e, ERR_NOTFOUND, "there is no instance of '%.*s'", STR_ARG(name));
	*out = (struct review_target){
		.name = name,
		.driver = db_find(instance->url),
		.environment = conf_environment(c->app->conf, instance->environment),
		.rules = { .project = project->id,
			   .allow_out_of_order = project->allow_out_of_order,
			   .allow_edited = project->allow_edited,
			   .allow_foreign = project->allow_foreign_history },
	};
	if (out->driver == NULL)
		return err_set(e, ERR_INPUT, "instance '%.*s' is of no known database",
			       STR_ARG(instance->id));
	return 0;
}

static int make_job(struct review_command *c, struct err *e)
{
	struct review_target *targets =
	    arena_array(c->app->arena, c->local.n_targets, sizeof(*targets));

	if (targets == NULL)
		return arena_err(c->app->arena, e);
	for (size_t i = 0; i < c->local.n_targets; i++) {
		if (add_target(&targets[i], c, c->local.targets[i], e) != 0)
			return -1;
	}
	c->job = (struct review_job){
		.manifest = &c->local.manifest,
		.read = read_content,
		.open = c->offline ? NULL : open_target,
		.context = c,
		.targets = targets,
		.n_targets = c->local.n_targets,
		.deadline_ms = c->look_ms > 0 ? clock_mono_ms() + c->look_ms : 0,
	};
	return 0;
}

/* Whether the policy says no. */
static int is_refused(const struct review_command *c)
{
	const struct review_result *result;
	const struct advice *advice;

	switch (c->fail_on) {
	case FAIL_AS_CONFIGURED:
		return review_blocks(&result, &advice, &c->review, &c->job) == 1;
	case FAIL_NEVER:
		return 0;
	case FAIL_ON_WARNING:
		return c->review.errors + c->review.warnings > 0;
	case FAIL_ON_ERROR:
		return c->review.errors > 0;
	}
	return 1;
}

/* Whether no database answered: then the files are reviewed all the same, as with --offline. */
static int nobody_answered(const struct review_command *c)
{
	for (size_t i = 0; i < c->review.n_misses; i++) {
		if (c->review.misses[i].advice.rule != RULE_TARGET_UNREACHABLE)
			return 0;
	}
	return !c->offline && c->review.n == 0 && c->review.n_misses == c->job.n_targets;
}

static int review_offline(struct review_command *c, struct err *e)
{
	const struct review missed = c->review;
	struct review_job job = c->job;

	job.open = NULL;
	if (review_run(&c->review, &job, c->app->arena, e) != 0)
		return -1;
	c->review.misses = missed.misses;
	c->review.n_misses = missed.n_misses;
	c->review.infos += missed.infos;
	c->review.warnings += missed.warnings;
	c->review.errors += missed.errors;
	return 0;
}

static int review_all(struct review_command *c, struct err *e)
{
	if (c->local.manifest.n == 0)
		return 0; /* a commit without migrations passes */
	if (review_run(&c->review, &c->job, c->app->arena, e) != 0)
		return -1;
	return nobody_answered(c) ? review_offline(c, e) : 0;
}

static int review_files(struct review_command *c, struct err *e)
{
	if (make_job(c, e) != 0 || review_all(c, e) != 0)
		return -1;
	c->findings = (struct check_report){ .review = &c->review,
					     .job = &c->job,
					     .failed = is_refused(c),
					     .version = TIDEGATE_VERSION,
					     .screen = c->app->out };
	return check_findings(&c->findings, c->app->arena, e);
}

/* --- printing --- */

static int print_format(struct review_command *c, const struct check_format *format)
{
	AUTO(buf) struct buf out;
	struct err e;

	app_begin(&out);
	if (format->write(&out, &c->findings, &e) != 0)
		return app_fail(c->app, &e);
	return format->is_json ? app_print_json(c->app, &out) : app_print(c->app, &out);
}

static int write_report(struct review_command *c)
{
	AUTO(buf) struct buf out;
	struct err e;

	app_begin(&out);
	if (c->format->write(&out, &c->findings, &e) != 0)
		return app_fail(c->app, &e);
	if (c->format->is_json)
		buf_addc(&out, '\n');
	if (buf_check(&out, &e) != 0 || action_output_file(c->report, buf_str(&out), &e) != 0)
		return app_fail(c->app, &e);
	app_note(c->app, "%s report written to '%.*s'", c->format->name, STR_ARG(c->report));
	return EXIT_DONE;
}

static int print(struct review_command *c)
{
	int code = EXIT_DONE;

	if (c->report.p != NULL)
		code = write_report(c);
	if (code == EXIT_DONE && (c->report.p != NULL || c->format->is_log))
		code = print_format(c, &check_format_table);
	if (code == EXIT_DONE && c->report.p == NULL)
		code = print_format(c, c->format);
	return code;
}

/* --- the command --- */

static int check(struct review_command *c, const struct options *given)
{
	const struct action_output output = { .check = check_format_response,
					      .report = &c->findings };
	struct err e;
	int code = local_scope(&c->local, c->app, given, 1);

	if (code == EXIT_DONE)
		code = local_read(&c->local, c->app);
	if (code == EXIT_DONE)
		code = c->offline ? local_resolve_offline(&c->local, c->app)
				  : local_resolve(&c->local, c->app);
	if (code != EXIT_DONE)
		return code;
	if (c->local.manifest.n == 0)
		app_note(c->app,
			 "no migration: nothing here matches '%.*s' and starts with a version",
			 STR_ARG(c->local.pattern));
	if (review_files(c, &e) != 0)
		return app_fail(c->app, &e);
	code = print(c);
	if (action_output_write(c->app, option_value(given, "--output"), &output) != EXIT_DONE)
		code = EXIT_FAILED;
	return code == EXIT_DONE && c->findings.failed ? EXIT_REFUSED : code;
}

static int run_check(struct app *app, const struct options *given)
{
	struct review_command c = { .app = app };
	struct err e;
	int code;

	if (option_has(given, "--list-rules"))
		return check_rules_list(app);
	if (option_has(given, "--explain"))
		return check_rules_explain(app, option_value(given, "--explain"));
	code = read_options(&c, given);
	if (code != EXIT_DONE)
		return code;
	if (repo_library_init(&e) != 0)
		return app_fail(app, &e);
	code = check(&c, given);
	repo_library_shutdown();
	return code;
}

static const struct option options_check[] = {
	LOCAL_OPTIONS,
	{ "--check-release", 0, OPTION_ONE, "POLICY",
	  "SKIP, FAIL_ON_WARNING or FAIL_ON_ERROR; default: fail_on of each environment" },
	{ "--offline", 0, OPTION_FLAG, NULL, "connect to no database: syntax and rules only" },
	{ "--report", 0, OPTION_ONE, "FILE",
	  "write the format to a file, and the table to standard output" },
	{ "--list-rules", 0, OPTION_FLAG, NULL, "the rules that there are" },
	{ "--explain", 0, OPTION_ONE, "RULE", "one rule: why, and what to write instead" },
	{ "--custom-rules", 0, OPTION_ONE, "TEXT", "not supported" },
	{ .name = NULL },
};

const struct command command_check = {
	.name = "check",
	.summary = "review the migrations of a checkout; nothing is changed",
	.usage = "[--check-release POLICY] [--format FORMAT] [--report FILE] [OPTION...]\n"
		 "--list-rules\n--explain RULE",
	.text =
	    "Reviews the migrations below the current directory against the configured databases: "
	    "versions, order,\nedited files, syntax with line and column, rules that matter in "
	    "production, risk, affected rows.\nDatabases are read, never changed. Formats: table, "
	    "json, sarif, github, gitlab, bitbucket, azure;\nin a pipeline the one that fits it is "
	    "the default.",
	.options = options_check,
	.examples = "tidegate check\n"
		    "tidegate check --offline --check-release FAIL_ON_ERROR\n"
		    "tidegate check --format sarif --report tidegate.sarif\n"
		    "tidegate check --explain require-where",
	.exits = "3 when the policy says no to what was found; 1 when the check could not be done.",
	.formats = check_format_names,
	.run = run_check,
};
