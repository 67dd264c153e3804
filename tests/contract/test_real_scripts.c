/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts as people write them, through the runner on every driver that knows their dialect. */

#include "support/runner.h"

#include <sys/resource.h>

enum { LARGE = 50 * 1024 * 1024 };

/*
 * The sanitizers look at the whole stack at each of the switches that MySQL's client makes for
 * every statement.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHRINK_MYSQL = 25 };
#else
enum { SHRINK_MYSQL = 1 };
#endif

static const struct real {
	const char *driver;
	const char *file;
	const char *sql; /* gives `want` afterwards; NULL: it is refused with `message` */
	int64_t want;
	const char *message;
} reals[] = {
	{ "postgresql",
	  "m/1_f.sql=create table ran (v text);\n"
	  "create function f() returns trigger language plpgsql as $body$\n"
	  "begin -- a ; in a comment\n  insert into ran values ('a;b'); return new;\nend $body$;\n"
	  "create table held (v text);\n"
	  "create trigger t after insert on held for each row execute function f();\n"
	  "insert into held values (E'it''s; \\' one'), ($$two;$$);\n"
	  "do $do$ begin perform 1; end $do$;",
	  "select count(*) from ran where v = 'a;b'", 2, NULL },
	{ "postgresql",
	  "m/1_p.sql=create table held (id bigint, at date) partition by range (at);\n"
	  "create table ran partition of held for values from ('2026-01-01') to ('2027-01-01');\n"
	  "insert into held values (1, '2026-05-01'), (2, '2026-06-01');\n",
	  "select count(*) from ran", 2, NULL },
	{ "postgresql", "m/1_c.sql=create table ran (v text);\ncopy ran from stdin;\n1\n\\.\n",
	  NULL, 0, "COPY" },
	{ "postgresql", "m/1_c.sql=create table ran (v text);\n\\copy ran from 'x'\n", NULL, 0,
	  "psql" },
	{ "postgresql",
	  "m/1_x.sql=create table ran (v text);\n\n-- big\n"
	  "create index concurrently i on ran (v);\nanalyze ran;\n",
	  "select count(*) from pg_index where indexrelid = to_regclass('i') and indisvalid", 1,
	  NULL },
	{ "sqlite",
	  "m/1_t.sql=create table ran (v text);\n"
	  "create trigger tr after insert on ran when new.v = 'go' begin\n"
	  "  insert into ran values ('a;b'); insert into ran values ('it''s');\nend;\n"
	  "insert into ran values ('go'); -- ; the end",
	  "select count(*) from ran", 3, NULL },
	{ "sqlite",
	  "m/1_r.sql=pragma foreign_keys = off;\ncreate table ran (v text);\n"
	  "create table held (v text not null);\ninsert into held select v from ran;\n"
	  "drop table ran;\nalter table held rename to ran;\npragma foreign_key_check;\n",
	  "select count(*) from ran", 0, NULL },
	{ "sqlite", "m/1_s.sql=create table ran (v text);\n.import x ran\n", NULL, 0,
	  "command of the sqlite3 shell" },
	{ "sqlite", "m/1_s.sql=vacuum into '/dev/null';\n", NULL, 0, "'VACUUM INTO' is refused" },
	{ "sqlite", "m/1_s.sql=pragma journal_mode = off;\n", NULL, 0,
	  "'journal_mode' is refused" },
	{ "mysql",
	  "m/1_p.sql=create table ran (v varchar(20));\n"
	  "DELIMITER //\ncreate procedure tidegate_p() begin insert into ran values ('a;b');"
	  " insert into ran values ('c'); end//\nDELIMITER ;\n"
	  "call tidegate_p();\ndrop procedure tidegate_p;\n",
	  "select count(*) from ran", 2, NULL },
	{ "mysql",
	  "m/1_t.sql=create table ran (v varchar(20)); create table held (v varchar(20));\n"
	  "create trigger tr after insert on held for each row insert into ran values (new.v);\n"
	  "insert into held values ('it''s;'), (\"two\"); /*! insert into held values ('3') */;\n",
	  "select count(*) from ran", 3, NULL },
	{ "",
	  "m/1_b.sql=\xef\xbb\xbf-- byte order mark\r\ncreate table ran (v varchar(20));\r\n"
	  "insert into ran values ('a\r\nb');\r\n",
	  "select count(*) from ran", 1, NULL },
};

static void test_real_scripts(void **state)
{
	struct fixture *f = *state;
	const char *driver = dialect(f)->driver;
	for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
		const struct real *r = &reals[i];
		const char *const files[] = { r->file, NULL };
		struct target t;
		if (r->driver[0] != '\0' && strcmp(r->driver, driver) != 0)
			continue;
		clean(f);
		begin(&t, f, files);
		if (r->sql == NULL) {
			run_refused(&t, r->message);
			assert_true(t.result.place.line > 0);
		} else {
			run_ok(&t);
			assert_int_equal(number(f, r->sql), r->want);
		}
		end(&t);
	}
}

/* A file of rows of 1,900 bytes; *rows is their number. */
static char *large_file(size_t size, int64_t *rows)
{
	AUTO(buf) struct buf b;
	buf_init(&b, LARGE + 4096);
	buf_adds(&b, "m/1_large.sql=create table ran (v varchar(2000));\n");
	for (*rows = 0; b.n < size; ++*rows)
		buf_addf(&b, "insert into ran values ('%01900d;');\n", (int)*rows);
	return buf_take(&b);
}

static void test_real_large_script(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct rusage before, after;
	int64_t rows;
	size_t size = LARGE;
	if (is_my(f))
		size /= SHRINK_MYSQL;
	AUTO(free) char *file = large_file(size, &rows);
	assert_non_null(file);
	const char *const files[] = { file, NULL };
	clean(f);
	begin(&t, f, files);
	(void)getrusage(RUSAGE_SELF, &before);
	int64_t started = clock_mono_ms();
	run_ok(&t);
	int64_t ms = clock_mono_ms() - started;
	(void)getrusage(RUSAGE_SELF, &after);
	print_message("%zu MB in %lld ms, %ld MiB more\n", size >> 20, (long long)ms,
		      (after.ru_maxrss - before.ru_maxrss) / 1024);
	assert_int_equal(number(f, "select count(*) from ran"), rows);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 600L * 1024);
	end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_real_scripts),
		TEST(test_real_large_script),
	};
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
