/* SPDX-License-Identifier: Apache-2.0 */
/* Issues by logging commands: "##vso[task.logissue type=error;sourcepath=F;...]MESSAGE". */
#include "cli/check_escape.h"
#include "cli/check_format.h"

/* Azure knows errors and warnings; a remark is only in the table. */
static const char *type_of(enum rule_level level)
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
	return NULL;
}

static void write_issue(struct buf *out, const struct check_finding *f, const char *type,
			struct str message)
{
	const struct db_place *place = &f->advice->place;

	buf_addf(out, "##vso[task.logissue type=%s;", type);
	if (f->file != NULL) {
		buf_adds(out, "sourcepath=");
		check_escape_azure_property(out, f->file->path);
		buf_addf(out, ";linenumber=%zu;", place->line > 0 ? place->line : 1);
		if (place->column > 0)
			buf_addf(out, "columnnumber=%zu;", place->column);
	}
	buf_addf(out, "code=%s;]", rule_id(f->advice->rule));
	check_escape_azure(out, message);
	buf_addc(out, '\n');
}

static int write_azure(struct buf *out, const struct check_report *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		const char *type = type_of(r->findings[i].advice->level);
		AUTO(buf) struct buf message;

		buf_init(&message, 1024 * 1024);
		check_format_message(&message, r, &r->findings[i]);
		if (buf_check(&message, e) != 0)
			return -1;
		if (type != NULL)
			write_issue(out, &r->findings[i], type, buf_str(&message));
	}
	return buf_check(out, e);
}

const struct check_format check_format_azure = {
	.name = "azure", .variable = "TF_BUILD", .is_log = 1, .write = write_azure
};
