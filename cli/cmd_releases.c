/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate releases list` and `show`: what was packed, and its files. */
#include "cli/app.h"
#include "cli/names.h"
#include "cli/table.h"
#include "release/release.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

static void write_release(struct json_writer *w, const struct release *r)
{
	jw_str(w, "name", r->name);
	jw_str(w, "id", r->id);
	jw_str(w, "project", r->project);
	jw_str(w, "repository", r->repository);
	jw_str(w, "commit", r->commit);
	jw_str(w, "digest", r->digest);
	jw_str(w, "vcs_type", r->vcs_type);
	jw_str(w, "vcs_url", r->vcs_url);
	jw_str(w, "title", r->title);
	jw_str(w, "creator", r->creator);
	jw_int(w, "files_total", r->files);
	jw_time(w, "created_at", r->created_ms);
}

static int list_json(struct app *app, const struct release *list, size_t n)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "releases");
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		write_release(&w, &list[i]);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int list_table(struct app *app, const struct release *list, size_t n)
{
	static const struct column columns[] = {
		{ "RELEASE", 0 }, { "CREATED", 0 }, { "REPOSITORY", 0 }, { "COMMIT", 0 },
		{ "FILES", 1 },   { "CREATOR", 0 }, { "TITLE", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_text(&t, list[i].name);
		table_time(&t, list[i].created_ms);
		table_text(&t, list[i].repository);
		table_text(&t, str_first(list[i].commit, 12));
		table_int(&t, list[i].files);
		table_text(&t, list[i].creator);
		table_text(&t, list[i].title);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	struct release *list;
	struct str project;
	struct err e;
	size_t n;
	int64_t limit = LIMIT_DEFAULT;
	int code;

	if (option_number(&limit, given, "--limit", 1, LIMIT_MAX, &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (names_project(&project, app->conf, option_value(given, "--project"), &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (release_list(&list, &n, app->store, project, (size_t)limit, app->arena, &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_JSON)
		return list_json(app, list, n);
	if (n > 0)
		return list_table(app, list, n);
	app_note(app, "no releases yet; each merge that brings migrations makes one");
	return EXIT_DONE;
}

static int show_json(struct app *app, const struct release *r, const struct manifest *m)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	write_release(&w, r);
	jw_array(&w, "files");
	for (size_t i = 0; i < m->n; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "version", m->files[i].version);
		jw_str(&w, "path", m->files[i].path);
		jw_text(&w, "sha256", m->files[i].sha256);
		jw_int(&w, "bytes", (int64_t)m->files[i].size);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static void add_facts(struct buf *out, const struct release *r)
{
	detail(out, "release", r->name);
	detail(out, "title", r->title);
	detail(out, "creator", r->creator);
	detail_time(out, "created", r->created_ms);
	detail(out, "repository", r->repository);
	detail(out, "commit", r->commit);
	detail(out, "vcs", r->vcs_type);
	detail(out, "url", r->vcs_url);
	detail(out, "digest", r->digest);
	detail_int(out, "files", r->files);
}

static int show_table(struct app *app, const struct release *r, const struct manifest *m)
{
	static const struct column columns[] = {
		{ "VERSION", 0 }, { "BYTES", 1 }, { "SHA256", 0 }, { "PATH", 0 }
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	add_facts(&out, r);
	buf_addc(&out, '\n');
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < m->n; i++) {
		table_text(&t, m->files[i].version);
		table_int(&t, (int64_t)m->files[i].size);
		table_text(&t, str_of(m->files[i].sha256));
		table_text(&t, m->files[i].path);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_show(struct app *app, const struct options *given)
{
	const struct str project = option_value(given, "--project");
	struct manifest manifest;
	struct release release;
	struct name name;
	struct err e;
	int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (names_release(&name, app->conf, given->operands[0], project, &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (release_get(&release, app->store, name.project, name.release, app->arena, &e) != 0 ||
	    release_manifest(&manifest, app->store, &release, app->arena, &e) != 0)
		return app_fail(app, &e);
	return app->format == FORMAT_JSON ? show_json(app, &release, &manifest)
					  : show_table(app, &release, &manifest);
}

static const struct option options_list[] = {
	{ "--project", 0, OPTION_ONE, "ID", "of this project only" },
	{ "--limit", 0, OPTION_ONE, "N", "at most so many, the newest; default 50" },
	{ .name = NULL },
};

static const struct option options_show[] = {
	{ "--project", 0, OPTION_ONE, "ID",
	  "the project of a release that is named by its id alone" },
	{ .name = NULL },
};

const struct command command_releases_list = {
	.name = "releases",
	.verb = "list",
	.summary = "list releases, newest first",
	.usage = "[--project ID] [--limit N]",
	.text = "Lists releases: the migrations of one commit each, packed and never changed.",
	.options = options_list,
	.examples = "tidegate releases list --project shop",
	.run = run_list,
};

const struct command command_releases_show = {
	.name = "releases",
	.verb = "show",
	.summary = "show one release and its files",
	.usage = "RELEASE [--project ID]",
	.text =
	    "Shows a release and its files with version, size, SHA-256 and path. RELEASE is a full "
	    "name\n(projects/P/releases/R), or R alone where only one project can be meant.",
	.options = options_show,
	.examples =
	    "tidegate releases show release_20261123-RC00\n"
	    "tidegate releases show projects/shop/releases/release_20261123-RC00 --format json",
	.exits = "1 when there is no such release.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_show,
};
