/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: idempotent by commit and by content, numbered without a gap by many makers at once. */

#include "tests/release/room.h"

static const char *const files[] = { "m/1_a.sql=select 1;", "m/2_b.sql=select 2;", NULL };
static const char *const more[] = { "m/1_a.sql=select 1;", "m/2_b.sql=select 2;",
				    "m/3_c.sql=select 3;", NULL };

static void test_release_new(void **state)
{
	struct room *room = *state;
	struct manifest m = room_manifest(room, files);
	struct release_request q = room_request("c1");
	struct release r, again;
	enum release_made how;
	struct err e;
	q.title = (struct str){ "bad \xff\0 title", 12 };
	check_ok(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), &e);
	assert_int_equal(how, RELEASE_NEW);
	assert_string_equal(r.id.p, "release_20261123-RC00");
	assert_string_equal(r.name.p, "projects/shop/releases/release_20261123-RC00");
	assert_string_equal(r.digest.p, m.digest);
	assert_string_equal(r.title.p, "bad ?? title");
	assert_null(r.vcs_url.p);
	assert_int_equal(r.files, 2);
	assert_int_equal(r.created_ms, q.now_ms);
	check_ok(release_get(&again, room->store, STR("shop"), r.id, &room->arena, &e), &e);
	assert_string_equal(again.commit.p, "c1");
	check_ok(release_by_commit(&again, room->store, STR("shop"), STR("app"), STR("c1"),
				   &room->arena, &e),
		 &e);
	assert_string_equal(again.id.p, r.id.p);
}

static void test_release_same(void **state)
{
	struct room *room = *state;
	struct manifest m = room_manifest(room, files);
	struct manifest m2 = room_manifest(room, more);
	struct release_request q = room_request("c1");
	struct release first = room_release(room, "c1", &m), r;
	enum release_made how;
	struct err e;
	/* The commit decides, whatever the files are said to be. */
	check_ok(release_make(&r, &how, room->store, &q, &m2, &room->arena, &e), &e);
	assert_int_equal(how, RELEASE_SAME_COMMIT);
	assert_string_equal(r.id.p, first.id.p);
	q.commit = STR("c2");
	check_ok(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), &e);
	assert_int_equal(how, RELEASE_SAME_FILES);
	assert_string_equal(r.id.p, first.id.p);
	q.commit = STR("c3");
	check_ok(release_make(&r, &how, room->store, &q, &m2, &room->arena, &e), &e);
	assert_int_equal(how, RELEASE_NEW);
	assert_string_equal(r.id.p, "release_20261123-RC01");
	/* Another repository and another project are another matter. */
	q.commit = STR("c1");
	q.repository = STR("lib");
	check_ok(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), &e);
	assert_int_equal(how, RELEASE_NEW);
	assert_string_equal(r.id.p, "release_20261123-RC02");
	q.project = STR("other");
	check_ok(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), &e);
	assert_string_equal(r.id.p, "release_20261123-RC00");
}

static void test_release_trains(void **state)
{
	struct room *room = *state;
	static const char *const ids[] = { "T1-20261123.00", "T1-20261123.01", "20261123-00" };
	static const char *const templates[] = { "T1-{date}.{iteration}", "T1-{date}.{iteration}",
						 "{date}-{iteration}" };
	for (size_t i = 0; i < 3; i++) {
		char text[64];
		const char *one[] = { text, NULL };
		(void)snprintf(text, sizeof text, "m/1.sql=select %zu", i);
		struct manifest m = room_manifest(room, one);
		struct release_request q = room_request(text);
		struct release r;
		enum release_made how;
		struct err e;
		q.id_template = str_of(templates[i]);
		check_ok(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), &e);
		assert_string_equal(r.id.p, ids[i]);
	}
}

static void test_release_id_taken_by_another_train(void **state)
{
	struct room *room = *state;
	/* Train "20261123" reaches iteration 100 where train "202611231" has 00. */
	struct manifest a = room_manifest(room, files), b = room_manifest(room, more);
	struct release_request q = room_request("a");
	struct release r;
	enum release_made how;
	struct err e;
	q.id_template = STR("{date}1{iteration}");
	check_ok(release_make(&r, &how, room->store, &q, &a, &room->arena, &e), &e);
	assert_string_equal(r.id.p, "20261123100");
	check_ok(db_exec(room->store, NULL,
			 "UPDATE release SET train = '20261123', iteration = 99, id = 'x'"
			 " WHERE id = '20261123100'",
			 DB_NO_ARGS, &e),
		 &e);
	q.commit = STR("b");
	check_ok(release_make(&r, &how, room->store, &q, &b, &room->arena, &e), &e);
	assert_string_equal(r.id.p, "20261123100");
	const char *const third[] = { "m/9.sql=select 9", NULL };
	struct manifest c = room_manifest(room, third);
	q.commit = STR("c");
	q.id_template = STR("{date}{iteration}");
	check_ok(release_make(&r, &how, room->store, &q, &c, &room->arena, &e), &e);
	assert_string_equal(r.id.p, "20261123101");
}

