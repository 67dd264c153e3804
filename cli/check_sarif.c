/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0 (OASIS): what code scanning takes. Findings about a database as a whole have no place
 * in a file: they become notifications of the run. */
#include "cli/check_escape.h"
#include "cli/check_format.h"
#include "release/lint.h"

static const char *level_of(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return "error";
	case RULE_WARNING:
		return "warning";
	case RULE_INFO:
		return "note";
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return "none";
}

static void write_text(struct json_writer *w, const char *key, struct str text)
{
	jw_object(w, key);
	jw_str(w, "text", text);
	jw_end_object(w);
}

static void write_rule(struct json_writer *w, enum rule rule)
{
	const struct lint_rule *r = lint_rule(rule);
	AUTO(buf) struct buf help;

	buf_init(&help, 64 * 1024);
	buf_adds(&help, r->why);
	if (r->safer != NULL)
		buf_addf(&help, " Safer: %s", r->safer);
	if (help.failed != ERR_NONE)
		w->out->failed = help.failed;
	jw_object(w, NULL);
	jw_text(w, "id", rule_id(rule));
	write_text(w, "shortDescription", str_of(r->title));
	write_text(w, "fullDescription", str_of(r->why));
	write_text(w, "help", buf_str(&help));
	jw_object(w, "defaultConfiguration");
	jw_text(w, "level", level_of(rule_default(rule)));
	jw_end_object(w);
	jw_end_object(w);
}

static void write_driver(struct json_writer *w, const struct check_report *r)
{
	jw_object(w, "tool");
	jw_object(w, "driver");
	jw_text(w, "name", "tidegate");
	jw_text(w, "semanticVersion", r->version);
	jw_array(w, "rules");
	for (int i = 0; i < RULES; i++)
		write_rule(w, (enum rule)i);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_message(struct json_writer *w, const struct check_report *r,
			  const struct check_finding *f)
{
	AUTO(buf) struct buf text;

	buf_init(&text, 1024 * 1024);
	check_format_message(&text, r, f);
	if (text.failed != ERR_NONE)
		w->out->failed = text.failed;
	write_text(w, "message", buf_str(&text));
}

static void write_location(struct json_writer *w, const struct check_finding *f)
{
	const struct db_place *place = &f->advice->place;
	AUTO(buf) struct buf uri;

	buf_init(&uri, 64 * 1024);
	check_escape_uri(&uri, f->file->path);
	if (uri.failed != ERR_NONE)
		w->out->failed = uri.failed;
	jw_array(w, "locations");
	jw_object(w, NULL);
	jw_object(w, "physicalLocation");
	jw_object(w, "artifactLocation");
	jw_str(w, "uri", buf_str(&uri));
	jw_end_object(w);
	jw_object(w, "region");
	jw_int(w, "startLine", place->line > 0 ? (int64_t)place->line : 1);
	if (place->column > 0)
		jw_int(w, "startColumn", (int64_t)place->column);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_array(w);
}

static void write_result(struct json_writer *w, const struct check_report *r,
			 const struct check_finding *f)
{
	jw_object(w, NULL);
	jw_text(w, "ruleId", rule_id(f->advice->rule));
	jw_int(w, "ruleIndex", (int64_t)f->advice->rule);
	jw_text(w, "level", level_of(f->advice->level));
	write_message(w, r, f);
	write_location(w, f);
	jw_object(w, "partialFingerprints");
	jw_text(w, "tidegate/v1", f->fingerprint);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_run(struct json_writer *w, const struct check_report *r)
{
	write_driver(w, r);
	jw_text(w, "columnKind", "unicodeCodePoints");
	jw_array(w, "results");
	for (size_t i = 0; i < r->n; i++) {
		if (r->findings[i].file != NULL)
			write_result(w, r, &r->findings[i]);
	}
	jw_end_array(w);
	jw_array(w, "invocations");
	jw_object(w, NULL);
	jw_bool(w, "executionSuccessful", 1);
	jw_array(w, "toolExecutionNotifications");
	for (size_t i = 0; i < r->n; i++) {
		if (r->findings[i].file != NULL)
			continue;
		jw_object(w, NULL);
		jw_text(w, "level", level_of(r->findings[i].advice->level));
		write_message(w, r, &r->findings[i]);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
}

static int write_sarif(struct buf *out, const struct check_report *r, struct err *e)
{
	struct json_writer w;

	jw_init(&w, out, 2);
	jw_object(&w, NULL);
	jw_text(&w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	jw_text(&w, "version", "2.1.0");
	jw_array(&w, "runs");
	jw_object(&w, NULL);
	write_run(&w, r);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
	return buf_check(out, e);
}

const struct check_format check_format_sarif = { .name = "sarif",
						 .is_json = 1,
						 .write = write_sarif };
