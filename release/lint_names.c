/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about the names of new things. */

#include "release/lint_run.h"

#include <string.h>

/* Words that PostgreSQL, MySQL or SQLite take for their own where a name stands: they need quotes
 * for ever. (PostgreSQL 15, appendix C, "reserved"; MySQL 8.0, 9.3, the common ones.) */
static const char *const reserved[] = {
	"all",          "analyse",   "analyze",  "and",          "any",          "array",
	"as",           "asc",       "between",  "both",         "by",           "case",
	"cast",         "change",    "check",    "collate",      "column",       "condition",
	"constraint",   "create",    "cross",    "current_date", "current_time", "current_user",
	"database",     "default",   "delete",   "desc",         "describe",     "distinct",
	"do",           "drop",      "else",     "end",          "except",       "exists",
	"false",        "fetch",     "for",      "foreign",      "from",         "grant",
	"group",        "groups",    "having",   "in",           "index",        "initially",
	"insert",       "intersect", "interval", "into",         "is",           "join",
	"key",          "keys",      "lateral",  "leading",      "left",         "like",
	"limit",        "localtime", "lock",     "natural",      "not",          "null",
	"offset",       "on",        "only",     "or",           "order",        "outer",
	"over",         "primary",   "range",    "rank",         "references",   "rename",
	"returning",    "right",     "row",      "rows",         "schema",       "select",
	"session_user", "set",       "some",     "symmetric",    "system",       "table",
	"then",         "to",        "trailing", "trigger",      "true",         "union",
	"unique",       "update",    "usage",    "user",         "using",        "values",
	"variadic",     "when",      "where",    "window",       "with",
};

static int is_reserved(struct str name)
{
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (str_eq_nocase(name, str_of(reserved[i])))
			return 1;
	}
	return 0;
}

static int is_snake(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		int letter = (c >= 'a' && c <= 'z') || c == '_';
		if (!letter && !(i > 0 && c >= '0' && c <= '9'))
			return 0;
	}
	return name.n > 0;
}

static int is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* PostgreSQL's own parser has cut the name already: whether the text goes on behind it. */
static int was_cut(const struct lint_run *l, const struct db_fact *f, struct str name)
{
	enum {
		POSTGRES_NAME_MAX = 63,
		CUT_MIN = 60 /* it cuts at a character's end */,
		TEXT_MAX = 64 * 1024
	};
	struct str text = l->file->statements[f->statement].text;
	if (l->database != LINT_POSTGRES || name.n < CUT_MIN || name.n > POSTGRES_NAME_MAX ||
	    text.n > TEXT_MAX)
		return 0;
	for (size_t i = 0; i + name.n < text.n; i++) {
		if (str_eq_nocase(str_first(str_from(text, i), name.n), name) &&
		    is_name_char(text.p[i + name.n]))
			return 1;
	}
	return 0;
}

static void check(struct lint_run *l, const struct db_fact *f, const char *what, struct str name)
{
	enum { MYSQL_NAME_MAX = 64 }; /* characters */
	if (name.p == NULL)
		return;
	if (!is_snake(name))
		lint_hit(l, RULE_NAME_FORM, f,
			 "the %s '%.*s' is not written in lower case letters, digits and '_'", what,
			 STR_ARG(name));
	if (was_cut(l, f, name))
		lint_hit(l, RULE_NAME_LENGTH, f,
			 "the name of the %s is longer than 63 bytes: the server cuts it to '%.*s'",
			 what, STR_ARG(name));
	else if (l->database == LINT_MYSQL && name.n > MYSQL_NAME_MAX)
		lint_hit(l, RULE_NAME_LENGTH, f,
			 "the name of the %s '%.*s' is longer than 64 characters, which the server "
			 "refuses",
			 what, STR_ARG(name));
	if (is_reserved(name))
		lint_hit(l, RULE_NAME_RESERVED, f,
			 "'%.*s' is a reserved word: the %s must be quoted wherever it is used",
			 STR_ARG(name), what);
}

void lint_check_names(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	if (action == DB_ACT_CREATE_TABLE)
		check(l, f, "table", f->table);
	else if (action == DB_ACT_ADD_COLUMN)
		check(l, f, "column", f->name);
	else if (action == DB_ACT_CREATE_INDEX)
		check(l, f, "index", f->name);
	else if (action == DB_ACT_ADD_CONSTRAINT)
		check(l, f, "constraint", f->name);
	else if (action == DB_ACT_RENAME_TABLE)
		check(l, f, "table", f->new_name);
	else if (action == DB_ACT_RENAME_COLUMN)
		check(l, f, "column", f->new_name);
}
