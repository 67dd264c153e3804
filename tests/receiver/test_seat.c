/* SPDX-License-Identifier: Apache-2.0 */
/* Seats: limit, window, one person with several ids, the race for the last one, sweep, export. The
 * suite runs on each kind of store. */

#include "base/mem.h"
#include "receiver/seat.h"
#include "tests/support/driver.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
static const int64_t NOW = INT64_C(1795432701000); /* 2026-11-23T11:18:21Z */

static struct author person(const char *id)
{
	return (struct author){ .id = str_of(id), .login = str_of(id), .bot = EVENT_BOT_NO };
}

static int claim_of(struct db *db, const struct author *a, size_t n, int64_t limit, int64_t at,
		    struct err *e)
{
	const struct seat_claim c = { .provider = STR("github"),
				      .host = STR("github.com"),
				      .people = a,
				      .n = n,
				      .limit = limit,
				      .seen_ms = at,
				      .now_ms = at,
				      .delivery = 17 };
	return seat_claim(db, &c, e);
}

static void claim(struct db *db, const char *id, int64_t limit, int64_t at)
{
	const struct author a = person(id);
	must(claim_of(db, &a, 1, limit, at, &e));
}

static void claim_fails(struct db *db, const char *id, int64_t limit, int64_t at)
{
	const struct author a = person(id);
	must_fail(ERR_REFUSED, claim_of(db, &a, 1, limit, at, &e));
}

static int64_t active(struct db *db, int64_t at)
{
	int64_t n = -1;
	must(seat_count(&n, db, at, &e));
	return n;
}

/* Ids of all rows, who was seen last first. */
static void check_ids(struct db *db, const char *want)
{
	AUTO(arena) struct arena arena;
	struct seat *list;
	size_t n;
	char got[256] = "";
	arena_init(&arena, 1 << 20);
	must(seat_list(&list, &n, db, 1, NOW, &arena, &e));
	for (size_t i = 0; i < n; i++) {
		const size_t at = strlen(got);
		(void)snprintf(got + at, sizeof got - at, "%s%.*s", i > 0 ? " " : "",
			       STR_ARG(list[i].user_id));
	}
	assert_string_equal(got, want);
}

static int seat_setup(void **state)
{
	struct fixture *f = *state;
	f->db = connect_with(f, (struct db_options){ .store = 1 });
	must(seat_schema(f->db, &e));
	run_sql(f->db, "delete from seat");
	return 0;
}

/* An address that is not there is not one address that all of them share. */
static void test_seat_authors_without_an_address_are_several(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	const char *const names[] = { "Bob", "Carol" };
	for (int i = 0; i < 2; i++) {
		AUTO(arena) struct arena arena;
		const struct event event = { .kind = EVENT_PUSH };
		const struct author_commit commit = { STR(""), str_of(names[i]) };
		struct author a;
		arena_init(&arena, 1 << 16);
		must(author_of_commit(&a, STR("github"), STR("github.com"), &event, &commit, NULL,
				      0, &arena, &e));
		if (i == 0)
			must(claim_of(db, &a, 1, 1, NOW, &e));
		else
			must_fail(ERR_REFUSED, claim_of(db, &a, 1, 1, NOW, &e));
	}
	assert_int_equal(active(db, NOW), 1);
}

static void test_seat_limit_counts_persons_once(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	claim(db, "1", 2, NOW);
	claim(db, "1", 2, NOW + 1);
	claim(db, "2", 2, NOW + 2);
	claim(db, "2", 2, NOW + 3);
	claim_fails(db, "3", 2, NOW + 4);
	assert_int_equal(active(db, NOW + 4), 2);
	check_ids(db, "2 1");
	/* Who is active goes on, also under a limit that was lowered. */
	claim(db, "1", 1, NOW + 5);
	check_ids(db, "1 2");
	claim_fails(db, "3", 1, NOW + 6);
	claim(db, "3", 3, NOW + 7);
	check_ids(db, "3 1 2");
}

