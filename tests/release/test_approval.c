/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals: by distinct people, bound to what they saw, and the stage that opens by them. */

#include "tests/release/gates.h"

static const char *const both[] = { DEV "a", PROD "a", PROD "b", NULL };

static int approve(struct room *room, int64_t plan, const char *who, struct rollout_approved *out,
		   struct err *e)
{
	const struct rollout_order order = gates_order(plan, "prod", who);
	return rollout_approve(out, room->store, room->conf, &order, e);
}

static struct rollout_approved approved(struct room *room, int64_t plan, const char *who)
{
	struct rollout_approved out;
	struct err e;
	check_ok(approve(room, plan, who, &out, &e), &e);
	return out;
}

static void check_refused(struct room *room, int64_t plan, const char *who, const char *why)
{
	struct rollout_approved out;
	struct err e;
	assert_int_equal(approve(room, plan, who, &out, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	gates_contains(str_of(e.msg), why);
}

static void test_approval_opens(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 2", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	/* ahead of time, and twice by one person */
	assert_int_equal(approved(room, plan, "bob").approved, 1);
	assert_int_equal(approved(room, plan, "bob").already, 1);
	assert_int_equal(gates_view(room, plan).stages[1].status, STAGE_WAITING);
	gates_contains(gates_view(room, plan).stages[1].waits, "waits for stage dev; 1 of 2");
	gates_mark(room, "environment = 'dev'", "DONE");
	assert_int_equal(gates_advance(room, plan), 0);
	const struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[1].status, STAGE_APPROVAL);
	gates_contains(r.stages[1].waits, "1 of 2 approvals are missing (so far bob)");
	const struct rollout_approved last = approved(room, plan, "carol");
	assert_int_equal(last.approved, 2);
	assert_int_equal(last.opened, 2);
	assert_int_equal(gates_view(room, plan).stages[1].status, STAGE_RUNNING);
	assert_int_equal(gates_audited(room, "approve"), 2);
	assert_int_equal(gates_audited(room, "stage opened"), 2);
	check_refused(room, plan, "dave", "RUNNING: there is nothing to approve");
}

static void test_approval_before_run(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 1", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	const struct rollout_order order = gates_order(plan, "prod", "bob");
	size_t n;
	struct err e;
	gates_mark(room, "environment = 'dev'", "DONE");
	assert_int_equal(rollout_run(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	gates_contains(str_of(e.msg), "1 of 1 approval is missing: tidegate approve");
	assert_int_equal(gates_audited(room, "run"), 0);
}

static void test_approval_by_whom(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 1, approvers: [bob, Alice]", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	check_refused(room, plan, "carol", "'carol' may not approve");
	/* alice wrote the change */
	check_refused(room, plan, "Alice", "wrote this change");
	gates_configure(room, "",
			", approvals: 1, approvers: [bob, Alice], author_may_approve: true", "");
	assert_int_equal(approved(room, plan, "Alice").approved, 1);
	gates_configure(room, "", "", "");
	check_refused(room, plan, "bob", "needs no approval");
}

/* Each of these makes it void: another url, another environment, no approver any more. */
static void test_approval_void(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 2", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	(void)approved(room, plan, "bob");
	gates_mark(room, "environment = 'dev'", "DONE");
	((struct conf_instance *)room->conf->instances.items)[2].url = STR("sqlite:/elsewhere");
	struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[1].approved, 0);
	gates_contains(r.stages[1].approved_by[0].void_reason, "url of an instance");
	/* written down once, and for good */
	assert_int_equal(gates_advance(room, plan), 0);
	assert_int_equal(gates_advance(room, plan), 0);
	assert_int_equal(gates_audited(room, "approval void"), 1);
	gates_configure(room, "", ", approvals: 2", "");
	assert_int_equal(gates_view(room, plan).stages[1].approved, 0);
	assert_int_equal(approved(room, plan, "bob").approved, 1);
	assert_int_equal(approved(room, plan, "carol").opened, 2);
}

static void test_approval_void_by_targets(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 1", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	(void)approved(room, plan, "bob");
	((struct conf_instance *)room->conf->instances.items)[2].environment = STR("dev");
	const struct rollout r = gates_view(room, plan);
	gates_contains(r.stages[1].approved_by[0].void_reason, "targets of the stage");
	gates_configure(room, "", ", approvals: 1, approvers: [carol]", "");
	gates_contains(gates_view(room, plan).stages[1].approved_by[0].void_reason,
		       "no approver any more");
}

static void test_approval_comment(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 1", "");
	const int64_t plan = gates_roll(room, "1.sql=a", both);
	struct rollout_order order = gates_order(plan, "prod", "bob");
	struct rollout_approved out;
	struct err e;
	order.reason = STR("two\nlines");
	assert_int_equal(rollout_approve(&out, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	order.reason = STR("checked");
	check_ok(rollout_approve(&out, room->store, room->conf, &order, &e), &e);
	const struct rollout r = gates_view(room, plan);
	assert_string_equal(r.stages[1].approved_by[0].comment.p, "checked");
	assert_string_equal(r.stages[1].approved_by[0].origin.p, "cli on h, uid 1");
}

struct approver {
	struct room *room;
	int64_t plan;
	const char *who;
	struct rollout_approved out;
	int rc;
	struct err e;
};

static void *approve_body(void *argument)
{
	struct approver *a = argument;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	const struct rollout_order order = gates_order(a->plan, "prod", a->who);
	a->rc = store_open(&store, a->room->conf, &options, &a->e);
	if (a->rc == 0)
		a->rc = rollout_approve(&a->out, store, a->room->conf, &order, &a->e);
	db_close(store);
	return NULL;
}

static void test_approval_two_at_once(void **state)
{
	struct room *room = *state;
	gates_configure(room, "", ", approvals: 2", "");
	for (int i = 0; i < 5; i++) {
		char file[32];
		(void)snprintf(file, sizeof file, "1.sql=select %d;", i);
		const int64_t plan = gates_roll(room, file, both);
		struct approver two[2] = { { .room = room, .plan = plan, .who = "bob" },
					   { .room = room, .plan = plan, .who = "carol" } };
		gates_mark(room, "environment = 'dev'", "DONE");
		room_threads(2, approve_body, two, sizeof *two);
		check_ok(two[0].rc, &two[0].e);
		check_ok(two[1].rc, &two[1].e);
		assert_int_equal(two[0].out.approved + two[1].out.approved, 3);
		assert_int_equal(two[0].out.opened + two[1].out.opened, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_approval_opens),           room_test(test_approval_before_run),
		room_test(test_approval_by_whom),         room_test(test_approval_void),
		room_test(test_approval_void_by_targets), room_test(test_approval_comment),
		room_test(test_approval_two_at_once),
	};
	return room_run(tests);
}
