/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_LINT_H
#define RELEASE_LINT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/rule.h"
#include "db/inspect.h"
#include "release/advice.h"

/*
 * Rules over what statements do (db/inspect.h): patterns that hurt a database in production. Pure:
 * what is known of the target is handed in.
 */

/* The databases a rule is for. */
enum lint_databases {
	LINT_POSTGRES = 1 << 0,
	LINT_MYSQL = 1 << 1,
	LINT_SQLITE = 1 << 2,
	LINT_ALL = LINT_POSTGRES | LINT_MYSQL | LINT_SQLITE,
};

/* What people are told of a rule: for docs/rules.md, `tidegate check --list-rules`, SARIF. */
struct lint_rule {
	enum rule rule;
	unsigned databases;  /* enum lint_databases */
	const char *title;   /* "Index build blocks writes" */
	const char *why;     /* what happens in production */
	const char *safer;   /* what to do instead */
	const char *example; /* of SQL that it finds; NULL: it is not about SQL */
	const char *instead; /* the same in the safer form; NULL: none */
};
/* One for each enum rule. */
const struct lint_rule *lint_rule(enum rule rule);
/* "PostgreSQL, SQLite" */
void lint_database_names(struct buf *out, unsigned databases);
/* All of them as Markdown: the text of docs/rules.md. */
void lint_markdown(struct buf *out);

/* How much each rule counts in an environment. */
struct lint_policy {
	enum rule_level levels[RULES];
};
/* NULL: the defaults. */
void lint_policy(struct lint_policy *out, const struct conf_environment *environment);

/* A table of the target, as the review learned of it. */
struct lint_table {
	struct str schema; /* absent: not said */
	struct str table;
	int64_t rows; /* in the target; -1: not known */
};

/*
 * What the files of one release did so far: the tables that they made, which are empty for a later
 * file as well. Kept from file to file.
 */
enum { LINT_BUCKETS = 256 };
struct lint_context {
	const struct db_driver *driver;
	const struct lint_policy *policy;
	const struct lint_table *known; /* of the target; may be none */
	size_t n_known;
	struct lint_made *made[LINT_BUCKETS]; /* private; in the arena of lint_file */
};

/* Of one file, at most; the rest is left out. */
enum { LINT_ADVICES_MAX = 500 };

/* One file. */
struct lint_file {
	struct str text;
	const struct db_statement *statements;
	size_t n;
	const struct db_inspection *inspection;
	int transactional; /* it will run in one transaction */
};

/* The advices of a file, by place; a suppression with its reason takes them away. `arena` must live
 * as long as the context; what `file` points to need not. */
int lint_file(struct advice **out, size_t *n, struct lint_context *context,
	      const struct lint_file *file, struct arena *arena, struct err *e) MUST_CHECK;

#endif
