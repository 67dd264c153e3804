/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon's review found of a plan, read back from the store, for `plans show`. */
#include "cli/plan_review_out.h"

#include "base/json.h"
#include "cli/table.h"

int plan_review_out_find(struct plan_review_out *out, struct app *app, const struct plan *plan)
{
	struct err e;

	*out = (struct plan_review_out){ .found = 0 };
	if (review_record_get(&out->record, app->store, plan->project, plan->id, app->arena, &e) !=
	    0)
		return e.code == ERR_NOTFOUND ? EXIT_DONE : app_fail(app, &e);
	if (json_parse(&out->body, out->record.body, app->arena, &e) != 0)
		return app_fail(app, &e);
	out->found = 1;
	return EXIT_DONE;
}

static int64_t number(const struct json *j, const char *key)
{
	int64_t n = 0;

	IGNORE(json_int(&n, json_get(j, key))); /* absent is 0 */
	return n;
}

static const struct json *first(const struct json *list)
{
	return list != NULL ? list->child : NULL;
}

/* "WARNING  migrations/2.sql:3:1  Table dropped: ... (drop-table) in instances/..." */
static void put_advice(struct buf *out, const struct json *result, const struct json *a)
{
	screen_add(out, json_str(json_get(a, "severity")));
	buf_adds(out, "  ");
	screen_add(out, json_str(json_get(result, "file")));
	if (number(a, "line") > 0)
		buf_addf(out, ":%lld:%lld", (long long)number(a, "line"),
			 (long long)number(a, "column"));
	buf_adds(out, json_get(result, "file") != NULL ? "  " : "");
	screen_add(out, json_str(json_get(a, "title")));
	buf_adds(out, ": ");
	screen_add(out, json_str(json_get(a, "content")));
	buf_adds(out, " (");
	screen_add(out, json_str(json_get(a, "rule")));
	buf_adds(out, ") in ");
	screen_add(out, json_str(json_get(result, "target")));
	buf_addc(out, '\n');
}

static void put_results(struct buf *out, const struct json *results)
{
	for (const struct json *r = first(results); r != NULL; r = r->next) {
		for (const struct json *a = first(json_get(r, "advices")); a != NULL; a = a->next)
			put_advice(out, r, a);
	}
}

void plan_review_out_table(struct buf *out, const struct plan_review_out *r)
{
	if (!r->found)
		return;
	buf_addf(
	    out, "\nReview: %lld errors, %lld warnings, %lld notes; risk %.*s; about %lld rows\n",
	    (long long)r->record.errors, (long long)r->record.warnings, (long long)r->record.infos,
	    STR_ARG(r->record.risk), (long long)r->record.affected_rows);
	if (r->record.reason.p != NULL) {
		buf_adds(out, "held: ");
		screen_add(out, r->record.reason);
		buf_addc(out, '\n');
	}
	if (json_get(r->body, "failed") != NULL) {
		buf_adds(out, "not reviewed: ");
		screen_add(out, json_str(json_get(r->body, "failed")));
		buf_addc(out, '\n');
	}
	put_results(out, json_get(r->body, "targets"));
	put_results(out, json_get(r->body, "results"));
	if (json_bool(json_get(r->body, "truncated")) == 1)
		buf_adds(out, "(the rest was left out: `tidegate check` has all of it)\n");
}

/* ---- JSON ---- */

static void write_advices(struct json_writer *w, const struct json *list)
{
	static const char *const texts[] = { "severity", "rule", "title", "content", "safer" };
	static const char *const numbers[] = { "code", "line", "column", "statement" };

	jw_array(w, "advices");
	for (const struct json *a = first(list); a != NULL; a = a->next) {
		jw_object(w, NULL);
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			jw_str(w, texts[i], json_str(json_get(a, texts[i])));
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			jw_int(w, numbers[i], number(a, numbers[i]));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_results(struct json_writer *w, const char *key, const struct json *list)
{
	jw_array(w, key);
	for (const struct json *r = first(list); r != NULL; r = r->next) {
		jw_object(w, NULL);
		if (json_get(r, "file") != NULL) {
			jw_str(w, "file", json_str(json_get(r, "file")));
			jw_str(w, "version", json_str(json_get(r, "version")));
			jw_int(w, "affected_rows", number(r, "affected_rows"));
			jw_str(w, "risk", json_str(json_get(r, "risk")));
		}
		jw_str(w, "target", json_str(json_get(r, "target")));
		write_advices(w, json_get(r, "advices"));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void plan_review_out_json(struct json_writer *w, const struct plan_review_out *r)
{
	if (!r->found)
		return;
	jw_object(w, "review");
	jw_time(w, "reviewed_at", r->record.reviewed_ms);
	jw_int(w, "errors", r->record.errors);
	jw_int(w, "warnings", r->record.warnings);
	jw_int(w, "infos", r->record.infos);
	jw_int(w, "affected_rows", r->record.affected_rows);
	jw_str(w, "risk", r->record.risk);
	jw_str(w, "held", r->record.reason);
	jw_str(w, "failed", json_str(json_get(r->body, "failed")));
	jw_bool(w, "truncated", json_bool(json_get(r->body, "truncated")) == 1);
	write_results(w, "targets", json_get(r->body, "targets"));
	write_results(w, "results", json_get(r->body, "results"));
	jw_end_object(w);
}
