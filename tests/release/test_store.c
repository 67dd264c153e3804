/* SPDX-License-Identifier: Apache-2.0 */
/* The store: its tables, made once and by many at once; sheets; what the modules share. */

#include "base/mem.h"
#include "release/sheet.h"
#include "tests/release/room.h"

static int64_t number(struct room *room, const char *sql)
{
	int64_t n = -1;
	struct err e;
	if (store_int(&n, room->store, sql, DB_NO_ARGS, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

static void test_store_opens_again(void **state)
{
	struct room *room = *state;
	struct db *second = NULL;
	int64_t rows = number(room, "SELECT count(*) FROM tidegate_schema");
	assert_in_range(rows, 6, 64);
	room_open(&second, room);
	db_close(second);
	assert_int_equal(number(room, "SELECT count(*) FROM tidegate_schema"), rows);
}

static void test_store_missing(void **state)
{
	struct room *room = *state;
	struct conf conf = { .store = STR("/nowhere/at/all.db") };
	struct store_options options = { .create = 0 };
	struct db *db = NULL;
	struct err e;
	(void)room;
	assert_int_equal(store_open(&db, &conf, &options, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "tidegate serve"));
	assert_null(db);
}

static void test_store_refuses_newer(void **state)
{
	struct room *room = *state;
	struct store_options options = { .create = 1 };
	struct db *db = NULL;
	struct err e;
	check_ok(db_exec(room->store, NULL,
			 "INSERT INTO tidegate_schema(module, version, applied_at)"
			 " VALUES('plan', 99, 0)",
			 DB_NO_ARGS, &e),
		 &e);
	assert_int_equal(store_open(&db, room->conf, &options, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "'plan'"));
}

static const struct store_schema mine[] = {
	{ "mine", 1, "CREATE TABLE mine(id {identity}, data {blob}, note TEXT DEFAULT '{}');" },
	{ "mine", 2, "ALTER TABLE mine ADD COLUMN more BIGINT; INSERT INTO mine(more) VALUES(1);" },
};

static void test_store_migrates_in_steps(void **state)
{
	struct room *room = *state;
	struct err e;
	check_ok(store_migrate(room->store, mine, 1, &e), &e);
	assert_int_equal(number(room, "SELECT count(*) FROM mine"), 0);
	check_ok(store_migrate(room->store, mine, 2, &e), &e);
	check_ok(store_migrate(room->store, mine, 2, &e), &e);
	assert_int_equal(number(room, "SELECT count(*) FROM mine"), 1);
	/* An older program sees that it is one. */
	assert_int_equal(store_migrate(room->store, mine, 1, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
}

static void test_store_bad_ddl(void **state)
{
	struct room *room = *state;
	static const struct store_schema bad[] = {
		{ "bad", 1, "CREATE TABLE bad(a BIGINT);" },
		{ "bad", 2, "CREATE TABEL oops(a BIGINT);" },
	};
	struct err e;
	assert_int_equal(store_migrate(room->store, bad, 2, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_int_equal(number(room, "SELECT count(*) FROM tidegate_schema WHERE module = 'bad'"),
			 0);
	check_ok(store_migrate(room->store, bad, 1, &e), &e);
}

struct opener {
	struct room *room;
	int rc;
	struct err e;
};

static void *migrate_body(void *argument)
{
	struct opener *o = argument;
	struct db *db = NULL;
	const struct store_options options = { .create = 1 };
	o->rc = store_open(&db, o->room->conf, &options, &o->e);
	if (o->rc == 0)
		o->rc = store_migrate(db, mine, 2, &o->e);
	db_close(db);
	return NULL;
}

static void test_store_made_by_many_at_once(void **state)
{
	struct room *room = *state;
	struct opener openers[8] = { { .room = NULL } };
	struct err e;
	check_ok(db_exec(room->store, NULL, "DROP TABLE tidegate_schema", DB_NO_ARGS, &e), &e);
	static const char *const tables[] = { "counter",  "audit",    "approval",   "release",
					      "sheet",    "plan",     "stage",      "task",
					      "task_run", "task_log", "plan_review" };
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[64];
		(void)snprintf(sql, sizeof sql, "DROP TABLE %s", tables[i]);
		check_ok(db_exec(room->store, NULL, sql, DB_NO_ARGS, &e), &e);
	}
	for (size_t i = 0; i < 8; i++)
		openers[i].room = room;
	room_threads(8, migrate_body, openers, sizeof *openers);
	for (size_t i = 0; i < 8; i++)
		check_ok(openers[i].rc, &openers[i].e);
	assert_int_equal(number(room, "SELECT count(*) FROM mine"), 1);
}

static void test_store_text_and_numbers(void **state)
{
	struct room *room = *state;
	struct err e;
	int64_t n;
	struct str fine = STR("na\xc3\xafve");
	assert_ptr_equal(store_text(fine, &room->arena).p, fine.p);
	assert_true(
	    str_eq(store_text((struct str){ "a\0b\xff\xc3", 5 }, &room->arena), STR("a?b??")));
	assert_null(store_text(STR_NULL, &room->arena).p);
	for (int64_t i = 1; i <= 3; i++) {
		check_ok(store_number(&n, room->store, STR("shop"), "test", &e), &e);
		assert_int_equal(n, i);
	}
	check_ok(store_number(&n, room->store, STR("other"), "test", &e), &e);
	assert_int_equal(n, 1);
}

/* ---- sheets ---- */

static void hash_of(char hex[SHA256_HEX], const struct room *room, struct str text)
{
	unsigned char sum[SHA256_BYTES];
	struct err e;
	check_ok(digest_sha256(room->digest, sum, text, &e), &e);
	(void)hex_encode(hex, sum, sizeof sum);
}

static void test_sheet_there_and_back(void **state)
{
	struct room *room = *state;
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	AUTO(buf) struct buf out;
	struct err e;
	char hex[SHA256_HEX];
	const struct str texts[] = { STR("create table a(id int);\n"),
				     STR(""),
				     { "nul\0\xff\xfe", 6 } };
	buf_init(&out, 1 << 20);
	check_ok(sheet_writer_new(&w, room->store, &e), &e);
	for (size_t i = 0; i < 3; i++) {
		hash_of(hex, room, texts[i]);
		assert_int_equal(sheet_exists(room->store, hex, &e), 0);
		check_ok(sheet_put(w, hex, texts[i], &e), &e);
		check_ok(sheet_put(w, hex, texts[i], &e), &e);
	}
	check_ok(sheet_flush(w, &e), &e);
	check_ok(sheet_flush(w, &e), &e);
	for (size_t i = 0; i < 3; i++) {
		hash_of(hex, room, texts[i]);
		assert_int_equal(sheet_exists(room->store, hex, &e), 1);
		buf_clear(&out);
		check_ok(sheet_read(&out, room->store, hex, room->digest, &e), &e);
		assert_true(str_eq(buf_str(&out), texts[i]));
	}
}

static void test_sheet_many(void **state)
{
	struct room *room = *state;
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	struct err e;
	char hex[SHA256_HEX];
	char text[32];
	check_ok(sheet_writer_new(&w, room->store, &e), &e);
	for (int i = 0; i < 600; i++) {
		(void)snprintf(text, sizeof text, "select %d;", i);
		hash_of(hex, room, str_of(text));
		check_ok(sheet_put(w, hex, str_of(text), &e), &e);
	}
	assert_int_equal(number(room, "SELECT count(*) FROM sheet"), 512);
	check_ok(sheet_flush(w, &e), &e);
	assert_int_equal(number(room, "SELECT count(*) FROM sheet"), 600);
}

static void test_sheet_large(void **state)
{
	struct room *room = *state;
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	AUTO(free) char *text = mem_alloc(5 << 20);
	AUTO(buf) struct buf out;
	struct err e;
	char hex[SHA256_HEX];
	struct str s = { text, 5 << 20 };
	for (size_t i = 0; i < s.n; i++)
		text[i] = (char)('a' + (i * i) % 23);
	hash_of(hex, room, s);
	buf_init(&out, 8 << 20);
	check_ok(sheet_writer_new(&w, room->store, &e), &e);
	check_ok(sheet_put(w, hex, s, &e), &e);
	check_ok(sheet_flush(w, &e), &e);
	check_ok(sheet_read(&out, room->store, hex, room->digest, &e), &e);
	assert_true(str_eq(buf_str(&out), s));
	/* A caller's smaller bound is kept. */
	buf_free(&out);
	buf_init(&out, 100);
	assert_int_equal(sheet_read(&out, room->store, hex, room->digest, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_sheet_absent_or_damaged(void **state)
{
	struct room *room = *state;
	AUTO(sheet_writer) struct sheet_writer *w = NULL;
	AUTO(buf) struct buf out;
	struct err e;
	char a[SHA256_HEX], b[SHA256_HEX];
	buf_init(&out, 1 << 20);
	hash_of(a, room, STR("a"));
	hash_of(b, room, STR("b"));
	check_ok(sheet_writer_new(&w, room->store, &e), &e);
	assert_int_equal(sheet_put(w, "short", STR("a"), &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(sheet_read(&out, room->store, a, room->digest, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	check_ok(sheet_put(w, a, STR("b"), &e), &e);
	check_ok(sheet_put(w, b, STR("b"), &e), &e);
	check_ok(sheet_flush(w, &e), &e);
	assert_int_equal(sheet_read(&out, room->store, a, room->digest, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	check_ok(db_exec(room->store, NULL, "UPDATE sheet SET size = 0", DB_NO_ARGS, &e), &e);
	assert_int_equal(sheet_read(&out, room->store, b, room->digest, &e), -1);
	assert_int_equal(out.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_store_opens_again),
		room_test(test_store_missing),
		room_test(test_store_refuses_newer),
		room_test(test_store_migrates_in_steps),
		room_test(test_store_bad_ddl),
		room_test(test_store_made_by_many_at_once),
		room_test(test_store_text_and_numbers),
		room_test(test_sheet_there_and_back),
		room_test(test_sheet_many),
		room_test(test_sheet_large),
		room_test(test_sheet_absent_or_damaged),
	};
	return room_run(tests);
}
