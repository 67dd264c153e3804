/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: composed in memory, written whole. What a line holds may come from an attacker, so no
 * byte of it may begin another line or drive a terminal. */

#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum { VALUE_MAX = 2000, LINE_MAX_BYTES = 64 * 1024 };

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_DEBUG:
		return "debug";
	case LOG_INFO:
		return "info";
	case LOG_WARN:
		return "warn";
	case LOG_ERROR:
		return "error";
	}
	return "unknown";
}

/* The part that fits, without half a character at its end. */
static struct str cut(struct str s)
{
	size_t n = VALUE_MAX;
	if (s.n <= VALUE_MAX)
		return s;
	while (n > VALUE_MAX - 4 && ((unsigned char)s.p[n] & 0xc0U) == 0x80U)
		n--;
	return str_first(s, n);
}

static int is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return 0;
	}
	return s.n > 0;
}

/* One character of a quoted value; its length in `s`. C1 controls (U+0080..9f) drive terminals. */
static size_t put_char(struct buf *line, struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t len = str_utf8_len(s);
	if (c == '"' || c == '\\')
		buf_addf(line, "\\%c", c);
	else if (c == '\n')
		buf_adds(line, "\\n");
	else if (c == '\r')
		buf_adds(line, "\\r");
	else if (c == '\t')
		buf_adds(line, "\\t");
	else if (c < 0x20 || c == 0x7f)
		buf_addf(line, "\\u%04x", (unsigned)c);
	else if (len == 0)
		buf_adds(line, "\xef\xbf\xbd");
	else if (len == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
		buf_addf(line, "\\u%04x", (unsigned)(unsigned char)s.p[1]);
	else
		buf_add(line, str_first(s, len));
	return len > 0 ? len : 1;
}

static void put_value(struct buf *line, struct str value)
{
	struct str s = cut(value);
	if (is_bare(s) && s.n == value.n) {
		buf_add(line, s);
		return;
	}
	buf_addc(line, '"');
	while (s.n > 0)
		s = str_from(s, put_char(line, s));
	if (value.n > VALUE_MAX)
		buf_adds(line, "...");
	buf_addc(line, '"');
}

static void compose(struct buf *line, enum log_level level, const char *msg,
		    const struct log_field *fields)
{
	char now[CLOCK_TEXT];
	buf_addf(line, "time=%s level=%s msg=", clock_format(now, clock_unix_ms()),
		 level_name(level));
	/* The message is always quoted, for the eye. */
	buf_addc(line, '"');
	struct str text = cut(str_of(msg != NULL ? msg : ""));
	while (text.n > 0)
		text = str_from(text, put_char(line, text));
	buf_addc(line, '"');
	for (const struct log_field *f = fields; f != NULL && f->key != NULL; f++) {
		if (!f->is_text) {
			buf_addf(line, " %s=%" PRId64, f->key, f->number);
		} else if (f->text.p != NULL) {
			buf_addf(line, " %s=", f->key);
			put_value(line, f->text);
		}
	}
	buf_addc(line, '\n');
}

/* A log that cannot be written has no better place to complain: failures are dropped. */
static void write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		s = str_from(s, (size_t)n);
	}
}

void log_write(const struct log *log, enum log_level level, const char *msg,
	       const struct log_field *fields)
{
	if (log == NULL || log->fd < 0 || level < log->level)
		return;
	AUTO(buf) struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	compose(&line, level, msg, fields);
	if (buf_check(&line, NULL) == 0)
		write_all(log->fd, buf_str(&line));
	else
		write_all(log->fd, STR("level=error msg=\"a log line was lost\" "
				       "reason=\"out of memory, or too long\"\n"));
}
