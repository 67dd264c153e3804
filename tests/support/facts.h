/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FACTS_H
#define TESTS_SUPPORT_FACTS_H

#include "base/buf.h"
#include "db/inspect.h"

/* Facts as text, for tests: "add column t.c int4 [not-null]; drop table s.t". */

static inline void facts_name(struct buf *out, const char *before, struct str s)
{
	if (s.p != NULL)
		buf_addf(out, "%s%.*s", before, STR_ARG(s));
}

static inline void facts_one(struct buf *out, const struct db_fact *f)
{
	static const char *const flags[] = {
		"concurrently", "if",        "not-null",   "default", "volatile", "identity",
		"serial",       "generated", "not-valid",  "using",   "where",    "unique",
		"cascade",      "temporary", "from-query", "columns", "full",     "in-create",
		"form",         "only",      "primary",    "local",
	};
	static const char *const constraints[] = { "",         " primary", " unique",
						   " foreign", " check",   " exclude" };
	buf_adds(out, db_action_name(f->action));
	facts_name(out, " ", f->schema);
	facts_name(out, f->schema.p != NULL ? "." : " ", f->table);
	facts_name(out, f->table.p != NULL ? "." : " ", f->name);
	facts_name(out, " to ", f->new_name);
	facts_name(out, " ", f->type);
	buf_adds(out, constraints[f->constraint]);
	facts_name(out, " (", f->detail);
	buf_adds(out, f->detail.p != NULL ? ")" : "");
	facts_name(out, " -> ", f->reference);
	if (f->rows != 0)
		buf_addf(out, " %lld", (long long)f->rows);
	int first = 1;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if ((f->flags & 1U << i) == 0)
			continue;
		buf_addf(out, "%s%s", first ? " [" : " ", flags[i]);
		first = 0;
	}
	buf_adds(out, first ? "" : "]");
}

/* All facts of a script; "fault 2:5: ..." for each fault; "refused: ..." when it cannot be split.
 */
static inline void facts_text(struct buf *out, const struct db_driver *driver, struct str sql,
			      struct arena *arena)
{
	struct err e;
	struct db_statement *list;
	size_t n;
	struct db_place failed;
	struct db_inspection in;
	if (db_script_split(&list, &n, &failed, driver, sql, arena, &e) != 0 ||
	    db_inspect(&in, driver, sql, list, n, arena, &e) != 0) {
		buf_addf(out, "refused: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < in.n; i++) {
		buf_adds(out, i > 0 ? "; " : "");
		facts_one(out, &in.facts[i]);
	}
	for (size_t i = 0; i < in.n_faults; i++)
		buf_addf(out, " fault %zu:%zu: %.*s", in.faults[i].place.line,
			 in.faults[i].place.column, STR_ARG(in.faults[i].message));
}

#endif
