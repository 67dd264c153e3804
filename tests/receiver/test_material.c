/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks of a plan share: read once, kept within a bound, gone when nobody has it. */

#include "base/mem.h"
#include "receiver/material.h"
#include "release/plan.h"
#include "release/rollout.h"
#include "tests/receiver/store_fixture.h"

/* A release of one file and its plan's number. */
static int64_t make_plan(struct fixture *f, const char *commit)
{
	AUTO(digest) struct digest *d = digest_new();
	struct manifest_file file = { .path = str_of(commit), .size = 1 };
	const struct str target = STR("instances/dev/databases/a");
	struct manifest manifest;
	struct release release;
	struct plan plan;
	enum release_made how;
	int made;
	struct err e;
	const struct release_request q = { .project = STR("shop"),
					   .id_template = STR("r_{date}-{iteration}"),
					   .timezone = STR("UTC"),
					   .repository = STR("app"),
					   .commit = str_of(commit),
					   .vcs_type = STR("GITHUB") };
	check_ok(manifest_build(&manifest, &file, 1, d, &f->arena, &e), &e);
	check_ok(release_make(&release, &how, f->store, &q, &manifest, &f->arena, &e), &e);
	check_ok(plan_make(&plan, &made, f->store, f->conf, &release, &target, 1, STR_NULL, 1,
			   &f->arena, &e),
		 &e);
	return plan.id;
}

static const struct material *take(struct fixture *f, struct materials *all, int64_t plan)
{
	const struct material *m = NULL;
	struct err e;
	check_ok(materials_take(&m, all, f->store, STR("shop"), plan, &e), &e);
	return m;
}

static void test_material_is_read_once(void **state)
{
	struct fixture *f = *state;
	struct materials *all = NULL;
	struct err e;
	check_ok(materials_new(&all, &e), &e);
	int64_t one = make_plan(f, "1_a.sql"), two = make_plan(f, "2_b.sql");
	const struct material *m = take(f, all, one);
	assert_int_equal(m->manifest->n, 1);
	assert_true(str_eq(m->manifest->files[0].version, STR("1")));
	assert_ptr_equal(take(f, all, one), m);
	const struct material *other = take(f, all, two);
	assert_ptr_not_equal(other, m);
	materials_give(all, m);
	materials_forget(all);
	/* One taker is left. */
	assert_true(str_eq(m->release->commit, STR("1_a.sql")));
	materials_give(all, m);
	materials_give(all, other);
	materials_give(all, NULL);
	materials_free(all);
	materials_free(NULL);
}

static void test_material_of_no_plan_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct materials *all = NULL;
	const struct material *m = NULL;
	struct err e;
	check_ok(materials_new(&all, &e), &e);
	assert_int_equal(materials_take(&m, all, f->store, STR("shop"), 99, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_null(m);
	materials_free(all);
}

static int found(const struct material *m, const char *sha256, const char *want)
{
	AUTO(buf) struct buf out;
	buf_init(&out, 64);
	return material_find(m, &out, sha256) && str_eq_cstr(buf_str(&out), want);
}

static void test_material_keeps_contents_within_a_bound(void **state)
{
	struct fixture *f = *state;
	struct materials *all = NULL;
	struct err e;
	check_ok(materials_new(&all, &e), &e);
	const struct material *m = take(f, all, make_plan(f, "1_a.sql"));
	size_t kept = 0;
	material_keep(m, "abcd1", STR("one"));
	material_keep(m, "abcd2", STR(""));
	mem_fail_after(0);
	material_keep(m, "abcd3", STR("without memory"));
	assert_true(found(m, "abcd1", "one") && found(m, "abcd2", ""));
	assert_false(found(m, "abcd3", "without memory"));
	for (int i = 0; i < 5000; i++) {
		char sha256[SHA256_HEX];
		(void)snprintf(sha256, sizeof sha256, "%064d", i);
		material_keep(m, sha256, STR("x"));
		kept += (size_t)found(m, sha256, "x");
	}
	assert_int_equal(kept, 1024 - 2);
	materials_give(all, m);
	materials_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_material_is_read_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_material_of_no_plan_is_not_found,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_material_keeps_contents_within_a_bound,
						fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
