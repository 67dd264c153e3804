/* SPDX-License-Identifier: Apache-2.0 */
/* A review as JSON: for the store, and for who reads it from there. */

#include "base/json_write.h"
#include "release/review_run.h"

static void put_advice(struct json_writer *w, const struct advice *a)
{
	jw_object(w, NULL);
	jw_text(w, "severity", rule_level_name(a->level));
	jw_int(w, "code", a->code);
	jw_text(w, "rule", rule_id(a->rule));
	jw_str(w, "title", a->title);
	jw_str(w, "content", a->content);
	jw_str(w, "safer", a->safer);
	jw_int(w, "line", (int64_t)a->place.line);
	jw_int(w, "column", (int64_t)a->place.column);
	jw_int(w, "statement", (int64_t)a->place.statement);
	jw_end_object(w);
}

static void put_result(struct json_writer *w, const struct review_result *r,
		       const struct review_job *job)
{
	const struct migration *file = &job->manifest->files[r->file];
	jw_object(w, NULL);
	jw_str(w, "file", file->path);
	jw_str(w, "version", file->version);
	jw_str(w, "target", job->targets[r->target].name);
	jw_int(w, "affected_rows", r->affected_rows);
	jw_text(w, "risk", review_risk_name(r->risk));
	jw_array(w, "advices");
	for (size_t i = 0; i < r->n; i++)
		put_advice(w, &r->advices[i]);
	jw_end_array(w);
	jw_end_object(w);
}

int review_json(struct buf *out, const struct review *review, const struct review_job *job,
		size_t max, struct err *e)
{
	struct json_writer w;
	const size_t from = out->n;
	int truncated = 0;
	jw_init(&w, out, 0);
	jw_object(&w, NULL);
	jw_int(&w, "errors", (int64_t)review->errors);
	jw_int(&w, "warnings", (int64_t)review->warnings);
	jw_int(&w, "infos", (int64_t)review->infos);
	jw_int(&w, "affected_rows", review->affected_rows);
	jw_text(&w, "risk", review_risk_name(review->risk));
	jw_bool(&w, "stopped", review->stopped);
	jw_array(&w, "targets");
	for (size_t i = 0; i < review->n_misses; i++) {
		truncated |= out->n - from > max;
		if (truncated)
			break;
		jw_object(&w, NULL);
		jw_str(&w, "target", job->targets[review->misses[i].target].name);
		jw_array(&w, "advices");
		put_advice(&w, &review->misses[i].advice);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_array(&w, "results");
	for (size_t i = 0; i < review->n; i++) {
		truncated |= out->n - from > max;
		if (truncated)
			break;
		put_result(&w, &review->results[i], job);
	}
	jw_end_array(&w);
	jw_bool(&w, "truncated", truncated);
	jw_end_object(&w);
	return buf_check(out, e);
}
