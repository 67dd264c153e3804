/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidegate replay --dry-run`: what a request says and what would be done with it. For a body from
 * a file it needs neither store nor signature, and a configuration only to decide as one of its
 * endpoints would.
 */
#include "cli/dry_run.h"

#include "cli/file.h"
#include "cli/names.h"
#include "cli/table.h"
#include "receiver/delivery.h"
#include "vcs/provider.h"

#include <assert.h>

/* As the receiver's default cap; a body from a file may be larger than one endpoint allows. */
enum { BODY_MAX = 64 * 1024 * 1024 };

void dry_run_facts(struct buf *out, const struct event *event)
{
	detail(out, "kind", str_of(event_kind_name(event->kind)));
	detail(out, "repository", event->repository);
	detail(out, "target branch", event->target_branch);
	detail(out, "merge commit",
	       event->deleted ? STR("none: the branch is deleted") : event->merge_commit);
	detail(out, "number", event->pull_request.number);
	detail(out, "title", event->pull_request.title);
	detail(out, "url", event->pull_request.url);
	detail(out, "author", event->author.login);
	detail(out, "author id", event->author.id);
	if (event->author.id.p != NULL || event->author.login.p != NULL)
		detail(out, "bot",
		       event->author.bot == EVENT_BOT_YES  ? STR("yes")
		       : event->author.bot == EVENT_BOT_NO ? STR("no")
							   : STR("unknown"));
}

static int print_json(struct app *app, const struct intake *intake)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	event_write_json(&w, "event", &intake->event);
	jw_text(&w, "would", intake_verdict_name(intake->verdict));
	jw_str(&w, "reason", intake->reason);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

int dry_run_print(struct app *app, const struct intake *intake)
{
	const enum tint tint = intake->verdict == INTAKE_RELEASE  ? TINT_GOOD
			       : intake->verdict == INTAKE_REFUSE ? TINT_BAD
								  : TINT_NONE;
	AUTO(buf) struct buf out;

	if (app->format == FORMAT_JSON)
		return print_json(app, intake);
	app_begin(&out);
	dry_run_facts(&out, &intake->event);
	buf_adds(&out, screen_tint(&app->out, tint));
	detail(&out, "would", str_of(intake_verdict_name(intake->verdict)));
	buf_adds(&out, screen_plain(&app->out, tint));
	detail(&out, "reason", intake->reason);
	return app_print(app, &out);
}

/* "Name: value" of --header. */
static int read_header(struct header *out, struct str text, struct err *e)
{
	const size_t colon = str_find(text, ':');
	const struct str name = str_trim(str_first(text, colon));
	const struct str value = str_trim(str_from(text, colon + 1));

	if (colon == text.n || name.n == 0 || str_has_control(text))
		return err_set(e, ERR_INPUT, "--header '%.*s': expected 'Name: value'",
			       STR_ARG(text));
	*out = (struct header){ name, value };
	return 0;
}

static int has_header(const struct header *headers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq_nocase(headers[i].name, str_of(name)))
			return 1;
	}
	return 0;
}

/* The request that the options describe: the given headers, and those that every sender has. */
static int make_request(struct request *out, const struct options *given,
			const struct provider *provider, struct arena *arena, struct err *e)
{
	struct header *headers = arena_array(arena, REQUEST_HEADERS_MAX, sizeof(*headers));
	const struct str event = option_value(given, "--event");
	struct str text;
	size_t n = 0, at = 0;

	if (headers == NULL)
		return arena_err(arena, e);
	while (option_next(&text, given, "--header", &at)) {
		if (n + 2 >= REQUEST_HEADERS_MAX)
			return err_set(e, ERR_INPUT, "more than %d headers",
				       REQUEST_HEADERS_MAX - 2);
		if (read_header(&headers[n++], text, e) != 0)
			return -1;
	}
	if (event.p != NULL && provider->event_header != NULL) {
		if (has_header(headers, n, provider->event_header))
			return err_set(e, ERR_INPUT, "both --event and --header give the event");
		headers[n++] = (struct header){ str_of(provider->event_header), event };
	} else if (provider->event_header != NULL &&
		   !has_header(headers, n, provider->event_header)) {
		return err_set(
		    e, ERR_INPUT,
		    "the event's type is missing: give --event TYPE, as the header %s has "
		    "it",
		    provider->event_header);
	}
	if (!has_header(headers, n, "Content-Type"))
		headers[n++] = (struct header){ STR("Content-Type"), STR("application/json") };
	*out = (struct request){ .headers = headers, .n_headers = n };
	return 0;
}

static int find_provider(const struct provider **out, struct str name, struct err *e)
{
	char all[200] = "";
	size_t used = 0;

	*out = provider_find(name);
	if (*out != NULL)
		return 0;
	for (const struct provider *const *p = provider_all(); *p != NULL && used < 150; p++) {
		const int n = snprintf(all + used, sizeof(all) - used, "%s%s", used > 0 ? ", " : "",
				       (*p)->name);

		used += n > 0 ? (size_t)n : 0;
	}
	return err_set(e, ERR_INPUT, "unknown provider '%.*s' (there is %s)", STR_ARG(name), all);
}

/* Provider, and endpoint when one is named. EXIT_DONE or an exit code. */
static int choose_endpoint(const struct provider **provider,
			   const struct conf_repository **repository, struct app *app,
			   const struct options *given)
{
	const struct str endpoint = option_value(given, "--repository");
	struct str name = option_value(given, "--provider");
	struct err e;

	if (endpoint.p != NULL) {
		const int code = app_need(app, NEED_CONF);

		if (code != EXIT_DONE)
			return code;
		if (names_repository(repository, app->conf, endpoint, &e) != 0)
			return app_fail_usage(app, &e);
		if (name.p == NULL)
			name = (*repository)->provider;
	}
	if (name.p == NULL)
		return app_usage(app, "whose body is it? give --provider, or --repository with a "
				      "configuration");
	if (find_provider(provider, name, &e) != 0)
		return app_usage(app, "%s", e.msg);
	return EXIT_DONE;
}

int dry_run_request(struct body_request *out, struct app *app, const struct options *given)
{
	struct err e;
	int code = choose_endpoint(&out->provider, &out->repository, app, given);

	buf_init(&out->body, BODY_MAX);
	if (code != EXIT_DONE)
		return code;
	assert(out->provider != NULL);
	if (make_request(&out->request, given, out->provider, app->arena, &e) != 0)
		return app_usage(app, "%s", e.msg);
	if (file_read(&out->body, option_value(given, "--body"), &e) != 0)
		return app_fail(app, &e);
	out->request.body = buf_str(&out->body);
	return EXIT_DONE;
}

void dry_run_request_free(struct body_request *r)
{
	buf_free(&r->body);
}

int dry_run_body(struct app *app, const struct options *given)
{
	AUTO(body_request) struct body_request r = { .repository = NULL };
	struct intake intake;
	struct err e;
	int code = dry_run_request(&r, app, given);

	if (code != EXIT_DONE)
		return code;
	if (intake_read(&intake, r.repository, r.provider, &r.request, app->arena, &e) != 0) {
		const struct str file = file_name(option_value(given, "--body"));

		IGNORE(err_wrap(&e, "%.*s", STR_ARG(file))); /* reported below */
		return app_fail(app, &e);
	}
	return dry_run_print(app, &intake);
}

int dry_run_delivery(struct app *app, const struct options *given)
{
	const struct str to = option_value(given, "--to");
	const struct conf_repository *repository;
	const struct provider *provider;
	struct delivery delivery;
	struct request request;
	struct intake intake;
	struct err e;
	int64_t id;
	int code;

	if (names_delivery(&id, given->operands[0], &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF | NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (delivery_get(&delivery, app->store, id, app->arena, &e) != 0 ||
	    delivery_request(&request, app->store, id, app->arena, &e) != 0)
		return app_fail(app, &e);
	if (names_repository(&repository, app->conf, to.p != NULL ? to : delivery.endpoint, &e) !=
	    0)
		return app_fail_usage(app, &e);
	if (find_provider(&provider, delivery.provider, &e) != 0 ||
	    intake_read(&intake, repository, provider, &request, app->arena, &e) != 0)
		return app_fail(app, &e);
	return dry_run_print(app, &intake);
}
