/* SPDX-License-Identifier: Apache-2.0 */
/* Which form is wanted, and the texts that the forms share. */
#include "cli/check_format.h"

#include "base/conf_env.h"

static const struct check_format *const formats[] = {
	&check_format_table,  &check_format_json,      &check_format_sarif, &check_format_github,
	&check_format_gitlab, &check_format_bitbucket, &check_format_azure,
};

const char *const check_format_names[] = { "table",  "json",      "sarif", "github",
					   "gitlab", "bitbucket", "azure", NULL };

const struct check_format *check_format_find(struct str name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (str_eq_cstr(name, formats[i]->name))
			return formats[i];
	}
	return NULL;
}

const struct check_format *check_format_of_environment(void)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i]->variable != NULL && conf_env(formats[i]->variable).p != NULL)
			return formats[i];
	}
	return &check_format_table;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void check_format_totals(struct buf *out, const struct check_report *r)
{
	const struct review *v = r->review;

	buf_addf(out, "%zu error%s, %zu warning%s, %zu remark%s; risk %s; about %lld row%s",
		 v->errors, plural(v->errors), v->warnings, plural(v->warnings), v->infos,
		 plural(v->infos), review_risk_name(v->risk), (long long)v->affected_rows,
		 plural((size_t)v->affected_rows));
	if (v->stopped)
		buf_adds(out, "; stopped, since there is more than can be told");
}

void check_format_message(struct buf *out, const struct check_report *r,
			  const struct check_finding *f)
{
	const struct str target = r->job->targets[f->target].name;

	buf_add(out, f->advice->content);
	if (f->advice->safer.n > 0)
		buf_addf(out, "\nSafer: %.*s", STR_ARG(f->advice->safer));
	if (f->targets > 1)
		buf_addf(out, "\nIn %zu databases, the first is %.*s", f->targets, STR_ARG(target));
	else if (r->job->n_targets > 1 || f->file == NULL)
		buf_addf(out, "\nIn %.*s", STR_ARG(target));
}
