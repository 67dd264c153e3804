/* SPDX-License-Identifier: Apache-2.0 */
/* The review on real targets of both kinds: what is pending, wrong, risky, and how many rows. */

#include "release/review.h"
#include "release/review_store.h"
#include "tests/release/target.h"

struct reviewed {
	struct target *targets;
	struct review_target list[3];
	struct review_job job;
	struct review review;
	int opens, refuse; /* how often a session was asked for; which target is not reached */
	char text[4096];   /* "FILE@TARGET: rule:line ... rows risk" lines */
};

static int read_content(void *context, struct buf *out, const struct migration *file, struct err *e)
{
	struct reviewed *r = context;
	return target_content(&r->targets[0], out, file->sha256, e);
}

static int open_session(void *context, struct db **out, size_t i, struct err *e)
{
	struct reviewed *r = context;
	r->opens++;
	if (r->refuse == (int)i + 1)
		return err_set(e, ERR_UNAVAILABLE, "nobody is there");
	return db_open(out, &r->targets[i].job.target, e);
}

static void describe(struct reviewed *r)
{
	size_t at = 0;
	r->text[0] = '\0';
	for (size_t i = 0; i < r->review.n; i++) {
		const struct review_result *one = &r->review.results[i];
		at += (size_t)snprintf(r->text + at, sizeof r->text - at,
				       "%s@%zu:", r->job.manifest->files[one->file].version.p,
				       one->target);
		for (size_t j = 0; j < one->n; j++)
			at += (size_t)snprintf(r->text + at, sizeof r->text - at, " %s:%zu",
					       rule_id(one->advices[j].rule),
					       one->advices[j].place.line);
		at += (size_t)snprintf(r->text + at, sizeof r->text - at, " %lld %s\n",
				       (long long)one->affected_rows, review_risk_name(one->risk));
	}
}

/* Review the files of targets[0] against `n` targets. */
static void review(struct reviewed *r, struct target *targets, size_t n, int offline)
{
	struct err e;
	struct room *room = targets[0].room;
	const struct db_driver *driver = room->pg != NULL ? &db_postgres : &db_sqlite;
	int refuse = r->refuse;
	*r = (struct reviewed){ .targets = targets, .refuse = refuse };
	for (size_t i = 0; i < n; i++)
		r->list[i] =
		    (struct review_target){ .name = str_of(targets[i].database), .driver = driver };
	r->job = (struct review_job){ .manifest = &targets[0].manifest,
				      .read = read_content,
				      .open = offline ? NULL : open_session,
				      .context = r,
				      .targets = r->list,
				      .n_targets = n };
	check_ok(review_run(&r->review, &r->job, &room->arena, &e), &e);
	describe(r);
}

static const char *const start[] = { "m/1_a.sql=create table t (id bigint primary key, a text);\n"
				     "insert into t (id, a) values (1, 'x'), (2, 'y');",
				     NULL };
static const char *const more[] = {
	"m/1_a.sql=create table t (id bigint primary key, a text);\n"
	"insert into t (id, a) values (1, 'x'), (2, 'y');",
	"m/2_b.sql=alter table t add column b bigint;\ncreate table u (id bigint primary key);",
	"m/3_c.sql=insert into u (id) values (1);\ndrop table t;", NULL
};

static void test_review_pending_files(void **state)
{
	struct target t;
	struct reviewed r = { .refuse = 0 };
	target_init(&t, *state, start);
	review(&r, &t, 1, 0);
	assert_string_equal(r.text, "1@0: 2 LOW\n");
	check_ok(target_run(&t), &t.e);
	review(&r, &t, 1, 0);
	assert_string_equal(r.text, "");
	target_files(&t, more);
	review(&r, &t, 1, 0);
	assert_non_null(strstr(r.text, "2@0: "));
	assert_non_null(strstr(r.text, "MODERATE\n3@0: drop-table:2 "));
	assert_non_null(strstr(r.text, " HIGH\n"));
	assert_int_equal(r.review.risk, REVIEW_RISK_HIGH);
	assert_int_equal(r.review.errors, 0);
	assert_true(r.review.affected_rows >= 3);
	assert_int_equal(target_number(&t, "select count(*) from t"), 2);
	target_end(&t);
}

static void test_review_counts_rows(void **state)
{
	struct target t;
	struct reviewed r = { .refuse = 0 };
	static const char *const files[] = {
		"m/1_a.sql=create table t (id bigint primary key, a text);\n"
		"insert into t (id, a) values (1, 'x'), (2, 'y');",
		"m/2_b.sql=update t set a = 'z' where id > 0;\ndelete from t where id > 0;", NULL
	};
	target_init(&t, *state, start);
	check_ok(target_run(&t), &t.e);
	if (t.room->pg != NULL)
		target_exec(&t, "insert into t select g, 'x' from generate_series(10, 1009) g");
	else
		target_exec(&t, "with recursive g(n) as (select 10 union all select n + 1 from g "
				"where n < 1009) insert into t select n, 'x' from g");
	if (t.room->pg != NULL)
		target_exec(&t, "analyze t");
	target_files(&t, files);
	review(&r, &t, 1, 0);
	assert_string_equal(r.text, "2@0: 2004 MODERATE\n");
	target_end(&t);
}

