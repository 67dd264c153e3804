/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions: found in a file's name, made canonical, compared. Pure functions over text; they know
 * nothing of files or databases.
 */

#include "release/version.h"

#include "base/num.h"

#include <stdint.h>
#include <string.h>

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(struct str s)
{
	size_t n = 0;
	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

/* The base name without its extension, as Go's filepath.Base and filepath.Ext cut it. */
static struct str stem(struct str path)
{
	size_t slash = str_find_last(path, '/');
	struct str base = slash < path.n ? str_from(path, slash + 1) : path;
	return str_first(base, str_find_last(base, '.'));
}

int version_path_undoes(struct str path)
{
	struct str down = STR(".down");
	struct str name = stem(path);
	return name.n >= down.n && str_eq_nocase(str_from(name, name.n - down.n), down);
}

int version_of_path(struct str *out, struct str path)
{
	if (version_path_undoes(path))
		return 0;
	struct str name = stem(path);
	if (name.n > 0 && (name.p[0] == 'v' || name.p[0] == 'V'))
		name = str_from(name, 1);
	size_t n = digits(name);
	if (n == 0)
		return 0;
	while (n < name.n && name.p[n] == '.') {
		size_t more = digits(str_from(name, n + 1));
		if (more == 0)
			break;
		n += 1 + more;
	}
	*out = str_first(name, n);
	return 1;
}

/* Without leading zeros, but with one digit at least. */
static struct str without_zeros(struct str segment)
{
	while (segment.n > 1 && segment.p[0] == '0')
		segment = str_from(segment, 1);
	return segment;
}

int version_canonical(char out[VERSION_TEXT], struct str version, struct err *e)
{
	char text[VERSION_TEXT];
	size_t n = 0;
	struct str segment;
	struct str rest = version.p != NULL ? version : STR("");
	struct str shown = str_first(version, 64);
	while (str_split(&segment, &rest, '.')) {
		uint64_t value;
		if (segment.n == 0 || digits(segment) != segment.n)
			return err_set(
			    e, ERR_INPUT,
			    "'%.*s' is not a version (expected numbers with '.' between)",
			    STR_ARG(shown));
		segment = without_zeros(segment);
		if (num_parse_u64(&value, segment, 0, UINT64_MAX) != 0)
			return err_set(e, ERR_INPUT,
				       "a number of version '%.*s' is above 18446744073709551615",
				       STR_ARG(shown));
		if (n + 1 + segment.n >= sizeof text)
			return err_set(e, ERR_INPUT,
				       "version '%.*s...' is longer than %d characters",
				       STR_ARG(shown), VERSION_TEXT - 1);
		if (n > 0)
			text[n++] = '.';
		memcpy(text + n, segment.p, segment.n);
		n += segment.n;
	}
	text[n] = '\0';
	memcpy(out, text, n + 1);
	return 0;
}

int version_compare(struct str a, struct str b)
{
	struct str x;
	struct str y;
	for (;;) {
		int more_a = str_split(&x, &a, '.');
		int more_b = str_split(&y, &b, '.');
		if (!more_a || !more_b)
			return more_a - more_b;
		x = without_zeros(x);
		y = without_zeros(y);
		if (x.n != y.n)
			return x.n < y.n ? -1 : 1;
		int order = str_cmp(x, y);
		if (order != 0)
			return order;
	}
}
