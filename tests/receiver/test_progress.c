/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of hooks: from the store to JSON and back, and what is not one of them. */

#include "base/mem.h"
#include "receiver/handin.h"
#include "receiver/progress.h"
#include "tests/receiver/store_fixture.h"

#define COMMIT "1f0c4de7a2b35c6d7e8f90123456789abcdef012"
#define BODY                                                                                       \
	"{\"ref\":\"refs/heads/main\",\"after\":\"" COMMIT "\",\"repository\":"                    \
	"{\"full_name\":\"acme/app\"},\"pusher\":{\"login\":\"mona\"},\"nonce\":\"1\"}"

/* The fixture's repository, as one of a plain git server. */
static const struct conf_repository *as_git(struct fixture *f)
{
	struct conf_repository *r = f->conf->repositories.items;
	r->provider = STR("git");
	r->trigger = CONF_TRIGGER_PUSH;
	return handin_repository(f->conf, STR("app"));
}

static int hand_in(int64_t *id, struct fixture *f, struct str body, struct err *e)
{
	const struct header type = { STR("Content-Type"), STR("application/json") };
	const struct request request = { &type, 1, body };
	AUTO(handin) struct handin h = { .id = "" };
	AUTO(digest) struct digest *d = digest_new();
	assert_non_null(d);
	if (handin_prepare(&h, as_git(f), STR("hook"), HANDIN_BODY_MAX, &request, d, NULL,
			   &f->arena, e) != 0)
		return -1;
	return handin_write(id, NULL, f->store, &h, e);
}

static void test_handin_twice_is_one_delivery(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	struct delivery d;
	int64_t one = 0, two = 0;
	assert_null(handin_repository(f->conf, STR("app"))); /* of github */
	check_ok(hand_in(&one, f, STR(BODY), &e), &e);
	check_ok(hand_in(&two, f, STR(BODY), &e), &e);
	assert_true(one == two);
	check_ok(delivery_get(&d, f->store, one, &f->arena, &e), &e);
	assert_int_equal(d.state, DELIVERY_QUEUED);
	assert_true(str_eq_cstr(d.source, "hook"));
	assert_true(str_eq_cstr(d.provider, "git"));
	assert_true(str_eq_cstr(d.summary, "push to main by mona"));
	assert_true(str_starts(d.external_id, STR("sha256:")));
	assert_null(handin_repository(f->conf, STR("nobody")));
}

static void test_handin_refuses(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	static char large[HANDIN_BODY_MAX + 1];
	int64_t id = 7;
	assert_int_equal(hand_in(&id, f, STR("{\"ref\":1}"), &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(hand_in(&id, f, (struct str){ large, sizeof large }, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(id == 7);
}

static void test_progress_of_a_delivery(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	struct progress p;
	int64_t id = 0;
	check_ok(hand_in(&id, f, STR(BODY), &e), &e);
	check_ok(progress_read(&p, f->store, f->conf, id, &f->arena, &e), &e);
	assert_true(p.delivery == id);
	assert_int_equal(p.state, DELIVERY_QUEUED);
	assert_false(p.over);
	assert_int_equal(p.n, 0);
	assert_int_equal(progress_read(&p, f->store, f->conf, id + 1, &f->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_progress_hides_what_is_no_hooks(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	struct progress p;
	int64_t id = 0;
	int duplicate = 0;
	struct delivery_new d = { .endpoint = STR("app"),
				  .external_id = STR("1"),
				  .provider = STR("github"),
				  .source = STR("webhook"),
				  .headers = STR(""),
				  .body_packed = STR("x") };
	check_ok(delivery_insert(&id, &duplicate, f->store, &d, &e), &e);
	assert_int_equal(progress_read(&p, f->store, f->conf, id, &f->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_progress_goes_round(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	struct progress_stage stages[] = {
		{ STR("dev"), STAGE_FAILED, 3, 1, 2, STR("instances/dev/databases/a"),
		  STR("line 1: \"x\""), STR("1 failed") },
		{ STR("prod"), STAGE_WAITING, 1, 0, 0, STR_NULL, STR_NULL, STR_NULL },
	};
	struct progress p = { 17,       DELIVERY_RELEASED, STR("s"), STR_NULL,
			      STR("r"), STR("o"),          1,        stages,
			      2 };
	struct progress q;
	struct json_writer w;
	AUTO(buf) struct buf one;
	AUTO(buf) struct buf two;
	buf_init(&one, 65536);
	buf_init(&two, 65536);
	jw_init(&w, &one, 0);
	progress_write(&w, &p);
	check_ok(progress_parse(&q, buf_str(&one), &f->arena, &e), &e);
	jw_init(&w, &two, 0);
	progress_write(&w, &q);
	assert_string_equal(one.p, two.p);
	assert_int_equal(q.stages[0].status, STAGE_FAILED);
	assert_null(q.reason.p);
}

#define BAD_STAGE "\"environment\":\"e\",\"status\":\"X\",\"tasks\":1,\"done\":0,\"failed\":0"

static void test_progress_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"[]",
		"{}",
		"{\"delivery\":17,\"state\":\"queued\",\"over\":false}",
		"{\"delivery\":\"17\",\"state\":\"lost\",\"over\":false}",
		"{\"delivery\":\"0\",\"state\":\"queued\",\"over\":false}",
		"{\"delivery\":\"17\",\"state\":\"queued\"}",
		"{\"delivery\":\"17\",\"state\":\"queued\",\"over\":false,\"stages\":[1]}",
		/* an unknown status */
		("{\"delivery\":\"17\",\"state\":\"queued\",\"over\":false,"
		 "\"stages\":[{" BAD_STAGE "}]}"),
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { .code = ERR_NONE };
		struct progress p = { .delivery = 7 };
		if (progress_parse(&p, str_of(rows[i]), &f->arena, &e) != -1)
			fail_msg("row %zu is taken", i);
		assert_int_equal(e.code, ERR_INPUT);
		assert_true(p.delivery == 7);
	}
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH(test_handin_twice_is_one_delivery), WITH(test_handin_refuses),
		WITH(test_progress_of_a_delivery),       WITH(test_progress_hides_what_is_no_hooks),
		WITH(test_progress_goes_round),          WITH(test_progress_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
