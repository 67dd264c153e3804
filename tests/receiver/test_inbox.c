/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox on a real embedded store: one commit for many, duplicates, failures, the way down. */

#include "base/pack.h"
#include "receiver/inbox.h"
#include "tests/receiver/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ENTRIES = 64 };

struct ticket {
	struct inbox_entry entry; /* first */
	char external_id[32];
	struct crowd *crowd;
};

struct crowd {
	struct inbox *inbox;
	struct gate gate;
	struct bell work;
	struct buf packed;
	atomic_int done;
	struct ticket tickets[ENTRIES];
};

static void on_done(struct inbox_entry *entry)
{
	(void)atomic_fetch_add(&((struct ticket *)entry)->crowd->done, 1);
}

static struct db *open_gated(struct fixture *f, struct crowd *c)
{
	struct err e = { 0 };
	struct db *db = NULL;
	struct store_options options = {
		.durable = 1, .enter = gate_enter, .leave = gate_leave, .gate = &c->gate
	};
	check_ok(store_open(&db, f->conf, &options, &e), &e);
	return db;
}

static struct crowd *gather(struct fixture *f, size_t max_waiting)
{
	struct err e = { 0 };
	struct crowd *c = calloc(1, sizeof *c);
	assert_non_null(c);
	assert_int_equal(gate_init(&c->gate), 0);
	assert_int_equal(bell_init(&c->work), 0);
	buf_init(&c->packed, 4096);
	check_ok(pack_compress(&c->packed, STR("{}"), &e), &e);
	struct inbox_options options = { .store = open_gated(f, c),
					 .checkpoint = open_gated(f, c),
					 .work = &c->work,
					 .max_waiting = max_waiting };
	check_ok(inbox_start(&c->inbox, &options, &e), &e);
	return c;
}

static void disperse(struct crowd *c)
{
	inbox_stop(c->inbox);
	gate_destroy(&c->gate);
	bell_destroy(&c->work);
	buf_free(&c->packed);
	free(c);
}

static int put(struct crowd *c, size_t i, const char *external_id, struct err *e)
{
	struct ticket *t = &c->tickets[i];
	t->crowd = c;
	(void)snprintf(t->external_id, sizeof t->external_id, "%s", external_id);
	t->entry.done = on_done;
	t->entry.delivery = (struct delivery_new){ .endpoint = STR("app"),
						   .provider = STR("github"),
						   .external_id = str_of(t->external_id),
						   .event_type = STR("push"),
						   .source = STR("webhook"),
						   .state = DELIVERY_QUEUED,
						   .received_ms = 1,
						   .headers = STR("A: b\n"),
						   .body_packed = buf_str(&c->packed),
						   .body_bytes = 2 };
	return inbox_put(c->inbox, &t->entry, e);
}

static void wait_done(struct crowd *c, int n)
{
	struct bell never;
	assert_int_equal(bell_init(&never), 0);
	for (int i = 0; i < 1000 && atomic_load(&c->done) < n; i++)
		bell_wait(&never, 0, 10);
	bell_destroy(&never);
	assert_int_equal(atomic_load(&c->done), n);
}

static int64_t count_rows(struct fixture *f)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	struct err e = { 0 };
	check_ok(db_query(&rows, f->store, "select count(*) from delivery", DB_NO_ARGS, &e), &e);
	assert_int_equal(db_next(rows, &e), 1);
	return db_int(rows, 0);
}

static void exec(struct fixture *f, const char *sql)
{
	struct err e = { 0 };
	check_ok(db_exec(f->store, NULL, sql, DB_NO_ARGS, &e), &e);
}

static void test_inbox_writes_all_of_a_batch(void **state)
{
	struct fixture *f = *state;
	struct crowd *c = gather(f, ENTRIES);
	struct err e = { 0 };
	char id[32];
	uint64_t rings = bell_rings(&c->work);
	gate_enter(&c->gate); /* so that they gather behind the first */
	for (size_t i = 0; i < ENTRIES; i++) {
		(void)snprintf(id, sizeof id, "id-%zu", i);
		check_ok(put(c, i, id, &e), &e);
	}
	gate_leave(&c->gate);
	wait_done(c, ENTRIES);
	assert_int_equal(count_rows(f), ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		assert_false(c->tickets[i].entry.failed);
		assert_false(c->tickets[i].entry.duplicate);
		assert_true(c->tickets[i].entry.id > (i > 0 ? c->tickets[i - 1].entry.id : 0));
	}
	assert_true(bell_rings(&c->work) > rings);
	assert_true(bell_rings(&c->work) - rings < ENTRIES / 2);
	disperse(c);
}

