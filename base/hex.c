/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal text of digests; declared beside them in base/digest.h. */

#include "base/digest.h"

char *hex_encode(char *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 0xfU];
	}
	out[2 * n] = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(unsigned char *out, size_t n, struct str hex, struct err *e)
{
	if (hex.n / 2 != n || hex.n % 2 != 0)
		return err_set(e, ERR_INPUT, "%zu hexadecimal digits instead of %zu", hex.n, 2 * n);
	for (size_t i = 0; i < hex.n; i++) {
		if (hex_value(hex.p[i]) < 0)
			return err_set(e, ERR_INPUT, "character %zu is no hexadecimal digit",
				       i + 1);
	}
	for (size_t i = 0; i < n; i++)
		out[i] =
		    (unsigned char)(hex_value(hex.p[2 * i]) * 16 + hex_value(hex.p[2 * i + 1]));
	return 0;
}