static void test_seat_refusal_says_what_to_do(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct err e = { .code = ERR_NONE };
	char wide[4 * 256 + 1];
	for (size_t i = 0; i < 256; i++)
		memcpy(wide + 4 * i, "\xf0\x9f\x8c\x8a", 5);
	struct author a = person("3");
	claim(db, "1", 2, NOW);
	claim(db, "2", 2, NOW);
	assert_int_equal(claim_of(db, &a, 1, 2, NOW, &e), -1);
	assert_string_equal(e.msg,
			    "the user limit is reached: user_limit is 2, active in the last 90"
			    " days are 2, and '3' (github id '3') is not one of them; raise"
			    " user_limit, or wait until a seat is free (the next at"
			    " 2027-02-21T11:18:21.000Z), then run `tidegate replay 17`");
	/* The longest names leave room for it. */
	a.id = a.login = str_of(wide);
	assert_int_equal(claim_of(db, &a, 1, 2, NOW, &e), -1);
	assert_true(str_ends(str_of(e.msg), STR("then run `tidegate replay 17`")));
	assert_true(str_is_utf8(str_of(e.msg)));
}

static void test_seat_no_limit_records_all_the_same(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	claim(db, "1", 0, NOW);
	claim(db, "2", 0, NOW + 1);
	check_ids(db, "2 1");
}

static void test_seat_window_ends_after_ninety_days(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	claim(db, "1", 1, NOW);
	claim_fails(db, "2", 1, NOW + 90 * DAY_MS);
	assert_int_equal(active(db, NOW + 90 * DAY_MS), 1);
	assert_int_equal(active(db, NOW + 90 * DAY_MS + 1), 0);
	claim(db, "2", 1, NOW + 90 * DAY_MS + 1);
	/* The one who comes back is as new: the row alone is no seat. */
	claim_fails(db, "1", 1, NOW + 91 * DAY_MS);
	check_ids(db, "2 1");
	claim(db, "1", 2, NOW + 91 * DAY_MS);
	assert_int_equal(active(db, NOW + 91 * DAY_MS), 2);
}

/* A delivery that is tried again, late or after newer ones, changes nothing. */
static void test_seat_time_does_not_run_back(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	AUTO(arena) struct arena arena;
	struct seat *list;
	size_t n;
	arena_init(&arena, 1 << 20);
	claim(db, "1", 1, NOW);
	claim(db, "1", 1, NOW - DAY_MS);
	must(seat_list(&list, &n, db, 0, NOW, &arena, &e));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].last_seen_ms, NOW);
	assert_int_equal(list[0].first_seen_ms, NOW - DAY_MS);
}

static void test_seat_instances_are_apart(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	const struct author a = person("1");
	static const char *const places[][2] = { { "github", "github.com" },
						 { "github", "ghe.x.org" },
						 { "gitlab", "ghe.x.org" } };
	for (size_t i = 0; i < 3; i++) {
		const struct seat_claim c = { .provider = str_of(places[i][0]),
					      .host = str_of(places[i][1]),
					      .people = &a,
					      .n = 1,
					      .seen_ms = NOW,
					      .now_ms = NOW };
		must(seat_claim(db, &c, &e));
	}
	assert_int_equal(active(db, NOW), 3);
}

/* Several people of one push: all of them or none. */
static void test_seat_people_of_a_push_together(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	const struct author all[] = { person("1"), person("2"), person("2"), person("3") };
	claim(db, "1", 3, NOW);
	must_fail(ERR_REFUSED, claim_of(db, all, 4, 2, NOW + 1, &e));
	check_ids(db, "1");
	must(claim_of(db, all, 4, 3, NOW + 1, &e));
	check_ids(db, "1 2 3");
	must(claim_of(db, all, 0, 1, NOW + 2, &e));
}

/* Bitbucket: an account id may be missing from one body and be there in the next. */
static void test_seat_two_ids_are_one_person(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	static const char *const orders[][3][2] = {
		{ { "{u}", NULL }, { "5:a", "{u}" }, { "5:a", NULL } },
		{ { "5:a", "{u}" }, { "{u}", NULL }, { "5:a", NULL } },
		{ { "5:a", NULL }, { "5:a", "{u}" }, { "{u}", NULL } },
	};
	for (size_t i = 0; i < 3; i++) {
		run_sql(db, "delete from seat");
		for (size_t j = 0; j < 3; j++) {
			struct author a = person(orders[i][j][0]);
			a.other_id = str_of(orders[i][j][1]);
			must(claim_of(db, &a, 1, 1, NOW, &e));
			assert_int_equal(active(db, NOW), 1);
		}
	}
	/* Two rows that turn out to be one: nobody could know before. */
	run_sql(db, "delete from seat");
	claim(db, "5:a", 2, NOW);
	claim(db, "{u}", 2, NOW);
	struct author both = person("5:a");
	both.other_id = STR("{u}");
	must(claim_of(db, &both, 1, 2, NOW, &e));
	assert_int_equal(active(db, NOW), 1);
}

