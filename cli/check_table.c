/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The findings for people, file by file. No line begins with what others wrote, and none holds
 * "##[" (screen_add): pipelines read commands from such lines.
 */
#include "cli/check_format.h"

static enum tint level_tint(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return TINT_BAD;
	case RULE_WARNING:
		return TINT_BUSY;
	case RULE_INFO:
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return TINT_DIM;
}

/* "3:8", or "-" for the whole. */
static void add_place(struct buf *out, const struct db_place *place)
{
	char text[48] = "-";

	if (place->line > 0)
		(void)snprintf(text, sizeof(text), "%zu:%zu", place->line, place->column);
	buf_addf(out, "  %-8s", text);
}

static void add_finding(struct buf *out, const struct check_report *r,
			const struct check_finding *f)
{
	const struct advice *a = f->advice;
	const enum tint tint = level_tint(a->level);

	add_place(out, &a->place);
	buf_addf(out, " %s%-7s%s  %s: ", screen_tint(&r->screen, tint), rule_level_name(a->level),
		 screen_plain(&r->screen, tint), rule_id(a->rule));
	screen_add(out, a->content);
	buf_addc(out, '\n');
	if (a->safer.n > 0) {
		buf_addf(out, "  %-8s safer:   ", "");
		screen_add(out, a->safer);
		buf_addc(out, '\n');
	}
	if (r->job->n_targets == 1 && f->file != NULL)
		return;
	buf_addf(out, "  %-8s in:      ", "");
	screen_add(out, r->job->targets[f->target].name);
	if (f->targets > 1)
		buf_addf(out, " and %zu more", f->targets - 1);
	buf_addc(out, '\n');
}

static int write_table(struct buf *out, const struct check_report *r, struct err *e)
{
	const struct migration *file = NULL;
	const char *colour =
	    r->failed ? screen_tint(&r->screen, TINT_BAD) : screen_tint(&r->screen, TINT_GOOD);

	for (size_t i = 0; i < r->n; i++) {
		const struct check_finding *f = &r->findings[i];

		if (i == 0 || f->file != file) {
			buf_adds(out, f->file != NULL ? "File " : "Databases");
			if (f->file != NULL)
				screen_add(out, f->file->path);
			buf_addc(out, '\n');
		}
		file = f->file;
		add_finding(out, r, f);
	}
	if (r->n > 0)
		buf_addc(out, '\n');
	buf_addf(out, "%s%s%s: ", colour, r->failed ? "Refused" : "Passed",
		 r->failed ? screen_plain(&r->screen, TINT_BAD)
			   : screen_plain(&r->screen, TINT_GOOD));
	check_format_totals(out, r);
	buf_addf(out, "; %zu migration%s, %zu database%s\n", r->job->manifest->n,
		 r->job->manifest->n == 1 ? "" : "s", r->job->n_targets,
		 r->job->n_targets == 1 ? "" : "s");
	return buf_check(out, e);
}

const struct check_format check_format_table = { .name = "table", .write = write_table };
