/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket's Code Insights: {"report", "annotations"}, each as its API takes it ("Reports" of the
 * REST API). A report has at most 1,000 annotations; the worst are kept.
 */
#include "cli/check_format.h"

enum { ANNOTATIONS_MAX = 1000, SUMMARY_MAX = 450, DETAILS_MAX = 2000 };

static const char *severity_of(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return "HIGH";
	case RULE_WARNING:
		return "MEDIUM";
	case RULE_INFO:
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return "LOW";
}

/* At most `max` bytes, cut at a character's end. */
static struct str shorten(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return str_first(s, max);
}

static int write_report(struct json_writer *w, const struct check_report *r, struct err *e)
{
	AUTO(buf) struct buf totals;

	buf_init(&totals, DETAILS_MAX);
	check_format_totals(&totals, r);
	if (buf_check(&totals, e) != 0)
		return -1;
	jw_object(w, "report");
	jw_text(w, "title", "Tidegate SQL review");
	jw_str(w, "details", buf_str(&totals));
	jw_text(w, "report_type", "TEST");
	jw_text(w, "reporter", "tidegate");
	jw_text(w, "result", r->failed ? "FAILED" : "PASSED");
	jw_end_object(w);
	return 0;
}

static int write_annotation(struct json_writer *w, const struct check_report *r,
			    const struct check_finding *f, struct err *e)
{
	const size_t line = f->advice->place.line;
	AUTO(buf) struct buf text;

	buf_init(&text, 1024 * 1024);
	check_format_message(&text, r, f);
	if (buf_check(&text, e) != 0)
		return -1;
	jw_object(w, NULL);
	jw_text(w, "external_id", f->fingerprint);
	jw_str(w, "title", f->advice->title);
	jw_str(w, "summary", shorten(buf_str(&text), SUMMARY_MAX));
	jw_text(w, "annotation_type", "CODE_SMELL");
	jw_text(w, "severity", severity_of(f->advice->level));
	jw_text(w, "result", f->advice->level == RULE_ERROR ? "FAILED" : "IGNORED");
	if (f->file != NULL) {
		jw_str(w, "path", f->file->path);
		if (line > 0)
			jw_int(w, "line", (int64_t)line);
	}
	jw_end_object(w);
	return 0;
}

static int write_annotations(struct json_writer *w, const struct check_report *r, struct err *e)
{
	static const enum rule_level order[] = { RULE_ERROR, RULE_WARNING, RULE_INFO };
	size_t written = 0;

	jw_array(w, "annotations");
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		for (size_t i = 0; i < r->n && written < ANNOTATIONS_MAX; i++) {
			if (r->findings[i].advice->level != order[o])
				continue;
			if (write_annotation(w, r, &r->findings[i], e) != 0)
				return -1;
			written++;
		}
	}
	jw_end_array(w);
	return 0;
}

static int write_bitbucket(struct buf *out, const struct check_report *r, struct err *e)
{
	struct json_writer w;

	jw_init(&w, out, 2);
	jw_object(&w, NULL);
	if (write_report(&w, r, e) != 0 || write_annotations(&w, r, e) != 0)
		return -1;
	jw_end_object(&w);
	return buf_check(out, e);
}

const struct check_format check_format_bitbucket = { .name = "bitbucket",
						     .variable = "BITBUCKET_BUILD_NUMBER",
						     .file = "tidegate_bitbucket.json",
						     .is_json = 1,
						     .write = write_bitbucket };
