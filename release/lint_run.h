/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_LINT_RUN_H
#define RELEASE_LINT_RUN_H

#include "release/lint.h"

/* For the files of the lint: one file of a release on its way through the rules. */
struct lint_run {
	struct lint_context *context;
	const struct lint_file *file;
	const struct db_fact *facts; /* of the file */
	size_t n_facts;
	unsigned database; /* enum lint_databases: of the target */
	struct advice *list;
	size_t n, cap;
	struct arena *arena;
	int failed; /* no memory */
};

/* What a file did that a later one, or a later statement, must know of. */
enum lint_made_kind { LINT_MADE_TABLE, LINT_MADE_INDEX, LINT_MADE_TYPE, LINT_MADE_VALIDATED };
struct lint_made {
	struct lint_made *next;
	enum lint_made_kind kind;
	struct str name;
};
int lint_was_made(const struct lint_run *l, enum lint_made_kind kind, struct str name);

/* A table that may have rows and users: it was not made by this release. */
int lint_is_live(const struct lint_run *l, const struct db_fact *f);
/* The same, and it is not known to be empty. */
int lint_is_filled(const struct lint_run *l, const struct db_fact *f);

/* An advice at the fact's place, unless the rule is off here or not for this database. The text is
 * the content: it names what is concerned. */
void lint_hit(struct lint_run *l, enum rule rule, const struct db_fact *f, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same at a place of the file. */
void lint_hit_at(struct lint_run *l, enum rule rule, struct db_place place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The rules, by what they look at. Each is called for each fact in turn. */
void lint_check_locks(struct lint_run *l, const struct db_fact *f);
void lint_check_tables(struct lint_run *l, const struct db_fact *f);
void lint_check_data(struct lint_run *l, const struct db_fact *f);
void lint_check_names(struct lint_run *l, const struct db_fact *f);
/* The rules about the file as a whole. */
void lint_check_file(struct lint_run *l);

/* Take away what suppressions in the comments allow; add what is wrong with them. */
void lint_suppress(struct lint_run *l);

#endif
