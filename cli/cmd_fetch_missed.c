/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate deliveries fetch-missed`: asks a provider's API for merges that never arrived, and
 * queues them. */
#include "cli/app.h"
#include "cli/delivery_out.h"
#include "cli/json_out.h"
#include "cli/names.h"
#include "cli/table.h"
#include "receiver/provider_api.h"
#include "receiver/reconcile.h"

struct search {
	struct reconcile_options options;
	struct reconcile found;
	size_t counts[RECONCILE_REFUSED + 1];
};

static enum tint tint_of(enum reconcile_status s)
{
	switch (s) {
	case RECONCILE_KNOWN:
		return TINT_NONE;
	case RECONCILE_QUEUED:
		return TINT_GOOD;
	case RECONCILE_MISSING:
	case RECONCILE_REFUSED:
		return TINT_BAD;
	}
	return TINT_NONE;
}

static void row_json(struct json_writer *w, const struct reconcile_row *row)
{
	const struct event *event = &row->pull.event;

	jw_object(w, NULL);
	jw_str(w, "number", event->pull_request.number);
	jw_str(w, "title", event->pull_request.title);
	jw_str(w, "url", event->pull_request.url);
	jw_str(w, "merge_commit", event->merge_commit);
	jw_time(w, "merged_at", row->pull.merged_ms);
	jw_text(w, "status", reconcile_status_name(row->status));
	json_id_out(w, "delivery", row->delivery);
	jw_text(w, "state", row->delivery != 0 ? delivery_state_name(row->state) : NULL);
	jw_str(w, "release", row->release);
	jw_str(w, "reason", row->reason);
	jw_end_object(w);
}

static int print_json(struct app *app, const struct search *s)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "repository", s->options.repository->id);
	jw_time(&w, "since", s->options.since_ms);
	jw_bool(&w, "dry_run", s->options.dry_run);
	jw_bool(&w, "complete", s->found.complete);
	jw_int(&w, "found", (int64_t)s->found.n);
	jw_int(&w, "known", (int64_t)s->counts[RECONCILE_KNOWN]);
	jw_int(&w, "queued", (int64_t)s->counts[RECONCILE_QUEUED]);
	jw_int(&w, "missing", (int64_t)s->counts[RECONCILE_MISSING]);
	jw_int(&w, "refused", (int64_t)s->counts[RECONCILE_REFUSED]);
	jw_array(&w, "pull_requests");
	for (size_t i = 0; i < s->found.n; i++)
		row_json(&w, &s->found.rows[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int print_table(struct app *app, const struct search *s)
{
	static const struct column columns[] = {
		{ "NUMBER", 1 },   { "MERGED", 0 }, { "COMMIT", 0 }, { "STATUS", 0 },
		{ "DELIVERY", 1 }, { "STATE", 0 },  { "TITLE", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < s->found.n; i++) {
		const struct reconcile_row *row = &s->found.rows[i];
		const struct event *event = &row->pull.event;

		table_text(&t, event->pull_request.number);
		table_time(&t, row->pull.merged_ms);
		table_text(&t, str_first(event->merge_commit, 12));
		table_cell(&t, str_of(reconcile_status_name(row->status)), tint_of(row->status));
		if (row->delivery != 0) {
			table_int(&t, row->delivery);
			table_cell(&t, str_of(delivery_state_name(row->state)),
				   delivery_tint(row->state));
		} else {
			table_text(&t, STR_NULL);
			table_text(&t, STR_NULL);
		}
		table_text(&t, event->pull_request.title);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int print(struct app *app, struct search *s)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < s->found.n; i++)
		s->counts[s->found.rows[i].status]++;
	if (app->format == FORMAT_JSON)
		code = print_json(app, s);
	else if (s->found.n > 0)
		code = print_table(app, s);
	if (code != EXIT_DONE)
		return code;
	app_note(app, "%zu merged since then: %zu known, %zu %s", s->found.n,
		 s->counts[RECONCILE_KNOWN],
		 s->counts[s->options.dry_run ? RECONCILE_MISSING : RECONCILE_QUEUED],
		 s->options.dry_run ? "missing" : "queued");
	if (s->counts[RECONCILE_REFUSED] > 0) {
		app_note(app, "%zu refused; see `tidegate deliveries list --state refused`",
			 s->counts[RECONCILE_REFUSED]);
		return EXIT_REFUSED;
	}
	if (!s->found.complete) {
		app_note(app, "there is more than is looked through at once; name a later time");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int search(struct app *app, struct search *s)
{
	const struct conf_api *api = s->options.repository->api;
	struct err e;
	int failed;

	if (reconcile_check(s->options.repository, &e) != 0)
		return app_fail_usage(app, &e);
	if (api->token != NULL && app_load_secret(api->token, app->conf, "API token", &e) != 0)
		return app_fail_usage(app, &e);
	if (provider_api_library_init(&e) != 0)
		return app_fail(app, &e);
	failed = reconcile_run(&s->found, &s->options, app->arena, &e);
	provider_api_library_shutdown();
	if (failed)
		return app_fail(app, &e);
	return print(app, s);
}

static int run_fetch_missed(struct app *app, const struct options *given)
{
	const struct str name = option_value(given, "--repository");
	struct search s = { .options = { .dry_run = option_has(given, "--dry-run") } };
	struct err e;
	int code;

	if (name.p == NULL)
		return app_usage(app, "--repository is missing: whose merges are asked for");
	if (!option_has(given, "--since"))
		return app_usage(app, "--since is missing: such as 2d, or 2026-11-23T11:45:01Z");
	if (option_time(&s.options.since_ms, given, "--since", &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (names_repository(&s.options.repository, app->conf, name, &e) != 0)
		return app_fail_usage(app, &e);
	s.options.store = app->store;
	return search(app, &s);
}

static const struct option options_fetch_missed[] = {
	{ "--repository", 0, OPTION_ONE, "ID", "the endpoint whose provider is asked" },
	{ "--since", 0, OPTION_ONE, "TIME", "merged since: 2h, 7d, 2026-11-23T11:45:01Z" },
	{ "--dry-run", 0, OPTION_FLAG, NULL, "only tell what is missing" },
	{ .name = NULL },
};

const struct command command_deliveries_fetch_missed = {
	.name = "deliveries",
	.verb = "fetch-missed",
	.summary = "ask the provider for merges that never arrived",
	.usage = "--repository ID --since TIME [--dry-run]",
	.text = "Asks the API of the endpoint's provider (`api` in the configuration) which pull "
		"requests were merged\ninto its branch since then, and queues those that no "
		"delivery is "
		"about, the oldest first: each\nbecomes a delivery of source reconcile. What was "
		"refused "
		"or has failed is queued once more.\nRunning it again queues nothing twice.",
	.options = options_fetch_missed,
	.examples = "tidegate deliveries fetch-missed --repository app --since 2d --dry-run\n"
		    "tidegate deliveries fetch-missed --repository app --since 2026-11-23",
	.exits = "1 when the API does not answer, or has more than is looked through; 2 when the "
		 "repository has no\nAPI to ask; 3 when one is refused, as by repository_ids.",
	.run = run_fetch_missed,
};
