/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RELEASE_LINT_FIXTURE_H
#define TESTS_RELEASE_LINT_FIXTURE_H

#include "db/inspect.h"
#include "release/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Scripts through the rules, the findings as text: "drop-table@1 truncate@2". */
struct lint_fixture {
	struct arena arena;
	struct lint_policy policy;
	struct lint_context context;
	struct buf found;
	int not_transactional;
};

static inline void lint_begin(struct lint_fixture *f, const struct db_driver *driver)
{
	*f = (struct lint_fixture){ .not_transactional = 0 };
	arena_init(&f->arena, 64 << 20);
	buf_init(&f->found, 1 << 20);
	lint_policy(&f->policy, NULL);
	f->context = (struct lint_context){ .driver = driver, .policy = &f->policy };
}

static inline void lint_end(struct lint_fixture *f)
{
	arena_free(&f->arena);
	buf_free(&f->found);
}

/* One file of the release; adds to `found`. */
static inline void lint_sql(struct lint_fixture *f, const char *sql)
{
	struct err e;
	struct lint_file file = { .text = str_of(sql), .transactional = !f->not_transactional };
	struct db_statement *list;
	struct db_place failed;
	struct db_inspection in;
	struct advice *advices;
	size_t n;
	if (db_script_split(&list, &file.n, &failed, f->context.driver, file.text, &f->arena, &e) !=
		0 ||
	    db_inspect(&in, f->context.driver, file.text, list, file.n, &f->arena, &e) != 0)
		fail_msg("%s: %s", sql, e.msg);
	file.statements = list;
	file.inspection = &in;
	if (lint_file(&advices, &n, &f->context, &file, &f->arena, &e) != 0)
		fail_msg("%s: %s", sql, e.msg);
	for (size_t i = 0; i < n; i++)
		buf_addf(&f->found, "%s%s@%zu", f->found.n > 0 ? " " : "", rule_id(advices[i].rule),
			 advices[i].place.line);
}

#endif
