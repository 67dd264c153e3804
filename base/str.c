/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes: comparing, cutting, UTF-8. Nothing here allocates but str_to_cstr. */

#include "base/str.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>

int str_printf_len(struct str s)
{
	if (s.p == NULL)
		return 0;
	return s.n > INT_MAX ? INT_MAX : (int)s.n;
}

struct str str_of(const char *cstr)
{
	if (cstr == NULL)
		return STR_NULL;
	return (struct str){ cstr, strlen(cstr) };
}

int str_eq(struct str a, struct str b)
{
	if (a.n != b.n)
		return 0;
	return a.n == 0 || (a.p != NULL && b.p != NULL && memcmp(a.p, b.p, a.n) == 0);
}

int str_eq_cstr(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;
	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20U) : u;
}

int str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return 0;
	}
	return 1;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

int str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_first(s, prefix.n), prefix);
}

int str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

struct str str_from(struct str s, size_t at)
{
	if (at > s.n)
		at = s.n;
	return (struct str){ s.p != NULL ? s.p + at : NULL, s.n - at };
}

struct str str_first(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_from(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	return at != NULL ? (size_t)(at - s.p) : s.n;
}

size_t str_find_last(struct str s, char c)
{
	for (size_t i = s.n; i > 0; i--) {
		if (s.p[i - 1] == c)
			return i - 1;
	}
	return s.n;
}

int str_split(struct str *part, struct str *rest, char sep)
{
	if (rest->p == NULL)
		return 0;
	size_t at = str_find(*rest, sep);
	*part = str_first(*rest, at);
	*rest = at < rest->n ? str_from(*rest, at + 1) : STR_NULL;
	return 1;
}

/* Length of the UTF-8 sequence at `p` (n > 0 bytes are there), or 0 when it is ill-formed. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	/* Bounds of the second byte shut out overlong forms, surrogates and > U+10FFFF. */
	unsigned char low = 0x80, high = 0xbf;
	size_t len;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : low;
		high = p[0] == 0xed ? 0x9f : high;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : low;
		high = p[0] == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0U) != 0x80U)
			return 0;
	}
	return len;
}

size_t str_utf8_len(struct str s)
{
	return s.n > 0 ? utf8_len((const unsigned char *)s.p, s.n) : 0;
}

size_t str_utf8_char(uint32_t *cp, struct str s)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = str_utf8_len(s);
	if (n == 0)
		return 0;
	uint32_t value = (unsigned char)s.p[0] & mask[n];
	for (size_t i = 1; i < n; i++)
		value = value << 6 | ((unsigned char)s.p[i] & 0x3fU);
	*cp = value;
	return n;
}

int str_steers(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	       cp == 0xfeff;
}

int str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_len(p + i, s.n - i);
		if (len == 0)
			return 0;
		i += len;
	}
	return 1;
}

int str_has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return 1;
	}
	return 0;
}

char *str_to_cstr(struct str s, struct err *e)
{
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL) {
		(void)err_set(e, ERR_INPUT, "a NUL byte is inside the text");
		return NULL;
	}
	char *copy = mem_copy(s.p, s.n);
	if (copy == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	return copy;
}
