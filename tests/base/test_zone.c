/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: the system's own files, rules for the far future, and damaged files. */

#include "base/buf.h"
#include "base/mem.h"
#include "base/zone.h"
#include "base/zone_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What Python's zoneinfo says; the later ones follow the footer's rule. */
static void test_zone_local_times(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int64_t at;
		struct zone_time t;
	} rows[] = {
		{ "UTC", 0, { 1970, 1, 1, 0, 0, 0, 0 } },
		{ "UTC", -1, { 1969, 12, 31, 23, 59, 59, 0 } },
		{ "Europe/Berlin", -1746462859, { 1914, 8, 29, 8, 25, 41, 3600 } },
		{ "Europe/Berlin", 1774745999, { 2026, 3, 29, 1, 59, 59, 3600 } },
		{ "Europe/Berlin", 1774746000, { 2026, 3, 29, 3, 0, 0, 7200 } },
		{ "Europe/Berlin", 4853844438, { 2123, 10, 24, 20, 7, 18, 7200 } },
		{ "America/New_York", 2970859433, { 2064, 2, 21, 17, 43, 53, -18000 } },
		{ "America/New_York", 4279108009, { 2105, 8, 7, 13, 6, 49, -14400 } },
		{ "America/Santiago", 3472853076, { 2080, 1, 18, 22, 24, 36, -10800 } },
		{ "America/Santiago", 5351490549, { 2139, 8, 1, 9, 9, 9, -14400 } },
		{ "America/St_Johns", -1364606077, { 1926, 10, 4, 20, 14, 31, -9052 } },
		{ "Europe/Dublin", 3130905943, { 2069, 3, 19, 8, 5, 43, 0 } },
		{ "Europe/Dublin", 4219607137, { 2103, 9, 19, 2, 5, 37, 3600 } },
		{ "Australia/Lord_Howe", 2968923239, { 2064, 1, 30, 23, 53, 59, 39600 } },
		{ "Australia/Lord_Howe", 3447267767, { 2079, 3, 29, 9, 22, 47, 39600 } },
		{ "Asia/Kathmandu", 5447758160, { 2142, 8, 19, 23, 54, 20, 20700 } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(zone) struct zone *z = NULL;
		struct err e;
		struct zone_time t;
		assert_int_equal(zone_open(&z, rows[i].name, &e), 0);
		zone_local(&t, z, rows[i].at);
		assert_memory_equal(&t, &rows[i].t, sizeof t);
	}
}

static void test_zone_clamps_the_ends_of_time(void **state)
{
	(void)state;
	AUTO(zone) struct zone *z = NULL;
	struct err e;
	struct zone_time t;
	assert_int_equal(zone_open(&z, "Europe/Berlin", &e), 0);
	zone_local(&t, z, INT64_MAX);
	assert_int_equal(t.year, 10000); /* an hour behind the last second in UTC */
	zone_local(&t, z, INT64_MIN);
	assert_int_equal(t.year, 0);
}

static void test_zone_refuses_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum err_code code;
	} rows[] = {
		{ "", ERR_INPUT },
		{ "../../etc/passwd", ERR_INPUT },
		{ "/etc/passwd", ERR_INPUT },
		{ "Europe/../UTC", ERR_INPUT },
		{ "Europe Berlin", ERR_INPUT },
		{ "Mars/Olympus", ERR_NOTFOUND },
		{ "Europe", ERR_NOTFOUND },
		{ "Europe/Berlin/x", ERR_NOTFOUND },
		{ "right/Europe/Berlin", ERR_INPUT },
		{ "zone.tab", ERR_INPUT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone *z = NULL;
		struct err e = { .code = ERR_NONE };
		assert_int_equal(zone_open(&z, rows[i].name, &e), -1);
		assert_int_equal(e.code, rows[i].code);
		assert_null(z);
	}
}

/* A TZif file with one type, the given number of transitions (10 s apart) and a footer. */
static size_t make_file(unsigned char *out, unsigned transitions, const char *footer)
{
	size_t n = 0;
	for (int block = 0; block < 2; block++) {
		unsigned count = block == 0 ? 0 : transitions;
		memset(out + n, 0, 44);
		memcpy(out + n, "TZif2", 5);
		out[n + 35] = (unsigned char)count;
		out[n + 39] = 1; /* types */
		out[n + 43] = 4; /* characters */
		n += 44;
		for (unsigned i = 0; i < count; i++, n += 8) {
			memset(out + n, 0, 8);
			out[n + 7] = (unsigned char)(10 * (i + 1));
		}
		memset(out + n, 0, count + 6);
		n += count + 6;
		memcpy(out + n, "UTC", 4);
		n += 4;
	}
	size_t length = strlen(footer);
	memcpy(out + n, footer, length);
	return n + length;
}

static int parse(const unsigned char *bytes, size_t n)
{
	AUTO(zone) struct zone *z = NULL;
	struct err e = { .code = ERR_NONE };
	int rc = zone_parse(&z, (struct str){ (const char *)bytes, n }, &e);
	assert_true(rc == 0 || (e.code == ERR_INPUT && z == NULL));
	return rc;
}

