/* SPDX-License-Identifier: Apache-2.0 */
/* GitLab's code quality report: an array of issues ("Code Quality report format"). */
#include "cli/check_format.h"

static const char *severity_of(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return "critical";
	case RULE_WARNING:
		return "minor";
	case RULE_INFO:
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return "info";
}

static int write_issue(struct json_writer *w, const struct check_report *r,
		       const struct check_finding *f, struct err *e)
{
	const size_t line = f->advice->place.line;
	AUTO(buf) struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_addf(&text, "%.*s: ", STR_ARG(f->advice->title));
	check_format_message(&text, r, f);
	if (buf_check(&text, e) != 0)
		return -1;
	jw_object(w, NULL);
	jw_str(w, "description", buf_str(&text));
	jw_text(w, "check_name", rule_id(f->advice->rule));
	jw_text(w, "fingerprint", f->fingerprint);
	jw_text(w, "severity", severity_of(f->advice->level));
	jw_object(w, "location");
	jw_str(w, "path", f->file->path);
	jw_object(w, "lines");
	jw_int(w, "begin", line > 0 ? (int64_t)line : 1);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_object(w);
	return 0;
}

static int write_gitlab(struct buf *out, const struct check_report *r, struct err *e)
{
	struct json_writer w;

	jw_init(&w, out, 2);
	jw_array(&w, NULL);
	for (size_t i = 0; i < r->n; i++) {
		/* a location is required: what is about a database is in the table alone */
		if (r->findings[i].file != NULL && write_issue(&w, r, &r->findings[i], e) != 0)
			return -1;
	}
	jw_end_array(&w);
	return buf_check(out, e);
}

const struct check_format check_format_gitlab = { .name = "gitlab",
						  .variable = "GITLAB_CI",
						  .file = "bytebase_codequality.json",
						  .is_json = 1,
						  .write = write_gitlab };
