/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_FACTS_H
#define DB_POSTGRES_FACTS_H

#include "base/arena.h"
#include "db/inspect.h"

#include <pg_query/pg_query.pb-c.h>

/* Facts from PostgreSQL's own parse trees; what the files of the inspection share. */

/* A growing list of facts; a failure to allocate is remembered. */
struct postgres_facts {
	struct db_fact *list;
	size_t n, cap;
	struct arena *arena;
	const struct db_statement *statement; /* the one that is read */
	size_t index;                         /* of it */
	size_t walked;                        /* bytes of it whose place is known: `at` */
	struct db_place at;
	struct db_fact spare; /* given out where there is no memory */
	int failed;
};

/*
 * Add what the tree of one statement says: at least one fact. `packed` is what
 * pg_query_parse_protobuf gave of a text that postgres_inspect found small enough: reading takes
 * stack for each level of it. 0, or -1 without memory.
 */
int postgres_facts_read(struct postgres_facts *f, struct str packed) MUST_CHECK;

/* A new fact of the statement that is read; never NULL. */
struct db_fact *postgres_fact(struct postgres_facts *f, enum db_action action);
/* A copy; the tree's empty text is absent. */
struct str postgres_fact_text(struct postgres_facts *f, const char *text);
/* The fact's own place: a byte offset in the statement; -1: not known. */
void postgres_fact_at(struct postgres_facts *f, struct db_fact *fact, int location);
void postgres_fact_table(struct postgres_facts *f, struct db_fact *fact,
			 const PgQuery__RangeVar *relation);
/* Whether an option is there, and not off. */
int postgres_fact_option(PgQuery__Node *const *list, size_t n, const char *name);

void postgres_facts_create(struct postgres_facts *f, const PgQuery__Node *node);
void postgres_facts_alter(struct postgres_facts *f, const PgQuery__Node *node);

/* Of a default: whether it calls a function that is not known to give one value for all rows. */
int postgres_expression_is_volatile(const PgQuery__Node *node);
/* Whether a condition is true for every row by its text alone, such as 1 = 1. */
int postgres_condition_is_true(const PgQuery__Node *node);

#endif
