/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: the vectors of RFC 4648 both ways, what must be refused, and every length. */

#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10, and both special characters. */
static const char *const vectors[][2] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xef\xff", "++//" },
	{ "user:p:w", "dXNlcjpwOnc=" },
};

static void test_base64_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		unsigned char bytes[16];
		char text[BASE64_TEXT(16)];
		size_t n = 99, len = strlen(vectors[i][0]);
		struct err e = { .code = ERR_NONE };
		memcpy(bytes, vectors[i][0], len);
		assert_string_equal(base64_encode(text, bytes, len), vectors[i][1]);
		assert_int_equal(base64_decode(bytes, &n, len, str_of(vectors[i][1]), &e), 0);
		assert_int_equal(n, len);
		assert_memory_equal(bytes, vectors[i][0], len);
	}
}

static void test_base64_refuses(void **state)
{
	static const char *const rows[] = {
		"Z",    "Zg",       "Zg=",  "Zm8",      "Zm9v\n",   "Zm9v Zm9v",  " Zm9",
		"Zm9 ", "Zg==Zg==", "====", "=",        "Z===",     "Zg=a",       "Z=g=",
		"Zh==", "Zm9=",     "-_-_", "Zm9v\r\n", "Zm9vYg= ", "Zm\xc3\xa9", "Zm9v====",
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned char bytes[32] = { 7 };
		size_t n = 99;
		struct err e = { .code = ERR_NONE };
		if (base64_decode(bytes, &n, sizeof bytes, str_of(rows[i]), &e) != -1)
			fail_msg("row %zu is taken", i);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(n, 99);
		assert_int_equal(bytes[0], 7);
	}
	unsigned char bytes[3];
	size_t n;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(base64_decode(bytes, &n, 3, (struct str){ "Zm\0v", 4 }, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

static void test_base64_is_bounded(void **state)
{
	(void)state;
	unsigned char bytes[6] = { 7 };
	size_t n = 99;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(base64_decode(bytes, &n, 5, STR("Zm9vYmFy"), &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(n, 99);
	assert_int_equal(bytes[0], 7);
	assert_int_equal(base64_decode(bytes, &n, 5, STR("Zm9vYmE="), &e), 0);
	assert_int_equal(n, 5);
}

static void test_base64_round_trips(void **state)
{
	(void)state;
	unsigned char bytes[256], back[256];
	char text[BASE64_TEXT(sizeof bytes)];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		size_t n = 0;
		struct err e = { .code = ERR_NONE };
		(void)base64_encode(text, bytes, len);
		assert_int_equal(strlen(text) + 1, BASE64_TEXT(len));
		assert_int_equal(base64_decode(back, &n, len, str_of(text), &e), 0);
		assert_int_equal(n, len);
		assert_memory_equal(back, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_refuses),
		cmocka_unit_test(test_base64_is_bounded),
		cmocka_unit_test(test_base64_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
