/* SPDX-License-Identifier: Apache-2.0 */
/* CheckReleaseResponse of Bytebase's API in its JSON form: numbers of 64 bits are strings. */
#include "cli/check_format.h"

static const char *status_of(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return "ERROR";
	case RULE_WARNING:
		return "WARNING";
	case RULE_INFO:
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return "SUCCESS";
}

static void write_rows(struct json_writer *w, int64_t rows)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)rows);
	jw_text(w, "affectedRows", text);
}

static void write_content(struct json_writer *w, const struct advice *a)
{
	AUTO(buf) struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_add(&text, a->content);
	if (a->safer.n > 0)
		buf_addf(&text, "\nSafer: %.*s", STR_ARG(a->safer));
	if (text.failed != ERR_NONE && w->out->failed == ERR_NONE)
		w->out->failed = text.failed;
	jw_str(w, "content", buf_str(&text));
}

static void write_advice(struct json_writer *w, const struct advice *a)
{
	jw_object(w, NULL);
	jw_text(w, "status", status_of(a->level));
	jw_int(w, "code", a->code);
	jw_str(w, "title", a->title);
	write_content(w, a);
	if (a->place.line > 0) {
		jw_object(w, "startPosition");
		jw_int(w, "line", (int64_t)a->place.line);
		jw_int(w, "column", (int64_t)a->place.column);
		jw_end_object(w);
	}
	jw_text(w, "ruleType", "PARSER_BASED");
	jw_end_object(w);
}

static void write_result(struct json_writer *w, const struct check_report *r,
			 const struct review_result *x)
{
	jw_object(w, NULL);
	jw_str(w, "file", r->job->manifest->files[x->file].path);
	jw_str(w, "target", r->job->targets[x->target].name);
	jw_array(w, "advices");
	for (size_t i = 0; i < x->n; i++)
		write_advice(w, &x->advices[i]);
	jw_end_array(w);
	write_rows(w, x->affected_rows);
	jw_text(w, "riskLevel", review_risk_name(x->risk));
	jw_end_object(w);
}

/* About a target as a whole: no file. */
static void write_miss(struct json_writer *w, const struct check_report *r,
		       const struct review_miss *m)
{
	jw_object(w, NULL);
	jw_str(w, "target", r->job->targets[m->target].name);
	jw_array(w, "advices");
	write_advice(w, &m->advice);
	jw_end_array(w);
	jw_end_object(w);
}

void check_format_response(struct json_writer *w, const char *key, const struct check_report *r)
{
	const struct review *v = r->review;

	jw_object(w, key);
	jw_array(w, "results");
	for (size_t i = 0; i < v->n; i++)
		write_result(w, r, &v->results[i]);
	for (size_t i = 0; i < v->n_misses; i++)
		write_miss(w, r, &v->misses[i]);
	jw_end_array(w);
	write_rows(w, v->affected_rows);
	jw_text(w, "riskLevel", review_risk_name(v->risk));
	jw_end_object(w);
}

static int write_json(struct buf *out, const struct check_report *r, struct err *e)
{
	struct json_writer w;

	jw_init(&w, out, 2);
	check_format_response(&w, NULL, r);
	return buf_check(out, e);
}

const struct check_format check_format_json = { .name = "json", .is_json = 1, .write = write_json };
