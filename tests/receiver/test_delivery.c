/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries in a real embedded store: dedupe, order, leases, replays, credentials. */

#include "base/pack.h"
#include "tests/receiver/store_fixture.h"

static int64_t add(struct fixture *f, const char *endpoint, const char *external_id, int *duplicate)
{
	struct err e = { 0 };
	struct buf packed;
	buf_init(&packed, 4096);
	check_ok(pack_compress(&packed, STR("{\"a\":1}"), &e), &e);
	struct delivery_new d = {
		.endpoint = str_of(endpoint),
		.provider = STR("github"),
		.external_id = str_of(external_id),
		.event_type = STR("pull_request"),
		.summary = STR("merge of #1 into main"),
		.source = STR("webhook"),
		.state = DELIVERY_QUEUED,
		.received_ms = 1000,
		.headers = STR("X-GitHub-Event: pull_request\nX-Empty: \n"),
		.body_packed = buf_str(&packed),
		.body_bytes = 7,
	};
	int64_t id = 0;
	int dup = 0;
	check_ok(db_begin(f->store, &e), &e);
	check_ok(delivery_insert(&id, &dup, f->store, &d, &e), &e);
	check_ok(db_commit(f->store, &e), &e);
	buf_free(&packed);
	if (duplicate != NULL)
		*duplicate = dup;
	return id;
}

/* Claim at `now`; the id, or 0 when there was nothing. */
static int64_t claim(struct fixture *f, struct delivery *d, const char *owner, int64_t now,
		     int64_t *next)
{
	struct err e = { 0 };
	int64_t due = 0;
	int rc = delivery_claim(d, &due, f->store, str_of(owner), now, 5000, &f->arena, &e);
	if (rc < 0)
		fail_msg("%s", e.msg);
	if (next != NULL)
		*next = due;
	return rc == 1 ? d->id : 0;
}

static int finish(struct fixture *f, const struct delivery *d, const char *owner,
		  enum delivery_state state, int64_t not_before, struct err *e)
{
	struct delivery_outcome o = { .state = state,
				      .not_before_ms = not_before,
				      .reason = STR("because") };
	return delivery_finish(f->store, d, str_of(owner), &o, 3000, e);
}

static void test_delivery_same_id_of_an_endpoint_is_a_duplicate(void **state)
{
	struct fixture *f = *state;
	int dup = -1;
	int64_t first = add(f, "app", "guid-1", &dup);
	assert_int_equal(dup, 0);
	assert_int_equal(add(f, "app", "guid-1", &dup), first);
	assert_int_equal(dup, 1);
	/* Two hooks that see one event send the same id. */
	assert_int_not_equal(add(f, "other", "guid-1", &dup), first);
	assert_int_equal(dup, 0);
}

static void test_delivery_request_comes_back_as_received(void **state)
{
	struct fixture *f = *state;
	struct request r;
	struct err e = { 0 };
	int64_t id = add(f, "app", "guid-1", NULL);
	check_ok(delivery_request(&r, f->store, id, &f->arena, &e), &e);
	assert_true(str_eq_cstr(r.body, "{\"a\":1}"));
	assert_int_equal(r.n_headers, 2);
	assert_true(str_eq_cstr(r.headers[0].name, "X-GitHub-Event"));
	assert_true(str_eq_cstr(r.headers[0].value, "pull_request"));
	assert_int_equal(r.headers[1].value.n, 0);
}

static void test_delivery_one_of_an_endpoint_at_a_time_in_order(void **state)
{
	struct fixture *f = *state;
	struct delivery a, b, c;
	int64_t first = add(f, "app", "1", NULL);
	int64_t second = add(f, "app", "2", NULL);
	int64_t foreign = add(f, "other", "3", NULL);
	assert_int_equal(claim(f, &a, "w1", 2000, NULL), first);
	assert_int_equal(claim(f, &b, "w2", 2000, NULL), foreign);
	assert_int_equal(claim(f, &c, "w3", 2000, NULL), 0);
	struct err e = { 0 };
	check_ok(finish(f, &a, "w1", DELIVERY_RELEASED, 0, &e), &e);
	assert_int_equal(claim(f, &c, "w3", 2000, NULL), second);
	assert_int_equal(c.attempts, 1);
}

static void test_delivery_retry_waits_until_it_is_due(void **state)
{
	struct fixture *f = *state;
	struct delivery d;
	struct err e = { 0 };
	int64_t id = add(f, "app", "1", NULL), next = 0;
	assert_int_equal(claim(f, &d, "w", 2000, NULL), id);
	check_ok(finish(f, &d, "w", DELIVERY_QUEUED, 9000, &e), &e);
	assert_int_equal(claim(f, &d, "w", 8999, &next), 0);
	assert_int_equal(next, 9000);
	assert_int_equal(claim(f, &d, "w", 9000, NULL), id);
	assert_int_equal(d.attempts, 2);
}