static void test_inbox_knows_duplicates_in_one_batch(void **state)
{
	struct fixture *f = *state;
	struct crowd *c = gather(f, ENTRIES);
	struct err e = { 0 };
	gate_enter(&c->gate);
	for (size_t i = 0; i < ENTRIES; i++)
		check_ok(put(c, i, i % 2 == 0 ? "even" : "odd", &e), &e);
	gate_leave(&c->gate);
	wait_done(c, ENTRIES);
	assert_int_equal(count_rows(f), 2);
	for (size_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(c->tickets[i].entry.duplicate, i >= 2);
		assert_int_equal(c->tickets[i].entry.id, c->tickets[i % 2].entry.id);
	}
	disperse(c);
}

static void test_inbox_parts_what_the_store_refuses(void **state)
{
	struct fixture *f = *state;
	exec(f, "create trigger no_bad before insert on delivery when new.external_id = 'bad'"
		" begin select raise(abort, 'bad'); end");
	struct crowd *c = gather(f, ENTRIES);
	struct err e = { 0 };
	gate_enter(&c->gate);
	for (size_t i = 0; i < 9; i++) {
		char id[32];
		(void)snprintf(id, sizeof id, "id-%zu", i);
		check_ok(put(c, i, i == 4 ? "bad" : id, &e), &e);
	}
	gate_leave(&c->gate);
	wait_done(c, 9);
	assert_int_equal(count_rows(f), 8);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(c->tickets[i].entry.failed, i == 4);
	assert_int_equal(c->tickets[4].entry.error.code, ERR_DB);
	disperse(c);
}

static void test_inbox_fails_when_the_store_does(void **state)
{
	struct fixture *f = *state;
	struct crowd *c = gather(f, ENTRIES);
	struct err e = { 0 };
	exec(f, "alter table delivery rename to elsewhere");
	check_ok(put(c, 0, "a", &e), &e);
	wait_done(c, 1);
	assert_true(c->tickets[0].entry.failed);
	exec(f, "alter table elsewhere rename to delivery");
	check_ok(put(c, 1, "a", &e), &e);
	wait_done(c, 2);
	assert_false(c->tickets[1].entry.failed);
	disperse(c);
}

static void test_inbox_bounds_who_waits(void **state)
{
	struct fixture *f = *state;
	struct crowd *c = gather(f, 4);
	struct err e = { 0 };
	size_t taken = 0;
	char id[32];
	gate_enter(&c->gate);
	for (size_t i = 0; i < 16; i++) {
		(void)snprintf(id, sizeof id, "id-%zu", i);
		taken += put(c, i, id, &e) == 0;
	}
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_true(taken >= 4 && taken <= 12);
	gate_leave(&c->gate);
	wait_done(c, (int)taken);
	assert_int_equal(count_rows(f), taken);
	disperse(c);
}

static void test_inbox_stop_writes_what_waits(void **state)
{
	struct fixture *f = *state;
	struct crowd *c = gather(f, ENTRIES);
	struct err e = { 0 };
	char id[32];
	for (size_t i = 0; i < 32; i++) {
		(void)snprintf(id, sizeof id, "id-%zu", i);
		check_ok(put(c, i, id, &e), &e);
	}
	inbox_stop(c->inbox);
	c->inbox = NULL;
	assert_int_equal(atomic_load(&c->done), 32);
	assert_int_equal(count_rows(f), 32);
	disperse(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_inbox_writes_all_of_a_batch),
		TEST(test_inbox_knows_duplicates_in_one_batch),
		TEST(test_inbox_parts_what_the_store_refuses),
		TEST(test_inbox_fails_when_the_store_does),
		TEST(test_inbox_bounds_who_waits),
		TEST(test_inbox_stop_writes_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
