/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate deliveries list` and `show`: what was received and what became of it. */
#include "base/clock.h"
#include "cli/app.h"
#include "cli/delivery_out.h"
#include "cli/dry_run.h"
#include "cli/names.h"
#include "cli/table.h"
#include "receiver/delivery.h"
#include "vcs/provider.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

static const struct column columns[] = {
	{ "DELIVERY", 1 }, { "RECEIVED", 0 }, { "REPOSITORY", 0 }, { "STATE", 0 },
	{ "EVENT", 0 },    { "ROLLOUT", 0 },  { "REASON", 0 },
};

static int print_table(struct app *app, const struct delivery *list, size_t n)
{
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_int(&t, list[i].id);
		table_time(&t, list[i].received_ms);
		table_text(&t, list[i].endpoint);
		table_cell(&t, str_of(delivery_state_name(list[i].state)),
			   delivery_tint(list[i].state));
		table_text(&t, list[i].summary.n > 0 ? list[i].summary : list[i].event_type);
		table_text(&t, list[i].rollout);
		table_text(&t, list[i].reason);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int print_json(struct app *app, const struct delivery *list, size_t n)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "deliveries");
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		delivery_json(&w, &list[i]);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

/* The options as a filter; the repository is looked up later, with the configuration. */
static int read_filter(struct delivery_filter *f, const struct options *given, struct err *e)
{
	const struct str state = option_value(given, "--state");
	int64_t limit = LIMIT_DEFAULT;

	f->by_state = state.p != NULL;
	if (state.p != NULL && delivery_state_parse(&f->state, state, e) != 0)
		return -1;
	if (option_time(&f->since_ms, given, "--since", e) != 0 ||
	    option_number(&limit, given, "--limit", 1, LIMIT_MAX, e) != 0)
		return -1;
	f->limit = (size_t)limit;
	return 0;
}

static int run_list(struct app *app, const struct options *given)
{
	const struct str repository = option_value(given, "--repository");
	const struct conf_repository *endpoint;
	struct delivery_filter filter = { 0 };
	struct delivery *list;
	struct err e;
	size_t n;
	int code;

	if (read_filter(&filter, given, &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (repository.p != NULL) {
		if (names_repository(&endpoint, app->conf, repository, &e) != 0)
			return app_fail_usage(app, &e);
		filter.endpoint = endpoint->id;
	}
	if (delivery_list(&list, &n, app->store, &filter, app->arena, &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_JSON)
		return print_json(app, list, n);
	if (n > 0)
		return print_table(app, list, n);
	if (filter.by_state || filter.since_ms != 0 || filter.endpoint.p != NULL)
		app_note(app, "no delivery fits");
	else
		app_note(app, "no deliveries yet; send one from the provider, or try "
			      "`tidegate simulate`");
	return EXIT_DONE;
}

/* What the delivery says; an event that cannot be read leaves the reason instead. */
struct content {
	struct request request;
	struct event event;
	int readable;
	struct err why;
};

static int read_content(struct content *c, struct app *app, const struct delivery *d, struct err *e)
{
	const struct provider *provider = provider_find(d->provider);

	if (delivery_request(&c->request, app->store, d->id, app->arena, e) != 0)
		return -1;
	if (provider == NULL)
		IGNORE(err_set(&c->why, ERR_INPUT, "this version has no provider '%.*s'",
			       STR_ARG(d->provider))); /* told with the rest */
	else
		c->readable = provider->parse(&c->event, &c->request, app->arena, &c->why) == 0;
	return 0;
}

static int show_json(struct app *app, const struct delivery *d, const struct content *c, int body)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	delivery_json(&w, d);
	if (c->readable)
		event_write_json(&w, "event", &c->event);
	else
		jw_null(&w, "event");
	jw_text(&w, "event_error", c->readable ? NULL : c->why.msg);
	jw_array(&w, "headers");
	for (size_t i = 0; i < c->request.n_headers; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "name", c->request.headers[i].name);
		jw_str(&w, "value", c->request.headers[i].value);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	if (body)
		jw_str(&w, "body", c->request.body);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

/* The body and nothing else: byte by byte into a file or pipe, escaped on a terminal. */
static int show_body(struct app *app, struct str body)
{
	AUTO(buf) struct buf out;
	struct str line;

	app_begin(&out);
	if (!app->out.terminal) {
		buf_add(&out, body);
		return app_print(app, &out);
	}
	while (str_split(&line, &body, '\n')) {
		screen_add(&out, line);
		buf_addc(&out, '\n');
	}
	return app_print(app, &out);
}

static int show_table(struct app *app, const struct delivery *d, const struct content *c)
{
	AUTO(buf) struct buf out;

	app_begin(&out);
	delivery_facts(&out, d, &app->out);
	buf_adds(&out, "\nEvent\n");
	if (c->readable)
		dry_run_facts(&out, &c->event);
	else
		detail(&out, "unreadable", str_of(c->why.msg));
	buf_adds(&out, "\nHeaders\n");
	for (size_t i = 0; i < c->request.n_headers; i++) {
		screen_add(&out, c->request.headers[i].name);
		buf_adds(&out, ": ");
		screen_add(&out, c->request.headers[i].value);
		buf_addc(&out, '\n');
	}
	return app_print(app, &out);
}

static int run_show(struct app *app, const struct options *given)
{
	const int body = option_has(given, "--body");
	struct content content = { .readable = 0 };
	struct delivery delivery;
	struct err e;
	int64_t id;
	int code;

	if (names_delivery(&id, given->operands[0], &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (delivery_get(&delivery, app->store, id, app->arena, &e) != 0 ||
	    read_content(&content, app, &delivery, &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_JSON)
		return show_json(app, &delivery, &content, body);
	return body ? show_body(app, content.request.body) : show_table(app, &delivery, &content);
}

static const struct option options_list[] = {
	{ "--state", 0, OPTION_ONE, "STATE",
	  "queued, processing, released, ignored, refused or failed" },
	{ "--repository", 0, OPTION_ONE, "ID", "of this endpoint only" },
	{ "--since", 0, OPTION_ONE, "TIME", "received since: 2h, 7d, 2026-11-23T11:45:01Z" },
	{ "--limit", 0, OPTION_ONE, "N", "at most so many, the newest; default 50" },
	{ .name = NULL },
};

static const struct option options_show[] = {
	{ "--body", 0, OPTION_FLAG, NULL, "the raw body as received, and nothing else" },
	{ .name = NULL },
};

const struct command command_deliveries_list = {
	.name = "deliveries",
	.verb = "list",
	.summary = "list what was received, newest first",
	.usage = "[--state STATE] [--repository ID] [--since TIME] [--limit N]",
	.text =
	    "Lists deliveries with what became of each: released, ignored, refused or failed, and "
	    "why.",
	.options = options_list,
	.examples = "tidegate deliveries list\n"
		    "tidegate deliveries list --state failed --since 2h\n"
		    "tidegate deliveries list --format json | jq '.deliveries[0]'",
	.run = run_list,
};

const struct command command_deliveries_show = {
	.name = "deliveries",
	.verb = "show",
	.summary = "show one delivery: facts, event, headers",
	.usage = "DELIVERY [--body]",
	.text =
	    "Shows all of a delivery: what became of it, the event that was read from it, and its "
	    "headers\n(credentials in them were removed before they were stored). With --format "
	    "json, --body adds\nthe body as a string.",
	.options = options_show,
	.examples = "tidegate deliveries show 17\n"
		    "tidegate deliveries show 17 --body > body.json",
	.exits = "1 when there is no such delivery.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_show,
};