static void test_review_ledger(void **state)
{
	struct target t;
	struct reviewed r = { .refuse = 0 };
	static const char *const edited[] = { "m/1_a.sql=create table t (id bigint primary key);",
					      NULL };
	static const char *const late[] = { "m/0_z.sql=create table z (id bigint primary key);",
					    NULL };
	const struct review_result *at;
	const struct advice *a;
	target_init(&t, *state, start);
	check_ok(target_run(&t), &t.e);
	target_files(&t, edited);
	review(&r, &t, 1, 0);
	assert_string_equal(r.text, "1@0: edited-file:0 0 LOW\n");
	assert_int_equal(r.review.errors, 1);
	assert_int_equal(r.review.results[0].advices[0].code, 1);
	assert_int_equal(review_blocks(&at, &a, &r.review, &r.job), 1);
	assert_int_equal(a->rule, RULE_EDITED_FILE);
	target_files(&t, late);
	review(&r, &t, 1, 0);
	assert_string_equal(r.text, "0@0: out-of-order:0 0 LOW\n");
	target_end(&t);
}

static void test_review_syntax(void **state)
{
	struct target t;
	struct reviewed r = { .refuse = 0 };
	static const char *const files[] = {
		"m/1_a.sql=create table t (id bigint primary key);\n\n  selct 1;", NULL
	};
	static const char *const control[] = {
		"m/1_a.sql=create table t (id bigint primary key);\ncommit;", NULL
	};
	target_init(&t, *state, files);
	for (int offline = 0; offline < 2; offline++) {
		review(&r, &t, 1, offline);
		assert_string_equal(r.text, "1@0: syntax:3 0 LOW\n");
		assert_int_equal(r.review.results[0].advices[0].place.column, 3);
		assert_int_equal(r.review.results[0].advices[0].code, 201);
		assert_int_equal(r.review.results[0].advices[0].level, RULE_ERROR);
	}
	target_files(&t, control);
	review(&r, &t, 1, 1);
	assert_non_null(strstr(r.text, "1@0: transaction-control:2"));
	target_end(&t);
}

static void test_review_groups_targets(void **state)
{
	struct target t[3];
	struct reviewed r = { .refuse = 0 };
	for (size_t i = 0; i < 3; i++)
		target_init(&t[i], *state, start);
	check_ok(target_run(&t[2]), &t[2].e);
	check_ok(target_run(&t[0]), &t[0].e);
	check_ok(target_run(&t[1]), &t[1].e);
	target_files(&t[0], more);
	r.refuse = 3;
	review(&r, t, 3, 0);
	assert_int_equal(r.opens, 3);
	assert_int_equal(r.review.n, 4);
	assert_ptr_equal(r.review.results[1].advices, r.review.results[3].advices);
	assert_int_equal(r.review.n_misses, 1);
	assert_int_equal(r.review.misses[0].target, 2);
	assert_int_equal(r.review.misses[0].advice.rule, RULE_TARGET_UNREACHABLE);
	assert_int_equal(r.review.errors, 0);
	r.refuse = 0;
	for (size_t i = 0; i < 3; i++)
		target_end(&t[i]);
}

/* SQLite's scripts are run on a copy: a later file sees what an earlier one made, and nothing else.
 */
static void test_review_carries_schema(void **state)
{
	struct target t;
	struct reviewed r = { .refuse = 0 };
	static const char *const files[] = {
		"m/1_a.sql=create table t (id bigint primary key, a text);\n"
		"insert into t (id, a) values (1, 'x'), (2, 'y');",
		"m/2_b.sql=create table u (id bigint primary key);\n"
		"create index u_t on t (a);",
		"m/3_c.sql=alter table u add column b bigint;\ninsert into u (id, b) values (1, "
		"2);",
		"m/4_d.sql=insert into u (id)\n values (nothing);", NULL
	};
	struct room *room = *state;
	target_init(&t, room, start);
	check_ok(target_run(&t), &t.e);
	target_files(&t, files);
	review(&r, &t, 1, 0);
	if (room->pg == NULL)
		assert_non_null(strstr(r.text, "4@0: syntax:2 "));
	assert_int_equal(r.review.errors, room->pg == NULL ? 1 : 0);
	assert_int_equal(target_number(&t, "select count(*) from t"), 2);
	/* Without a target nobody knows what was there before. */
	target_files(&t, &files[1]);
	review(&r, &t, 1, 1);
	assert_int_equal(r.review.errors, 0);
	if (room->pg == NULL)
		assert_non_null(strstr(r.text, "2@0: not-checked:2 "));
	target_end(&t);
}

static void test_review_record(void **state)
{
	struct room *room = *state;
	struct target t;
	struct reviewed r = { .refuse = 0 };
	struct review_record record, back;
	struct err e;
	AUTO(buf) struct buf body;
	target_init(&t, room, more);
	review(&r, &t, 1, 0);
	buf_init(&body, 1 << 20);
	check_ok(review_json(&body, &r.review, &r.job, 1 << 20, &e), &e);
	assert_non_null(strstr(body.p, "\"version\":\"3\""));
	record =
	    (struct review_record){ .warnings = 1, .risk = STR("HIGH"), .body = buf_str(&body) };
	assert_int_equal(review_record_get(&back, room->store, STR("shop"), 1, &room->arena, &e),
			 -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	for (int i = 0; i < 2; i++) {
		record.warnings = i;
		check_ok(review_record_put(room->store, STR("shop"), 1, &record, &e), &e);
	}
	check_ok(review_record_get(&back, room->store, STR("shop"), 1, &room->arena, &e), &e);
	assert_int_equal(back.warnings, 1);
	assert_null(back.reason.p);
	assert_true(str_eq(back.body, record.body));
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_review_pending_files),  room_test(test_review_counts_rows),
		room_test(test_review_ledger),         room_test(test_review_syntax),
		room_test(test_review_groups_targets), room_test(test_review_carries_schema),
		room_test(test_review_record),
	};
	return room_run(tests);
}