static struct author by_email(const char *id, const char *email)
{
	return (struct author){
		.id = str_of(id), .login = str_of(email), .email = str_of(email), .by_email = 1
	};
}

static void test_seat_address_becomes_an_account(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	const struct author mail = by_email("email:m@x", "m@x");
	struct author account = person("7");
	account.email = STR("m@x");
	must(claim_of(db, &mail, 1, 1, NOW, &e));
	check_ids(db, "email:m@x");
	must(claim_of(db, &account, 1, 1, NOW + 1, &e));
	check_ids(db, "7");
	/* And the address alone is the account from then on. */
	must(claim_of(db, &mail, 1, 1, NOW + 2, &e));
	check_ids(db, "7");
	/* Two accounts that share an address stay two. */
	struct author other = person("8");
	other.email = STR("m@x");
	must_fail(ERR_REFUSED, claim_of(db, &other, 1, 1, NOW + 3, &e));
	must(claim_of(db, &other, 1, 2, NOW + 3, &e));
	must(claim_of(db, &mail, 1, 2, NOW + 4, &e));
	check_ids(db, "8 7");
}

static void test_seat_keeps_names_that_are_known(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	AUTO(arena) struct arena arena;
	struct seat *list;
	size_t n;
	const struct author named = { .id = STR("1"), .login = STR("mona"), .name = STR("Mona") };
	const struct author bare = { .id = STR("1") };
	const struct author renamed = { .id = STR("1"), .login = STR("lisa") };
	arena_init(&arena, 1 << 20);
	must(claim_of(db, &named, 1, 0, NOW, &e));
	must(claim_of(db, &bare, 1, 0, NOW + 1, &e));
	must(claim_of(db, &renamed, 1, 0, NOW + 2, &e));
	must(seat_list(&list, &n, db, 0, NOW, &arena, &e));
	assert_int_equal(n, 1);
	assert_true(str_eq_cstr(list[0].login, "lisa") && str_eq_cstr(list[0].name, "Mona"));
}

static void test_seat_sweep_removes_what_is_out_of_the_window(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	int64_t removed = -1;
	claim(db, "1", 0, NOW);
	claim(db, "2", 0, NOW + DAY_MS);
	must(seat_sweep(&removed, db, NOW + 90 * DAY_MS, &e));
	assert_int_equal(removed, 0);
	must(seat_sweep(&removed, db, NOW + 90 * DAY_MS + 1, &e));
	assert_int_equal(removed, 1);
	check_ids(db, "2");
}

/* ---- the race ---- */

enum { RACERS = 4, ROUNDS = 8 };

struct racer {
	const struct fixture *f;
	const char *id;
	int64_t limit;
	int got;
	enum err_code code;
};

static void *race(void *context)
{
	struct racer *r = context;
	struct err e = { .code = ERR_NONE };
	struct db_options o = { .store = 1,
				.url = str_of(r->f->url),
				.database = str_of(r->f->database),
				.lock_timeout_ms = 30000 };
	AUTO(db) struct db *db = NULL;
	const struct author a = person(r->id);
	r->got = db_open(&db, &o, &e) == 0 && claim_of(db, &a, 1, r->limit, NOW, &e) == 0;
	r->code = e.code;
	return NULL;
}

/* Each racer has a session of its own, as two processes would. */
static void test_seat_last_one_is_given_once(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[RACERS] = { "a", "b", "c", "d" };
	for (int round = 0; round < ROUNDS; round++) {
		struct racer racers[RACERS];
		pthread_t threads[RACERS];
		int got = 0;
		run_sql(f->db, "delete from seat");
		claim(f->db, "0", 1, NOW);
		for (size_t i = 0; i < RACERS; i++) {
			racers[i] = (struct racer){ .f = f, .id = ids[i], .limit = 2 };
			assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
		}
		for (size_t i = 0; i < RACERS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			got += racers[i].got;
			assert_int_equal(racers[i].code, racers[i].got ? ERR_NONE : ERR_REFUSED);
		}
		assert_int_equal(got, 1);
		assert_int_equal(active(f->db, NOW), 2);
	}
}

