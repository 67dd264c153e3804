/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, written with padding and read strictly: it carries secrets and signatures. */

#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(char *out, const unsigned char *bytes, size_t n)
{
	char *p = out;
	for (size_t i = 0; i < n; i += 3) {
		const size_t left = n - i;
		const unsigned b1 = left > 1 ? bytes[i + 1] : 0;
		const unsigned b2 = left > 2 ? bytes[i + 2] : 0;
		const unsigned group = (unsigned)bytes[i] << 16 | b1 << 8 | b2;
		*p++ = alphabet[group >> 18 & 63U];
		*p++ = alphabet[group >> 12 & 63U];
		*p++ = '=';
		*p++ = '=';
		if (left > 1)
			p[-2] = alphabet[group >> 6 & 63U];
		if (left > 2)
			p[-1] = alphabet[group & 63U];
	}
	*p = '\0';
	return out;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Number of '=' at the end: 0 to 2. */
static size_t padding(struct str text)
{
	size_t n = 0;
	while (n < 2 && n < text.n && text.p[text.n - 1 - n] == '=')
		n++;
	return n;
}

/* The bits of the last character that no byte takes must be 0. */
static int ends_clean(struct str digits, size_t pad)
{
	if (pad == 0)
		return 1;
	const unsigned last = (unsigned)value_of(digits.p[digits.n - 1]);
	return (last & (pad == 1 ? 3U : 15U)) == 0;
}

int base64_decode(unsigned char *out, size_t *n, size_t max, struct str text, struct err *e)
{
	if (text.n % 4 != 0)
		return err_set(e, ERR_INPUT, "%zu base64 characters are not a multiple of 4",
			       text.n);
	const size_t pad = padding(text);
	const struct str digits = str_first(text, text.n - pad);
	for (size_t i = 0; i < digits.n; i++) {
		if (value_of(digits.p[i]) < 0)
			return err_set(e, ERR_INPUT, "character %zu is not of base64", i + 1);
	}
	if (!ends_clean(digits, pad))
		return err_set(e, ERR_INPUT, "the last base64 character holds stray bits");
	const size_t bytes = text.n / 4 * 3 - pad;
	if (bytes > max)
		return err_set(e, ERR_LIMIT, "%zu bytes in base64 instead of at most %zu", bytes,
			       max);
	unsigned bits = 0;
	size_t done = 0;
	for (size_t i = 0; i < digits.n; i++) {
		bits = (bits << 6 | (unsigned)value_of(digits.p[i])) & 0xffffffU;
		/* The first character of four completes no byte: 6, then 12, 18 and 24 bits. */
		if (i % 4 != 0)
			out[done++] = (unsigned char)(bits >> (6 - 2 * (i % 4)) & 0xffU);
	}
	*n = bytes;
	return 0;
}