static void test_delivery_lost_lease_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct delivery old, new;
	struct err e = { 0 };
	size_t back = 0;
	int64_t id = add(f, "app", "1", NULL);
	assert_int_equal(claim(f, &old, "w1", 2000, NULL), id);
	check_ok(delivery_take_back(&back, f->store, 7000, &e), &e);
	assert_int_equal(back, 0); /* the lease ends at 7000 */
	check_ok(delivery_take_back(&back, f->store, 7001, &e), &e);
	assert_int_equal(back, 1);
	assert_int_equal(claim(f, &new, "w2", 7001, NULL), id);
	assert_int_equal(finish(f, &old, "w1", DELIVERY_FAILED, 0, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	check_ok(delivery_renew(f->store, &new, STR("w2"), 99000, &e), &e);
	check_ok(finish(f, &new, "w2", DELIVERY_IGNORED, 0, &e), &e);
	check_ok(delivery_get(&new, f->store, id, &f->arena, &e), &e);
	assert_int_equal(new.state, DELIVERY_IGNORED);
	assert_true(str_eq_cstr(new.reason, "because"));
}

static void test_delivery_replay_points_at_its_origin(void **state)
{
	struct fixture *f = *state;
	struct delivery d;
	struct request r;
	struct err e = { 0 };
	int64_t id = add(f, "app", "1", NULL), replay = 0, again = 0;
	check_ok(delivery_replay(&replay, f->store, id, STR_NULL, 5000, &e), &e);
	check_ok(delivery_replay(&again, f->store, replay, STR("other"), 5000, &e), &e);
	check_ok(delivery_get(&d, f->store, again, &f->arena, &e), &e);
	assert_int_equal(d.origin, id);
	assert_true(str_eq_cstr(d.endpoint, "other"));
	assert_true(str_eq_cstr(d.source, "replay"));
	assert_int_equal(d.state, DELIVERY_QUEUED);
	check_ok(delivery_request(&r, f->store, again, &f->arena, &e), &e);
	assert_true(str_eq_cstr(r.body, "{\"a\":1}"));
	assert_int_equal(delivery_replay(&replay, f->store, 999, STR_NULL, 5000, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_delivery_list_filters(void **state)
{
	struct fixture *f = *state;
	struct delivery d, *list;
	struct err e = { 0 };
	size_t n = 0;
	(void)add(f, "app", "1", NULL);
	(void)add(f, "other", "2", NULL);
	int64_t last = add(f, "app", "3", NULL);
	(void)claim(f, &d, "w", 2000, NULL);
	struct delivery_filter all = { .limit = 10 };
	check_ok(delivery_list(&list, &n, f->store, &all, &f->arena, &e), &e);
	assert_int_equal(n, 3);
	assert_int_equal(list[0].id, last);
	struct delivery_filter some = {
		.endpoint = STR("app"), .by_state = 1, .state = DELIVERY_QUEUED, .limit = 10
	};
	check_ok(delivery_list(&list, &n, f->store, &some, &f->arena, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, last);
}

static void test_delivery_credentials_are_not_kept(void **state)
{
	(void)state;
	struct header headers[] = { { STR("x-gitlab-token"), STR("hunter2") },
				    { STR("Authorization"), STR("Basic hunter2") },
				    { STR("X-Azure-Token"), STR("hunter2") },
				    { STR("X-GitHub-Event"), STR("push") } };
	struct request r = { .headers = headers, .n_headers = 4 };
	struct err e = { 0 };
	struct buf text;
	buf_init(&text, 4096);
	check_ok(delivery_pack_headers(&text, &r, &e), &e);
	assert_null(strstr(text.p, "hunter2"));
	assert_non_null(strstr(text.p, "X-GitHub-Event: push\n"));
	headers[3].value = STR("push\nX-Forged: 1");
	buf_clear(&text);
	assert_int_equal(delivery_pack_headers(&text, &r, &e), -1);
	buf_free(&text);
}

static int seen_blobs(void *context, const unsigned char oid[20], const unsigned char sha256[32],
		      size_t size, struct err *e)
{
	(void)e;
	int *n = context;
	assert_int_equal(oid[0], 7);
	assert_int_equal(sha256[31], 9);
	assert_int_equal(size, 42);
	(*n)++;
	return 0;
}

static void test_delivery_blobs_are_remembered_per_endpoint(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	unsigned char oid[20] = { 7 }, sha256[32] = { [31] = 9 };
	int n = 0;
	check_ok(delivery_blob_add(f->store, STR("app"), oid, sha256, 42, &e), &e);
	check_ok(delivery_blob_add(f->store, STR("app"), oid, sha256, 42, &e), &e);
	check_ok(delivery_blobs_load(f->store, STR("app"), seen_blobs, &n, &e), &e);
	assert_int_equal(n, 1);
	check_ok(delivery_blobs_load(f->store, STR("other"), seen_blobs, &n, &e), &e);
	assert_int_equal(n, 1);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_delivery_same_id_of_an_endpoint_is_a_duplicate),
		WITH_STORE(test_delivery_request_comes_back_as_received),
		WITH_STORE(test_delivery_one_of_an_endpoint_at_a_time_in_order),
		WITH_STORE(test_delivery_retry_waits_until_it_is_due),
		WITH_STORE(test_delivery_lost_lease_changes_nothing),
		WITH_STORE(test_delivery_replay_points_at_its_origin),
		WITH_STORE(test_delivery_list_filters),
		cmocka_unit_test(test_delivery_credentials_are_not_kept),
		WITH_STORE(test_delivery_blobs_are_remembered_per_endpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
