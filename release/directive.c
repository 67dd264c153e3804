/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directives in the head comment of a script. A pure function over its first lines: what looks
 * like a directive and is not understood is refused, since its author believes in it.
 */

#include "release/directive.h"

enum { LEVEL_MAX = 24 };

static const char *const modes[] = { "", "on", "off" };
static const char *const levels[] = { "", "read uncommitted", "read committed", "repeatable read",
				      "serializable" };

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct str trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_from(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The value behind "-- NAME ="; absent when the line is another. */
static struct str value_of(struct str comment, const char *name)
{
	struct str key = str_of(name);
	if (!str_eq_nocase(str_first(comment, key.n), key))
		return STR_NULL;
	struct str rest = trim(str_from(comment, key.n));
	if (rest.n == 0 || rest.p[0] != '=')
		return STR_NULL;
	return trim(str_from(rest, 1));
}

/* The index of `value` in names from 1 on, or 0. */
static int find(const char *const *names, int n, struct str value)
{
	for (int i = 1; i < n; i++) {
		if (str_eq_nocase(value, str_of(names[i])))
			return i;
	}
	return 0;
}

/* "Read--Committed" is "Read committed": what separates words is one blank. */
static struct str plain(char out[LEVEL_MAX], struct str value)
{
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i] == '-' || value.p[i] == '_' ? ' ' : value.p[i];
		if (is_blank(c) && n > 0 && out[n - 1] == ' ')
			continue;
		if (n == LEVEL_MAX)
			return value;
		out[n++] = is_blank(c) ? ' ' : c;
	}
	return (struct str){ out, n };
}

static int twice(const char *name, struct err *e)
{
	return err_set(e, ERR_REFUSED, "'%s' is said twice; say it once", name);
}

static int read_comment(struct directives *d, struct str comment, struct err *e)
{
	char level[LEVEL_MAX];
	struct str mode = value_of(comment, "txn-mode");
	if (mode.p != NULL) {
		if (d->mode != DIRECTIVE_MODE_NONE)
			return twice("txn-mode", e);
		d->mode = (enum directive_mode)find(modes, 3, mode);
		if (d->mode == DIRECTIVE_MODE_NONE)
			return err_set(e, ERR_REFUSED,
				       "'%.*s' is no txn-mode (expected 'on' or 'off')",
				       STR_ARG(str_first(mode, 40)));
	}
	struct str isolation = value_of(comment, "txn-isolation");
	if (isolation.p != NULL) {
		if (d->isolation != DB_ISOLATION_DEFAULT)
			return twice("txn-isolation", e);
		d->isolation = (enum db_isolation)find(levels, 5, plain(level, isolation));
		if (d->isolation == DB_ISOLATION_DEFAULT)
			return err_set(e, ERR_REFUSED,
				       "'%.*s' is no txn-isolation (expected 'read uncommitted', "
				       "'read committed', 'repeatable read' or 'serializable')",
				       STR_ARG(str_first(isolation, 40)));
	}
	return 0;
}

/* What stands behind a block comment's end, with the line ends in it counted; MySQL runs what a
 * comment that begins with "!" holds. Where one within it begins, databases differ about the end.
 */
static struct str skip_block(struct str text, size_t *number, int *nested)
{
	for (size_t i = 2; i < text.n; i++) {
		*number += text.p[i] == '\n';
		*nested |= text.p[i] == '*' && text.p[i - 1] == '/' && i > 2;
		if (text.p[i] == '/' && text.p[i - 1] == '*' && i > 2)
			return str_from(text, i + 1);
	}
	return str_from(text, text.n);
}

static int begins_block(struct str text)
{
	return str_starts(text, STR("/*")) && !str_starts(text, STR("/*!"));
}

static int refuse_nested(const struct directives *before, const struct directives *d, struct err *e)
{
	if (before->mode == d->mode && before->isolation == d->isolation)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "a directive behind a comment within a comment is refused: whether it is a "
		       "part of that comment depends on the database; move it to the first line");
}

int directives_read(struct directives *out, struct db_place *failed, struct str text, struct err *e)
{
	struct directives d = { .mode = DIRECTIVE_MODE_NONE };
	struct str rest = str_from(text, str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0);
	size_t number = 1;
	int nested = 0;
	while (rest.n > 0) {
		if (is_blank(rest.p[0]) || rest.p[0] == '\n') {
			number += rest.p[0] == '\n';
			rest = str_from(rest, 1);
		} else if (begins_block(rest)) {
			rest = skip_block(rest, &number, &nested);
		} else if (str_starts(rest, STR("--")) || rest.p[0] == '#') {
			struct str line = str_first(rest, str_find(rest, '\n'));
			size_t mark = rest.p[0] == '#' ? 1 : 2;
			const struct directives before = d;
			if (read_comment(&d, trim(str_from(line, mark)), e) != 0 ||
			    (nested && refuse_nested(&before, &d, e) != 0)) {
				*failed = (struct db_place){ .line = number, .column = 1 };
				return -1;
			}
			rest = str_from(rest, line.n);
		} else {
			break;
		}
	}
	*out = d;
	return 0;
}
