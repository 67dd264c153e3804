/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate replay`: takes deliveries up again, by number or since a time, or (with --dry-run) only
 * tells what would be done. */
#include "base/clock.h"
#include "cli/app.h"
#include "cli/delivery_out.h"
#include "cli/dry_run.h"
#include "cli/json_out.h"
#include "cli/names.h"
#include "cli/poll.h"
#include "cli/table.h"
#include "receiver/handin.h"
#include "release/store.h"

#include <limits.h>

enum { REPLAY_MAX = 10000 };

#define WAIT_DEFAULT_MS INT64_C(300000)

/* One delivery that is replayed. */
struct replay {
	int64_t delivery;
	int64_t replay; /* 0: not yet */
	struct delivery outcome;
};

struct replays {
	struct replay *list;
	size_t n;
	struct str to; /* endpoint; absent: the delivery's own */
	int64_t timeout_ms;
	int wait;
};

/* Whether a newer delivery of the list, which is newest first, repeats the same one as list[i] (or
 * list[i] itself): only the newest attempt is taken up again. */
static int was_replayed(const struct delivery *list, size_t i)
{
	const int64_t root = list[i].origin != 0 ? list[i].origin : list[i].id;

	for (size_t k = 0; k < i; k++) {
		if (list[k].origin == root)
			return 1;
	}
	return 0;
}

/* The options of --since as a filter of everything since then, and the state that is wanted. */
static int read_since(struct delivery_filter *f, enum delivery_state *state,
		      const struct options *given, struct err *e)
{
	const struct str name = option_value(given, "--state");

	*state = DELIVERY_FAILED;
	f->limit = REPLAY_MAX + 1;
	if (name.p != NULL && delivery_state_parse(state, name, e) != 0)
		return -1;
	if (*state == DELIVERY_QUEUED || *state == DELIVERY_PROCESSING)
		return err_set(e, ERR_INPUT, "deliveries that are %s are not replayed",
			       delivery_state_name(*state));
	return option_time(&f->since_ms, given, "--since", e);
}

/* Those since a time, in the order they came. */
static int choose_since(struct replays *out, struct app *app, const struct delivery_filter *filter,
			enum delivery_state state, struct err *e)
{
	struct delivery *list;
	size_t n;

	if (delivery_list(&list, &n, app->store, filter, app->arena, e) != 0)
		return -1;
	if (n > REPLAY_MAX)
		return err_set(e, ERR_LIMIT,
			       "more than %d deliveries since then; name a later time", REPLAY_MAX);
	out->list = arena_array(app->arena, n + 1, sizeof(*out->list));
	if (out->list == NULL)
		return arena_err(app->arena, e);
	for (size_t i = n; i-- > 0;) {
		if (list[i].state == state && !was_replayed(list, i))
			out->list[out->n++].delivery = list[i].id;
	}
	return 0;
}

static int choose_named(struct replays *out, const struct options *given, struct arena *arena,
			struct err *e)
{
	out->list = arena_array(arena, given->n_operands, sizeof(*out->list));
	if (out->list == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < given->n_operands; i++) {
		if (names_delivery(&out->list[i].delivery, given->operands[i], e) != 0)
			return -1;
	}
	out->n = given->n_operands;
	return 0;
}

static int is_open(enum delivery_state state)
{
	return state == DELIVERY_QUEUED || state == DELIVERY_PROCESSING;
}

/* Look at one until it is processed, or once. Texts of the last look stay in the arena. */
static int follow(struct replay *r, const struct replays *all, struct app *app, struct err *e)
{
	struct poll_clock clock;
	char what[64];

	(void)snprintf(what, sizeof(what), "delivery %lld", (long long)r->replay);
	poll_start(&clock, all->timeout_ms);
	for (;;) {
		if (delivery_get(&r->outcome, app->store, r->replay, app->arena, e) != 0)
			return -1;
		if (!all->wait || !is_open(r->outcome.state))
			return 0;
		if (poll_again(&clock, what, e) != 0)
			return -1;
	}
}

static int print_json(struct app *app, const struct replays *r)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "replays");
	for (size_t i = 0; i < r->n && r->list[i].replay != 0; i++) {
		const struct delivery *d = &r->list[i].outcome;

		jw_object(&w, NULL);
		if (r->list[i].delivery != 0)
			json_id_out(&w, "delivery", r->list[i].delivery);
		else
			jw_null(&w, "delivery");
		json_id_out(&w, "replay", r->list[i].replay);
		jw_text(&w, "state", delivery_state_name(d->state));
		jw_str(&w, "reason", d->reason);
		jw_str(&w, "release", d->release);
		jw_str(&w, "rollout", d->rollout);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int print_table(struct app *app, const struct replays *r)
{
	static const struct column columns[] = {
		{ "DELIVERY", 1 }, { "REPLAY", 1 },  { "STATE", 0 },
		{ "RELEASE", 0 },  { "ROLLOUT", 0 }, { "REASON", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < r->n && r->list[i].replay != 0; i++) {
		const struct delivery *d = &r->list[i].outcome;

		if (r->list[i].delivery != 0)
			table_int(&t, r->list[i].delivery);
		else
			table_text(&t, STR_NULL); /* it came from a file */
		table_int(&t, r->list[i].replay);
		table_cell(&t, str_of(delivery_state_name(d->state)), delivery_tint(d->state));
		table_text(&t, d->release);
		table_text(&t, d->rollout);
		table_text(&t, d->reason);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

/* The worst of the outcomes: failed before refused before done. */
static int outcome_code(const struct replays *r)
{
	int code = EXIT_DONE;

	for (size_t i = 0; r->wait && i < r->n; i++) {
		if (r->list[i].outcome.state == DELIVERY_FAILED)
			return EXIT_FAILED;
		if (r->list[i].outcome.state == DELIVERY_REFUSED)
			code = EXIT_REFUSED;
	}
	return code;
}

/* One replay on its way into the store. */
struct replay_work {
	struct replay *replay;
	struct str to;
	struct audit_actor actor;
};

/* The new delivery and its entry in the audit log. */
static int queue_again(struct db *store, void *context, struct err *e)
{
	const struct replay_work *w = context;
	const int64_t now_ms = clock_unix_ms();
	char object[40], detail[64];

	if (delivery_replay(&w->replay->replay, store, w->replay->delivery, w->to, now_ms, e) != 0)
		return -1;
	(void)snprintf(object, sizeof(object), "deliveries/%lld", (long long)w->replay->delivery);
	(void)snprintf(detail, sizeof(detail), "{\"as\":\"deliveries/%lld\"}",
		       (long long)w->replay->replay);
	return audit_add(store, &w->actor, "replay", str_of(object), str_of(detail), now_ms, e);
}

static int carry_out(struct replays *r, struct app *app, struct err *e)
{
	struct replay_work w = { .to = r->to };

	if (app_actor(&w.actor, app->arena, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		w.replay = &r->list[i];
		if (store_within(app->store, queue_again, &w, e) != 0)
			return err_wrap(e, "delivery %lld", (long long)r->list[i].delivery);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (r->wait && app->err.terminal)
			app_note(app, "waiting for delivery %lld (%zu of %zu)",
				 (long long)r->list[i].replay, i + 1, r->n);
		if (follow(&r->list[i], r, app, e) != 0)
			return -1;
	}
	return 0;
}

static int replay_all(struct replays *r, struct app *app)
{
	struct err e;
	int failed = carry_out(r, app, &e);
	/* what was queued before a failure is told all the same */
	int code = app->format == FORMAT_JSON ? print_json(app, r)
		   : r->n > 0                 ? print_table(app, r)
					      : EXIT_DONE;

	if (failed)
		return app_fail(app, &e);
	if (r->n == 0)
		app_note(app, "nothing to replay");
	return code != EXIT_DONE ? code : outcome_code(r);
}

static int resolve_endpoints(struct replays *r, struct delivery_filter *filter, struct app *app,
			     const struct options *given, struct err *e)
{
	const struct str to = option_value(given, "--to");
	const struct str of = option_value(given, "--repository");
	const struct conf_repository *repository;

	if (to.p != NULL) {
		if (names_repository(&repository, app->conf, to, e) != 0)
			return -1;
		r->to = repository->id;
	}
	if (of.p != NULL) {
		if (names_repository(&repository, app->conf, of, e) != 0)
			return -1;
		filter->endpoint = repository->id;
	}
	return 0;
}

static int replay_stored(struct app *app, const struct options *given)
{
	const int since = option_has(given, "--since");
	struct replays r = { .timeout_ms = WAIT_DEFAULT_MS, .wait = option_has(given, "--wait") };
	enum delivery_state state = DELIVERY_FAILED;
	struct delivery_filter filter = { 0 };
	struct err e;
	int code;

	if ((since && read_since(&filter, &state, given, &e) != 0) ||
	    (!since && choose_named(&r, given, app->arena, &e) != 0) ||
	    option_duration(&r.timeout_ms, given, "--timeout", &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (resolve_endpoints(&r, &filter, app, given, &e) != 0)
		return app_fail_usage(app, &e);
	if (since && choose_since(&r, app, &filter, state, &e) != 0)
		return app_fail(app, &e);
	return replay_all(&r, app);
}

/* Which of the three forms is meant, and what does not go together. */
static const char *what_is_wrong(const struct options *o)
{
	const int dry = option_has(o, "--dry-run"), body = option_has(o, "--body");
	const int since = option_has(o, "--since");

	if (body + since + (o->n_operands > 0) != 1)
		return body || since || o->n_operands > 0
			   ? "deliveries, --since and --body do not go together"
			   : "what is to be replayed? name deliveries, or give --since TIME, or "
			     "--dry-run with --body FILE";
	if (!body &&
	    (option_has(o, "--provider") || option_has(o, "--event") || option_has(o, "--header")))
		return "--provider, --event and --header belong to --body";
	if (body && !dry && !option_has(o, "--repository"))
		return "for which endpoint is the body? give --repository, or --dry-run to only "
		       "read it";
	if (body && option_has(o, "--to"))
		return "--to does not go with --body: --repository names the endpoint";
	if (dry && (since || o->n_operands > 1 || option_has(o, "--wait")))
		return "--dry-run takes one delivery, or --body FILE";
	if (!since && option_has(o, "--state"))
		return "--state belongs to --since";
	if (!since && !body && option_has(o, "--repository"))
		return "--repository belongs to --since or --body; to replay for another endpoint "
		       "give --to";
	if (option_has(o, "--timeout") && !option_has(o, "--wait"))
		return "--timeout belongs to --wait";
	return NULL;
}

/* Queue a body from a file. Whoever may write to the store needs no signature. */
static int queue_body(struct replay *out, struct app *app, const struct body_request *r,
		      struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	AUTO(handin) struct handin handin = { .id = "" };
	int again = 0;

	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (handin_prepare(&handin, r->repository, STR("replay"),
			   (size_t)app->conf->limits.max_body_bytes, &r->request, d, NULL,
			   app->arena, e) != 0 ||
	    handin_write(&out->replay, &again, app->store, &handin, e) != 0)
		return -1;
	if (again)
		app_note(app,
			 "this body is delivery %lld already; `tidegate replay %lld` takes it "
			 "up again",
			 (long long)out->replay, (long long)out->replay);
	return 0;
}

static int replay_body(struct app *app, const struct options *given)
{
	AUTO(body_request) struct body_request r = { .repository = NULL };
	struct replay one = { 0 };
	struct replays all = { .list = &one,
			       .n = 1,
			       .timeout_ms = WAIT_DEFAULT_MS,
			       .wait = option_has(given, "--wait") };
	struct err e;
	int code = EXIT_DONE;

	if (option_duration(&all.timeout_ms, given, "--timeout", &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code == EXIT_DONE)
		code = dry_run_request(&r, app, given);
	if (code != EXIT_DONE)
		return code;
	if (!str_eq_cstr(r.repository->provider, r.provider->name))
		return app_usage(app, "endpoint '%.*s' is for '%.*s', not '%s'",
				 STR_ARG(r.repository->id), STR_ARG(r.repository->provider),
				 r.provider->name);
	if (queue_body(&one, app, &r, &e) != 0 || follow(&one, &all, app, &e) != 0)
		return app_fail(app, &e);
	code = app->format == FORMAT_JSON ? print_json(app, &all) : print_table(app, &all);
	return code != EXIT_DONE ? code : outcome_code(&all);
}

static int run_replay(struct app *app, const struct options *given)
{
	const char *wrong = what_is_wrong(given);

	if (wrong != NULL)
		return app_usage(app, "%s", wrong);
	if (option_has(given, "--body"))
		return option_has(given, "--dry-run") ? dry_run_body(app, given)
						      : replay_body(app, given);
	if (option_has(given, "--dry-run"))
		return dry_run_delivery(app, given);
	return replay_stored(app, given);
}

static const struct option options_replay[] = {
	{ "--since", 0, OPTION_ONE, "TIME", "all received since: 2h, 7d, 2026-11-23T11:45:01Z" },
	{ "--state", 0, OPTION_ONE, "STATE",
	  "of those: failed, refused, ignored or released; default failed" },
	{ "--repository", 0, OPTION_ONE, "ID",
	  "with --since: of this endpoint; with --body: for this endpoint" },
	{ "--to", 0, OPTION_ONE, "ENDPOINT", "for this endpoint instead of their own" },
	{ "--wait", 0, OPTION_FLAG, NULL, "wait until they are processed and print the outcome" },
	{ "--timeout", 0, OPTION_ONE, "TIME",
	  "wait for each at most so long; default 5m, 0 = ever" },
	{ "--dry-run", 0, OPTION_FLAG, NULL, "only read, and tell what would be done" },
	{ "--body", 0, OPTION_ONE, "FILE", "a body from a file, or - for stdin" },
	{ "--provider", 0, OPTION_ONE, "NAME", "with --body: who sent it, such as github" },
	{ "--event", 0, OPTION_ONE, "TYPE", "with --body: the event header, such as pull_request" },
	{ "--header", 0, OPTION_MANY, "'K: V'", "with --body: one more header; repeatable" },
	{ .name = NULL },
};

const struct command command_replay = {
	.name = "replay",
	.summary = "take deliveries up again, or tell what one would do",
	.usage =
	    "DELIVERY... [--to ENDPOINT] [--wait]\n"
	    "--since TIME [--state STATE] [--repository ID] [--to ENDPOINT] [--wait]\n"
	    "--repository ID --event TYPE --body FILE [--header 'K: V'] [--wait]\n"
	    "--dry-run DELIVERY [--to ENDPOINT]\n"
	    "--dry-run --provider NAME --event TYPE --body FILE [--header 'K: V'] [--repository "
	    "ID]",
	.text =
	    "Queues stored deliveries again, each as a new delivery that points at the old one. "
	    "With --since\nthe newest attempt of each delivery counts, and only those in the given "
	    "state are taken up.\nReplaying is safe: a commit that was released is the same "
	    "release "
	    "again, and no migration\nruns twice.\n"
	    "\n"
	    "With --body FILE and --repository a body that was saved elsewhere is queued for that "
	    "endpoint; no\nsignature is asked for, since who may write to the store may do more. "
	    "The same body twice is one\ndelivery.\n"
	    "\n"
	    "With --dry-run nothing is queued: the event is read, and what would be done with it "
	    "is printed\n(release, ignore or refuse, and why). With --body this needs no "
	    "configuration, no store and no\nsignature; with --repository it decides as that "
	    "endpoint of the configuration would.",
	.options = options_replay,
	.examples = "tidegate replay 17 18 --wait\n"
		    "tidegate replay --since 2h --state failed\n"
		    "tidegate replay --dry-run --provider github --event pull_request --body "
		    "body.json --format json",
	.exits =
	    "With --wait: 1 when one failed or the time was over, 3 when one was refused. A body "
	    "that cannot\nbe read is 1; what a dry run would do does not change its code.",
	.max_operands = SIZE_MAX,
	.run = run_replay,
};
