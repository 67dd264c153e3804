/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rules as a page for people. */

#include "release/lint.h"

static const char head[] =
    "# Rules of the review\n"
    "\n"
    "`tidegate check` and the daemon look at the scripts of a release before anything is run. "
    "Each\n"
    "finding names one of these rules, the file, line and column, and the safer form. An "
    "environment\n"
    "sets how much a rule counts (`off`, `info`, `warning`, `error`) and from which severity on a "
    "plan\n"
    "is not rolled out:\n"
    "\n"
    "```yaml\n"
    "environments:\n"
    "  - id: prod\n"
    "    fail_on: error                # error (default), warning or never\n"
    "    rules:\n"
    "      - {id: require-where, severity: error}\n"
    "```\n"
    "\n"
    "A finding that is meant is allowed where it stands, with a reason. The comment stands above "
    "the\n"
    "statement, or behind it on the line where it ends; in the head of the file, above the first\n"
    "statement, it counts for the whole file:\n"
    "\n"
    "```sql\n"
    "-- tidegate: allow drop-column, rename-column: nothing reads them since release 12\n"
    "ALTER TABLE orders DROP COLUMN number;\n"
    "```\n"
    "\n"
    "Without a reason the comment is an error by itself; one that allows nothing is a warning. "
    "Tables\n"
    "that the same release makes have neither rows nor users: most rules leave them alone, as they "
    "do\n"
    "tables that are known to be empty. The rules of the review itself, down to "
    "`target-unreachable`,\n"
    "cannot be allowed by a comment.\n"
    "\n"
    "What the review cannot see: what is inside function bodies and DO blocks, dynamic SQL, and "
    "on\n"
    "SQLite and MySQL whatever goes beyond the words that a statement begins with.\n";

void lint_database_names(struct buf *out, unsigned databases)
{
	static const char *const names[] = { "PostgreSQL", "MySQL", "SQLite" };
	int first = 1;
	for (unsigned i = 0; i < 3; i++) {
		if ((databases & 1U << i) == 0)
			continue;
		buf_addf(out, "%s%s", first ? "" : ", ", names[i]);
		first = 0;
	}
}

static void put_sql(struct buf *out, const char *what, const char *sql)
{
	if (sql != NULL)
		buf_addf(out, "\n%s\n\n```sql\n%s\n```\n", what, sql);
}

void lint_markdown(struct buf *out)
{
	buf_adds(out, head);
	buf_adds(out, "\n| rule | by default | databases | |\n|---|---|---|---|\n");
	for (int i = 0; i < RULES; i++) {
		const struct lint_rule *r = lint_rule((enum rule)i);
		buf_addf(out, "| [`%s`](#%s) | %s | ", rule_id(r->rule), rule_id(r->rule),
			 rule_level_name(rule_default(r->rule)));
		lint_database_names(out, r->databases);
		buf_addf(out, " | %s |\n", r->title);
	}
	for (int i = 0; i < RULES; i++) {
		const struct lint_rule *r = lint_rule((enum rule)i);
		buf_addf(out, "\n## %s\n\n**%s.** By default: %s. For: ", rule_id(r->rule),
			 r->title, rule_level_name(rule_default(r->rule)));
		lint_database_names(out, r->databases);
		buf_addf(out, ".\n\n%s\n\nSafer: %s\n", r->why, r->safer);
		put_sql(out, "Found:", r->example);
		put_sql(out, "Safer form:", r->instead);
	}
}