static void test_zone_parse_refuses_damage(void **state)
{
	(void)state;
	unsigned char file[512];
	size_t n = make_file(file, 2, "\n<+01>-1\n");
	assert_int_equal(parse(file, n), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(parse(file, i), -1);
	/* position in the second block, value */
	static const struct {
		size_t at;
		unsigned char v;
	} rows[] = {
		{ 0, 'X' },  { 4, '1' },
		{ 4, 0 },    { 31, 1 }, /* a leap second */
		{ 39, 0 },   { 35, 200 },
		{ 32, 255 }, { 51, 30 } /* out of order */,
		{ 60, 1 },   { 62, 1 } /* offset of 16 million seconds */,
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		n = make_file(file, 2, "\n<+01>-1\n");
		file[54 + rows[i].at] = rows[i].v;
		assert_int_equal(parse(file, n), -1);
	}
}

static void test_zone_without_footer_keeps_the_last_type(void **state)
{
	(void)state;
	unsigned char file[512];
	size_t n = make_file(file, 2, "\n\n");
	AUTO(zone) struct zone *z = NULL;
	struct err e;
	struct zone_time t;
	assert_int_equal(zone_parse(&z, (struct str){ (char *)file, n }, &e), 0);
	zone_local(&t, z, 1774745999);
	assert_int_equal(t.offset_s, 0);
	n = make_file(file, 0, "\n<+01>-1\n");
	AUTO(zone) struct zone *rule = NULL;
	assert_int_equal(zone_parse(&rule, (struct str){ (char *)file, n }, &e), 0);
	zone_local(&t, rule, -1774745999);
	assert_int_equal(t.offset_s, 3600);
}

static void test_zone_rule_grammar(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "UTC0", 0 },
		{ "<-03>3", 0 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 0 },
		{ "EST5EDT4,J60/-1:30,365/26:00:01", 0 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", 0 },
		{ "XXX24:59:59", 0 },
		{ "", -1 },
		{ "UTC", -1 },
		{ "UT0", -1 },
		{ "<+0>0", -1 },
		{ "<+03-3", -1 },
		{ "UTC25", -1 },
		{ "UTC0:60", -1 },
		{ "UTC0x", -1 },
		{ "CET-1CEST", -1 },
		{ "CET-1CEST,M3.5.0", -1 },
		{ "CET-1CEST,M13.5.0,M10.5.0", -1 },
		{ "CET-1CEST,M3.6.0,M10.5.0", -1 },
		{ "CET-1CEST,M3.5.7,M10.5.0", -1 },
		{ "CET-1CEST,J0,J1", -1 },
		{ "CET-1CEST,366,1", -1 },
		{ "CET-1CEST,1/168,1", -1 },
		{ "CET-1CEST,1,1,", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone_rule r;
		struct err e;
		assert_int_equal(zone_rule_parse(&r, str_of(rows[i].text), &e), rows[i].rc);
	}
}

static void test_zone_rule_corner_cases(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		int64_t at;
		int offset_s;
	} rows[] = {
		/* Summer time all year (RFC 8536, section 3.3.1): around new year 2030. */
		{ "EST5EDT,0/0,J365/25", 1893473999, -14400 },
		{ "EST5EDT,0/0,J365/25", 1893474000, -14400 },
		/* 2028-02-29T12Z and 2028-03-01T12Z; Julian day 60 is always March 1. */
		{ "AAA0BBB,J60,J300", 1835438400, 0 },
		{ "AAA0BBB,J60,J300", 1835524800, 3600 },
		{ "AAA0BBB,59,300", 1835438400, 3600 },
		/* The southern summer lies over new year. */
		{ "AAA0BBB,M10.1.0,M4.1.0", 1893456000, 3600 },
		/* A time of the day before: begins on Thursday 2026-03-26 at 22:00. */
		{ "<-02>2<-01>,M3.5.0/-50,M10.5.0/0", 1774569599, -7200 },
		{ "<-02>2<-01>,M3.5.0/-50,M10.5.0/0", 1774569600, -3600 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone_rule r;
		struct err e;
		assert_int_equal(zone_rule_parse(&r, str_of(rows[i].rule), &e), 0);
		assert_int_equal(zone_rule_offset(&r, rows[i].at), rows[i].offset_s);
	}
}

static void test_zone_without_memory(void **state)
{
	(void)state;
	struct zone *z = NULL;
	struct err e;
	for (long calls = 0;; calls++) {
		mem_fail_after(calls);
		int rc = zone_open(&z, "Europe/Berlin", &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
		assert_true(calls < 100);
	}
	zone_free(z);
	mem_fail_after(0);
	assert_int_equal(zone_open(&z, "UTC", &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_local_times),
		cmocka_unit_test(test_zone_clamps_the_ends_of_time),
		cmocka_unit_test(test_zone_refuses_names),
		cmocka_unit_test(test_zone_parse_refuses_damage),
		cmocka_unit_test(test_zone_without_footer_keeps_the_last_type),
		cmocka_unit_test(test_zone_rule_grammar),
		cmocka_unit_test(test_zone_rule_corner_cases),
		cmocka_unit_test(test_zone_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