/* ---- export ---- */

static void test_seat_csv_is_as_the_other_service_writes_it(void **state)
{
	(void)state;
	const struct seat list[] = {
		{ .provider = STR("github"),
		  .user_id = STR("583231"),
		  .login = STR("octocat"),
		  .name = STR("Mona Lisa"),
		  .last_seen_ms = NOW + 999 },
		{ .provider = STR("gitlab"),
		  .user_id = STR("-7"),
		  .login = STR("=1+2"),
		  .name = STR("+cmd|' /C calc'!A0"),
		  .last_seen_ms = 0 },
		{ .provider = STR("bitbucket"),
		  .user_id = STR("@x"),
		  .login = STR("\tx"),
		  .name = STR("\rx"),
		  .last_seen_ms = 0 },
		{ .provider = STR("azure"),
		  .user_id = STR("a,b"),
		  .login = STR("say \"hi\""),
		  .name = STR("=a,b"),
		  .last_seen_ms = 0 },
		{ .provider = STR("unheard"),
		  .user_id = STR("\xc3\xa4"),
		  .login = STR_NULL,
		  .name = STR(" x\ny"),
		  .last_seen_ms = 0 },
	};
	AUTO(buf) struct buf out;
	buf_init(&out, 4096);
	seat_write_csv(&out, list, sizeof list / sizeof list[0]);
	assert_string_equal(
	    out.p, "vcs_type,user_id,user_name,display_name,last_seen_at\n"
		   "GITHUB,583231,octocat,Mona Lisa,2026-11-23T11:18:21Z\n"
		   "GITLAB,'-7,'=1+2,'+cmd|' /C calc'!A0,1970-01-01T00:00:00Z\n"
		   "BITBUCKET,'@x,'\tx,\"'\rx\",1970-01-01T00:00:00Z\n"
		   "AZURE_DEVOPS,\"a,b\",\"say \"\"hi\"\"\",\"'=a,b\",1970-01-01T00:00:00Z\n"
		   "VCS_TYPE_UNSPECIFIED,\xc3\xa4,,\" x\ny\",1970-01-01T00:00:00Z\n");
}

/* Nothing of a claim stays when memory runs out in its middle. */
static void test_seat_claim_survives_lack_of_memory(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	const struct author a = person("1");
	int failed = 0;
	for (long calls = 0; calls < 40; calls++) {
		struct err e = { .code = ERR_NONE };
		mem_fail_after(calls);
		const int rc = claim_of(db, &a, 1, 1, NOW, &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		failed++;
		assert_int_equal(active(db, NOW), 0);
	}
	assert_true(failed > 0 && failed < 40);
	assert_int_equal(active(db, NOW), 1);
}

#define SEAT_TEST(name) cmocka_unit_test_setup_teardown(name, seat_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEAT_TEST(test_seat_authors_without_an_address_are_several),
		SEAT_TEST(test_seat_limit_counts_persons_once),
		SEAT_TEST(test_seat_refusal_says_what_to_do),
		SEAT_TEST(test_seat_no_limit_records_all_the_same),
		SEAT_TEST(test_seat_window_ends_after_ninety_days),
		SEAT_TEST(test_seat_time_does_not_run_back),
		SEAT_TEST(test_seat_instances_are_apart),
		SEAT_TEST(test_seat_people_of_a_push_together),
		SEAT_TEST(test_seat_two_ids_are_one_person),
		SEAT_TEST(test_seat_address_becomes_an_account),
		SEAT_TEST(test_seat_keeps_names_that_are_known),
		SEAT_TEST(test_seat_sweep_removes_what_is_out_of_the_window),
		SEAT_TEST(test_seat_last_one_is_given_once),
		SEAT_TEST(test_seat_csv_is_as_the_other_service_writes_it),
		SEAT_TEST(test_seat_claim_survives_lack_of_memory),
	};
	return run_stores(tests, sizeof tests / sizeof tests[0]);
}
