/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping for the logs of pipelines. A file of a pull request can have any name, and a server's
 * message any text; both end up in lines that a runner reads commands from.
 */
#include "cli/check_escape.h"

#include <stdint.h>
#include <string.h>

/* What one of the forms writes for a byte; NULL: the byte itself. */
typedef const char *(*escape_fn)(char c);

static const char *github_data(char c)
{
	switch (c) {
	case '%':
		return "%25";
	case '\r':
		return "%0D";
	case '\n':
		return "%0A";
	default:
		return NULL;
	}
}

static const char *github_property(char c)
{
	switch (c) {
	case ':':
		return "%3A";
	case ',':
		return "%2C";
	default:
		return github_data(c);
	}
}

static const char *azure_data(char c)
{
	switch (c) {
	case '%':
		return "%AZP25";
	case '\r':
		return "%0D";
	case '\n':
		return "%0A";
	default:
		return NULL;
	}
}

static const char *azure_property(char c)
{
	switch (c) {
	case ']':
		return "%5D";
	case ';':
		return "%3B";
	default:
		return azure_data(c);
	}
}

/* Characters that others escape, that is all but the ones of the form's own. */
static int is_raw(uint32_t cp)
{
	return cp == '\n' || cp == '\r' || cp == '\t' || !str_steers(cp);
}

static void add_bytes(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addf(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
}

static void add_char(struct buf *out, struct str c, escape_fn escape)
{
	const char *instead = c.n == 1 ? escape(c.p[0]) : NULL;
	/* "##[" begins a command anywhere in a line: the second of two is never written as it is */
	const int twice = c.p[0] == '#' && out->n > 0 && out->p[out->n - 1] == '#';

	if (instead != NULL)
		buf_adds(out, instead);
	else if (twice)
		buf_adds(out, "\\x23");
	else
		buf_add(out, c);
}

static void add_all(struct buf *out, struct str s, escape_fn escape)
{
	while (s.n > 0) {
		uint32_t cp = 0;
		size_t n = str_utf8_char(&cp, s);
		const int good = n > 0 && is_raw(cp);

		if (n == 0)
			n = 1;
		if (good)
			add_char(out, str_first(s, n), escape);
		else
			add_bytes(out, str_first(s, n));
		s = str_from(s, n);
	}
}

void check_escape_github(struct buf *out, struct str s)
{
	add_all(out, s, github_data);
}

void check_escape_github_property(struct buf *out, struct str s)
{
	add_all(out, s, github_property);
}

void check_escape_azure(struct buf *out, struct str s)
{
	add_all(out, s, azure_data);
}

void check_escape_azure_property(struct buf *out, struct str s)
{
	add_all(out, s, azure_property);
}

void check_escape_uri(struct buf *out, struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		const char c = path.p[i];
		const int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') ||
				  (c != '\0' && strchr("-._~/", c) != NULL);

		if (plain)
			buf_addc(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}
