/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations by workflow commands: "::error file=F,line=L,col=C,title=T::MESSAGE". */
#include "cli/check_escape.h"
#include "cli/check_format.h"

static const char *command_of(enum rule_level level)
{
	switch (level) {
	case RULE_ERROR:
		return "error";
	case RULE_WARNING:
		return "warning";
	case RULE_INFO:
	case RULE_OFF:
	case RULE_LEVELS:
		break;
	}
	return "notice";
}

static void write_properties(struct buf *out, const struct check_finding *f)
{
	const struct db_place *place = &f->advice->place;

	if (f->file != NULL) {
		buf_adds(out, "file=");
		check_escape_github_property(out, f->file->path);
		buf_addf(out, ",line=%zu,", place->line > 0 ? place->line : 1);
		if (place->column > 0)
			buf_addf(out, "col=%zu,", place->column);
	}
	buf_adds(out, "title=");
	check_escape_github_property(out, f->advice->title);
	buf_addf(out, " (%s)", rule_id(f->advice->rule));
}

static int write_github(struct buf *out, const struct check_report *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		AUTO(buf) struct buf message;

		buf_init(&message, 1024 * 1024);
		check_format_message(&message, r, &r->findings[i]);
		if (buf_check(&message, e) != 0)
			return -1;
		buf_addf(out, "::%s ", command_of(r->findings[i].advice->level));
		write_properties(out, &r->findings[i]);
		buf_adds(out, "::");
		check_escape_github(out, buf_str(&message));
		buf_addc(out, '\n');
	}
	return buf_check(out, e);
}

const struct check_format check_format_github = {
	.name = "github", .variable = "GITHUB_ACTIONS", .is_log = 1, .write = write_github
};
