/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC and hexadecimal text, against the vectors of the standards. */

#include "base/digest.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_digest_sha256_vectors(void **state)
{
	(void)state;
	static const struct {
		struct str data;
		const char *hex;
	} rows[] = {
		{ { NULL, 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ { "abc", 3 },
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ { "a\0b", 3 },
		  "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138" },
	};
	AUTO(digest) struct digest *d = digest_new();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned char sum[SHA256_BYTES];
		char hex[SHA256_HEX];
		struct err e;
		assert_int_equal(digest_sha256(d, sum, rows[i].data, &e), 0);
		assert_string_equal(hex_encode(hex, sum, sizeof sum), rows[i].hex);
	}
}

/* RFC 4231, cases 1, 2 and 6, and GitHub's documented example; one context for all. */
static void test_digest_hmac_vectors(void **state)
{
	(void)state;
	char long_key[131], key_0b[20];
	memset(long_key, 0xaa, sizeof long_key);
	memset(key_0b, 0x0b, sizeof key_0b);
	const struct {
		struct str key, data;
		const char *hex;
	} rows[] = {
		{ { key_0b, 20 },
		  STR("Hi There"),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ STR("Jefe"), STR("what do ya want for nothing?"),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ { long_key, 131 },
		  STR("Test Using Larger Than Block-Size Key - Hash Key First"),
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ STR("It's a Secret to Everybody"), STR("Hello, World!"),
		  "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
	};
	AUTO(digest) struct digest *d = digest_new();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			unsigned char sum[SHA256_BYTES];
			char hex[SHA256_HEX];
			struct err e;
			assert_int_equal(digest_hmac(d, sum, rows[i].key, rows[i].data, &e), 0);
			assert_string_equal(hex_encode(hex, sum, sizeof sum), rows[i].hex);
		}
	}
}

static void test_digest_hmac_of_nothing(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	struct err e;
	assert_int_equal(digest_hmac(d, sum, STR("k"), STR("first"), &e), 0);
	assert_int_equal(digest_hmac(d, sum, STR("key"), STR_NULL, &e), 0);
	assert_string_equal(hex_encode(hex, sum, sizeof sum),
			    "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0");
	assert_int_equal(digest_hmac(d, sum, STR(""), STR("x"), &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

static void test_digest_equal_compares(void **state)
{
	(void)state;
	const unsigned char a[] = { 1, 2, 3 }, b[] = { 1, 2, 4 };
	assert_true(digest_equal(a, a, 3));
	assert_false(digest_equal(a, b, 3));
	assert_true(digest_equal(a, b, 2));
}

static void test_hex_decodes_strictly(void **state)
{
	(void)state;
	unsigned char out[2] = { 9, 9 };
	struct err e;
	assert_int_equal(hex_decode(out, 2, STR("aBc"), &e), -1);
	assert_int_equal(hex_decode(out, 2, STR("aBcde"), &e), -1);
	assert_int_equal(hex_decode(out, 2, STR("aBcg"), &e), -1);
	assert_int_equal(hex_decode(out, SIZE_MAX / 2 + 2, STR(""), &e), -1);
	assert_int_equal(out[0], 9);
	assert_int_equal(hex_decode(out, 2, STR("aBc0"), &e), 0);
	assert_int_equal(out[0], 0xab);
	assert_int_equal(out[1], 0xc0);
}

static void test_digest_random_differs(void **state)
{
	(void)state;
	unsigned char a[32] = { 0 }, b[32] = { 0 };
	struct err e;
	assert_int_equal(digest_random(a, sizeof a, &e), 0);
	assert_int_equal(digest_random(b, sizeof b, &e), 0);
	assert_memory_not_equal(a, b, sizeof a);
}

static void test_digest_without_memory(void **state)
{
	(void)state;
	mem_fail_after(0);
	assert_null(digest_new());
	digest_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_sha256_vectors),
		cmocka_unit_test(test_digest_hmac_vectors),
		cmocka_unit_test(test_digest_hmac_of_nothing),
		cmocka_unit_test(test_digest_equal_compares),
		cmocka_unit_test(test_hex_decodes_strictly),
		cmocka_unit_test(test_digest_random_differs),
		cmocka_unit_test(test_digest_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
