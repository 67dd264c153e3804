/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: entries go with the change that they tell of, and are found by name and time. */

#include "release/audit.h"
#include "tests/release/room.h"

static const struct audit_actor alice = { .who = { "alice", 5 }, .origin = { "cli on h", 8 } };

static void add(struct room *room, const char *action, const char *object, int64_t at_ms)
{
	struct err e;
	check_ok(
	    audit_add(room->store, &alice, action, str_of(object), STR("{\"n\":1}"), at_ms, &e),
	    &e);
}

static size_t list(struct room *room, struct audit_entry **out, struct audit_filter filter)
{
	size_t n;
	struct err e;
	check_ok(audit_list(out, &n, room->store, &filter, &room->arena, &e), &e);
	return n;
}

static void test_audit_lists(void **state)
{
	struct room *room = *state;
	struct audit_entry *got;
	add(room, "run", "projects/shop/plans/1/rollout/stages/dev", 1000);
	add(room, "skip", "projects/shop/plans/1/rollout", 2000);
	add(room, "run", "projects/shop/plans/11/rollout", 3000);
	assert_int_equal(list(room, &got, (struct audit_filter){ .limit = 10 }), 3);
	assert_string_equal(got[0].who.p, "alice");
	assert_string_equal(got[0].origin.p, "cli on h");
	assert_string_equal(got[1].action.p, "skip");
	assert_string_equal(got[1].detail.p, "{\"n\":1}");
	assert_int_equal(got[2].at_ms, 3000);
	/* the newest, in their order */
	assert_int_equal(list(room, &got, (struct audit_filter){ .limit = 2 }), 2);
	assert_int_equal(got[0].at_ms, 2000);
	assert_int_equal(list(room, &got, (struct audit_filter){ .since_ms = 3000, .limit = 9 }),
			 1);
}

static void test_audit_by_object(void **state)
{
	struct room *room = *state;
	struct audit_entry *got;
	add(room, "run", "projects/shop/plans/1/rollout/stages/dev", 1000);
	add(room, "run", "projects/shop/plans/11/rollout", 3000);
	add(room, "run", "projects/sh%p/plans/1", 3000);
	const struct audit_filter one = { .object = STR("projects/shop/plans/1"), .limit = 9 };
	assert_int_equal(list(room, &got, one), 1);
	assert_int_equal(got[0].at_ms, 1000);
	const struct audit_filter wild = { .object = STR("projects/sh%p"), .limit = 9 };
	assert_int_equal(list(room, &got, wild), 1);
	const struct audit_filter none = { .object = STR("x' OR '1'='1"), .limit = 9 };
	assert_int_equal(list(room, &got, none), 0);
}

static int add_and_fail(struct db *store, void *context, struct err *e)
{
	(void)context;
	if (audit_add(store, &alice, "run", STR("x"), STR_NULL, 1, e) != 0)
		return -1;
	return err_set(e, ERR_REFUSED, "no");
}

static void test_audit_goes_with_the_change(void **state)
{
	struct room *room = *state;
	struct audit_entry *got;
	struct err e;
	assert_int_equal(store_within(room->store, add_and_fail, NULL, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(list(room, &got, (struct audit_filter){ .limit = 9 }), 0);
}

static void test_audit_needs_a_name(void **state)
{
	struct room *room = *state;
	const struct audit_actor nobody = { .origin = STR("cli") };
	struct err e;
	assert_int_equal(audit_add(room->store, &nobody, "run", STR("x"), STR_NULL, 1, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_audit_lists),
		room_test(test_audit_by_object),
		room_test(test_audit_goes_with_the_change),
		room_test(test_audit_needs_a_name),
	};
	return room_run(tests);
}
