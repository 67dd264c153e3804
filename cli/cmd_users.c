/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate users list`: the people who count toward the user limit. */
#include "base/clock.h"
#include "cli/app.h"
#include "cli/table.h"
#include "receiver/seat.h"
#include "vcs/provider.h"

static const struct column columns[] = {
	{ "USER", 0 }, { "NAME", 0 },       { "PROVIDER", 0 },  { "HOST", 0 },
	{ "ID", 0 },   { "FIRST SEEN", 0 }, { "LAST SEEN", 0 },
};

struct users {
	const struct seat *list;
	size_t n;
	int64_t active;
	int64_t now_ms;
};

static int print_table(struct app *app, const struct users *u)
{
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < u->n; i++) {
		const struct seat *s = &u->list[i];
		const enum tint tint = seat_is_active(s, u->now_ms) ? TINT_NONE : TINT_DIM;

		table_cell(&t, s->login.n > 0 ? s->login : s->user_id, tint);
		table_cell(&t, s->name, tint);
		table_cell(&t, s->provider, tint);
		table_cell(&t, s->host, tint);
		table_cell(&t, s->user_id, tint);
		table_time(&t, s->first_seen_ms);
		table_time(&t, s->last_seen_ms);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static void seat_json(struct json_writer *w, const struct seat *s, int64_t now_ms)
{
	const struct provider *provider = provider_find(s->provider);
	char first[CLOCK_TEXT], last[CLOCK_TEXT];

	jw_object(w, NULL);
	jw_str(w, "id", s->user_id);
	jw_str(w, "login", s->login);
	jw_str(w, "name", s->name);
	jw_str(w, "provider", s->provider);
	jw_text(w, "vcs_type", provider != NULL ? provider->vcs_type : NULL);
	jw_str(w, "host", s->host);
	jw_bool(w, "active", seat_is_active(s, now_ms));
	jw_text(w, "first_seen_at", clock_format(first, s->first_seen_ms));
	jw_text(w, "last_seen_at", clock_format(last, s->last_seen_ms));
	jw_end_object(w);
}

static int print_json(struct app *app, const struct users *u)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "users");
	for (size_t i = 0; i < u->n; i++)
		seat_json(&w, &u->list[i], u->now_ms);
	jw_end_array(&w);
	jw_int(&w, "active", u->active);
	jw_int(&w, "user_limit", app->conf->user_limit);
	jw_int(&w, "window_days", SEAT_WINDOW_DAYS);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int print_csv(struct app *app, const struct users *u)
{
	AUTO(buf) struct buf out;

	app_begin(&out);
	seat_write_csv(&out, u->list, u->n);
	return app_print(app, &out);
}

static void note_limit(const struct app *app, const struct users *u)
{
	char limit[32];

	(void)snprintf(limit, sizeof(limit), "%lld", (long long)app->conf->user_limit);
	app_note(app, "%lld active in the last %d days; user_limit: %s", (long long)u->active,
		 SEAT_WINDOW_DAYS, app->conf->user_limit > 0 ? limit : "none");
}

static int run_list(struct app *app, const struct options *given)
{
	struct users u = { .now_ms = clock_unix_ms() };
	struct seat *list;
	struct err e;
	int code = app_need(app, NEED_CONF | NEED_STORE);

	if (code != EXIT_DONE)
		return code;
	/* a store that an older daemon made has no such table yet */
	if (seat_schema(app->store, &e) != 0 ||
	    seat_list(&list, &u.n, app->store, option_has(given, "--all"), u.now_ms, app->arena,
		      &e) != 0 ||
	    seat_count(&u.active, app->store, u.now_ms, &e) != 0)
		return app_fail(app, &e);
	u.list = list;
	switch (app->format) {
	case FORMAT_JSON:
		return print_json(app, &u);
	case FORMAT_CSV:
		return print_csv(app, &u);
	case FORMAT_TABLE:
	case FORMAT_OWN: /* it has none */
		break;
	}
	code = u.n > 0 ? print_table(app, &u) : EXIT_DONE;
	if (code == EXIT_DONE)
		note_limit(app, &u);
	return code;
}

static const struct option options_list[] = {
	{ "--all", 0, OPTION_FLAG, NULL,
	  "also those who were last seen longer ago, until they are removed" },
	{ .name = NULL },
};

const struct command command_users_list = {
	.name = "users",
	.verb = "list",
	.summary = "list the people who count toward the user limit",
	.usage = "[--all] [--format table|json|csv]",
	.text = "Lists the authors of the last 90 days, who was seen last first. Bots are not "
		"counted.\nWith --format csv it is the file that Bytebase exports: vcs_type, "
		"user_id, user_name,\ndisplay_name, last_seen_at.",
	.options = options_list,
	.examples = "tidegate users list\n"
		    "tidegate users list --format csv > users.csv",
	.takes_csv = 1,
	.run = run_list,
};