static void test_release_refused(void **state)
{
	struct room *room = *state;
	const char *const none[] = { NULL };
	struct manifest m = room_manifest(room, none), good = room_manifest(room, files);
	struct release_request q = room_request("c1");
	struct release r = { .files = 77 };
	enum release_made how = RELEASE_SAME_FILES;
	struct err e;
	assert_int_equal(release_make(&r, &how, room->store, &q, &m, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	q.id_template = STR("x{iteration}");
	assert_int_equal(release_make(&r, &how, room->store, &q, &good, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	q.id_template = STR("{date}{iteration}");
	q.timezone = STR("Mars/Olympus");
	assert_int_equal(release_make(&r, &how, room->store, &q, &good, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(r.files, 77);
	assert_int_equal(how, RELEASE_SAME_FILES);
	assert_int_equal(release_get(&r, room->store, STR("shop"), STR("nope"), &room->arena, &e),
			 -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(release_by_commit(&r, room->store, STR("shop"), STR("app"), STR("c9"),
					   &room->arena, &e),
			 -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_release_lists(void **state)
{
	struct room *room = *state;
	struct manifest a = room_manifest(room, files), b = room_manifest(room, more);
	struct release *list;
	size_t n;
	struct err e;
	(void)room_release(room, "c1", &a);
	(void)room_release(room, "c2", &b);
	check_ok(release_list(&list, &n, room->store, STR_NULL, 10, &room->arena, &e), &e);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].commit.p, "c2");
	check_ok(release_list(&list, &n, room->store, STR("shop"), 1, &room->arena, &e), &e);
	assert_int_equal(n, 1);
	check_ok(release_list(&list, &n, room->store, STR("other"), 10, &room->arena, &e), &e);
	assert_int_equal(n, 0);
}

static void test_release_manifest_back(void **state)
{
	struct room *room = *state;
	struct manifest m = room_manifest(room, files), back;
	struct release r = room_release(room, "c1", &m);
	struct err e;
	check_ok(release_manifest(&back, room->store, &r, &room->arena, &e), &e);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.digest, m.digest);
	assert_true(str_eq_cstr(back.files[1].path, "m/2_b.sql"));
	r.digest = STR("another");
	assert_int_equal(release_manifest(&back, room->store, &r, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	check_ok(db_exec(room->store, NULL, "UPDATE release SET manifest_size = 1", DB_NO_ARGS, &e),
		 &e);
	assert_int_equal(release_manifest(&back, room->store, &r, &room->arena, &e), -1);
}

/* ---- many makers ---- */

enum { MAKERS = 8, EACH = 25 };

struct maker {
	const struct room *room;
	int number;
	int failed;
	struct err e;
};

static int make_one(const struct maker *m, struct db *store, int i, struct err *e)
{
	AUTO(arena) struct arena arena;
	AUTO(digest) struct digest *d = digest_new();
	struct manifest_file file = { .path = STR("m/1.sql"), .size = (size_t)i };
	struct manifest manifest;
	struct release r;
	enum release_made how;
	char commit[32];
	arena_init(&arena, 1 << 20);
	(void)snprintf(commit, sizeof commit, "c-%d-%d", m->number, i);
	file.sha256[0] = (unsigned char)m->number;
	file.sha256[1] = (unsigned char)i;
	struct release_request q = room_request(commit);
	if (manifest_build(&manifest, &file, 1, d, &arena, e) != 0 ||
	    release_make(&r, &how, store, &q, &manifest, &arena, e) != 0)
		return -1;
	return how == RELEASE_NEW ? 0 : err_set(e, ERR_EXISTS, "not new");
}

static void *make_many(void *argument)
{
	struct maker *m = argument;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	m->failed = store_open(&store, m->room->conf, &options, &m->e);
	for (int i = 0; i < EACH && m->failed == 0; i++)
		m->failed = make_one(m, store, i, &m->e);
	db_close(store);
	return NULL;
}

static void test_release_made_by_many_at_once(void **state)
{
	struct room *room = *state;
	struct maker makers[MAKERS] = { { .room = NULL } };
	int64_t n, most;
	struct err e;
	for (int i = 0; i < MAKERS; i++)
		makers[i] = (struct maker){ .room = room, .number = i };
	room_threads(MAKERS, make_many, makers, sizeof *makers);
	for (int i = 0; i < MAKERS; i++)
		check_ok(makers[i].failed, &makers[i].e);
	assert_int_equal(store_int(&n, room->store, "SELECT count(*) FROM release", DB_NO_ARGS, &e),
			 1);
	assert_int_equal(
	    store_int(&most, room->store, "SELECT max(iteration) FROM release", DB_NO_ARGS, &e), 1);
	assert_int_equal(n, MAKERS * EACH);
	assert_int_equal(most, MAKERS * EACH - 1);
}

/* The same commit, and the same files at different commits: one release. */
static void *make_same(void *argument)
{
	struct maker *m = argument;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	struct maker same = { .room = m->room, .number = 1 };
	m->failed = store_open(&store, m->room->conf, &options, &m->e);
	for (int i = 0; i < EACH && m->failed == 0; i++) {
		m->failed = make_one(&same, store, i, &m->e);
		if (m->failed != 0 && m->e.code == ERR_EXISTS)
			m->failed = 0;
	}
	db_close(store);
	return NULL;
}

static void test_release_same_by_many_at_once(void **state)
{
	struct room *room = *state;
	struct maker makers[MAKERS] = { { .room = NULL } };
	int64_t n;
	struct err e;
	for (int i = 0; i < MAKERS; i++)
		makers[i] = (struct maker){ .room = room };
	room_threads(MAKERS, make_same, makers, sizeof *makers);
	for (int i = 0; i < MAKERS; i++)
		check_ok(makers[i].failed, &makers[i].e);
	assert_int_equal(store_int(&n, room->store, "SELECT count(*) FROM release", DB_NO_ARGS, &e),
			 1);
	assert_int_equal(n, EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_release_new),
		room_test(test_release_same),
		room_test(test_release_trains),
		room_test(test_release_id_taken_by_another_train),
		room_test(test_release_refused),
		room_test(test_release_lists),
		room_test(test_release_manifest_back),
		room_test(test_release_made_by_many_at_once),
		room_test(test_release_same_by_many_at_once),
	};
	return room_run(tests);
}
