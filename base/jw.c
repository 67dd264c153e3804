/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text: commas, indentation and escapes; the buffer remembers failures. */

#include "base/clock.h"
#include "base/json_write.h"

#include <assert.h>
#include <inttypes.h>

void jw_init(struct json_writer *w, struct buf *out, int indent)
{
	*w = (struct json_writer){ .out = out, .first = 1, .indent = indent };
}

static void new_line(struct json_writer *w)
{
	if (w->indent == 0)
		return;
	buf_addc(w->out, '\n');
	for (int i = 0; i < w->depth * w->indent; i++)
		buf_addc(w->out, ' ');
}

/* The bytes at the beginning that need no escape. */
static size_t plain_len(struct str s)
{
	size_t n = 0;
	while (n < s.n) {
		uint32_t cp;
		size_t len = str_utf8_char(&cp, str_from(s, n));
		if (len == 0 || cp == '"' || cp == '\\' || str_steers(cp))
			break;
		n += len;
	}
	return n;
}

/*
 * Escape what the text begins with; the number of bytes that it took. JSON would let what steers a
 * terminal stand as it is, but people read it there.
 */
static size_t put_escape(struct buf *out, struct str s)
{
	uint32_t cp;
	size_t n = str_utf8_char(&cp, s);
	if (n == 0) {
		buf_adds(out, "\xef\xbf\xbd"); /* an ill-formed byte */
		return 1;
	}
	if (cp == '"' || cp == '\\')
		buf_addf(out, "\\%c", (int)cp);
	else if (cp == '\n')
		buf_adds(out, "\\n");
	else if (cp == '\r')
		buf_adds(out, "\\r");
	else if (cp == '\t')
		buf_adds(out, "\\t");
	else
		buf_addf(out, "\\u%04x", (unsigned)cp);
	return n;
}

static void put_string(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	while (s.n > 0) {
		size_t n = plain_len(s);
		buf_add(out, str_first(s, n));
		s = str_from(s, n);
		if (s.n > 0)
			s = str_from(s, put_escape(out, s));
	}
	buf_addc(out, '"');
}

/* What stands before a value: comma, line, key. */
static void begin(struct json_writer *w, const char *key)
{
	if (w->depth > 0) {
		if (!w->first)
			buf_addc(w->out, ',');
		new_line(w);
	}
	w->first = 0;
	if (key != NULL) {
		put_string(w->out, str_of(key));
		buf_adds(w->out, w->indent > 0 ? ": " : ":");
	}
}

static void open_level(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key);
	buf_addc(w->out, bracket);
	w->depth++;
	w->first = 1;
}

static void close_level(struct json_writer *w, char bracket)
{
	assert(w->depth > 0);
	w->depth--;
	if (!w->first)
		new_line(w);
	buf_addc(w->out, bracket);
	w->first = 0;
}

void jw_object(struct json_writer *w, const char *key)
{
	open_level(w, key, '{');
}

void jw_array(struct json_writer *w, const char *key)
{
	open_level(w, key, '[');
}

void jw_end_object(struct json_writer *w)
{
	close_level(w, '}');
}

void jw_end_array(struct json_writer *w)
{
	close_level(w, ']');
}

void jw_str(struct json_writer *w, const char *key, struct str value)
{
	begin(w, key);
	if (value.p == NULL)
		buf_adds(w->out, "null");
	else
		put_string(w->out, value);
}

void jw_text(struct json_writer *w, const char *key, const char *value)
{
	jw_str(w, key, str_of(value));
}

void jw_int(struct json_writer *w, const char *key, int64_t value)
{
	begin(w, key);
	buf_addf(w->out, "%" PRId64, value);
}

void jw_bool(struct json_writer *w, const char *key, int value)
{
	begin(w, key);
	buf_adds(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	buf_adds(w->out, "null");
}

void jw_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
	char text[CLOCK_TEXT];
	jw_text(w, key, unix_ms != 0 ? clock_format(text, unix_ms) : NULL);
}
