/* SPDX-License-Identifier: Apache-2.0 */
/* The one error type: filling and wrapping it. It knows nothing of who shows it. */

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* End a cut message with "..." without leaving half a UTF-8 character before it. */
static void mark_cut(char *msg, size_t size)
{
	size_t at = size - 4;
	while (at > 0 && ((unsigned char)msg[at] & 0xc0U) == 0x80U)
		at--;
	memcpy(msg + at, "...", 4);
}

/* A message is one line: a foreign library's line ends and control bytes become blanks. */
static void one_line(char *msg)
{
	size_t n = strlen(msg);
	while (n > 0 && ((unsigned char)msg[n - 1] <= ' ' || msg[n - 1] == 0x7f))
		msg[--n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)msg[i] < ' ' || msg[i] == 0x7f)
			msg[i] = ' ';
	}
}

static void format(struct err *e, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void format(struct err *e, const char *fmt, va_list ap)
{
	/* The arguments may point into the message that is there: it is replaced at the end. */
	char msg[sizeof e->msg];
	int n = vsnprintf(msg, sizeof msg, fmt, ap);
	if (n < 0)
		msg[0] = '\0';
	if (n >= (int)sizeof msg)
		mark_cut(msg, sizeof msg);
	one_line(msg);
	memcpy(e->msg, msg, sizeof msg);
}

/* Join `head` and `tail` with ": " into the message, cutting the tail when both do not fit. */
static void join(struct err *e, const char *head, const char *tail)
{
	int n = snprintf(e->msg, sizeof e->msg, "%s: %s", head, tail);
	if (n >= (int)sizeof e->msg)
		mark_cut(e->msg, sizeof e->msg);
	one_line(e->msg);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	e->code = code;
	e->sys = 0;
	e->native[0] = '\0';
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	e->code = errnum == ENOMEM ? ERR_NOMEM : ERR_SYS;
	e->sys = errnum;
	e->native[0] = '\0';
	char head[sizeof e->msg];
	char text[128];
	memcpy(head, e->msg, sizeof head);
	if (strerror_r(errnum, text, sizeof text) != 0)
		(void)snprintf(text, sizeof text, "error %d", errnum);
	join(e, head, text);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	char tail[sizeof e->msg];
	memcpy(tail, e->msg, sizeof tail);
	va_list ap;
	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	char head[sizeof e->msg];
	memcpy(head, e->msg, sizeof head);
	join(e, head, tail);
	return -1;
}

void err_native(struct err *e, const char *native)
{
	if (e == NULL || native == NULL)
		return;
	(void)snprintf(e->native, sizeof e->native, "%.15s", native);
}

const char *err_code_name(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "none";
	case ERR_NOMEM:
		return "out_of_memory";
	case ERR_SYS:
		return "system";
	case ERR_INPUT:
		return "invalid";
	case ERR_LIMIT:
		return "too_large";
	case ERR_NOTFOUND:
		return "not_found";
	case ERR_EXISTS:
		return "exists";
	case ERR_AUTH:
		return "unauthenticated";
	case ERR_REFUSED:
		return "refused";
	case ERR_UNAVAILABLE:
		return "unavailable";
	case ERR_DB:
		return "database";
	case ERR_LOST:
		return "connection_lost";
	}
	return "unknown";
}

int err_is_transient(const struct err *e)
{
	return e->code == ERR_UNAVAILABLE || e->code == ERR_LOST || e->code == ERR_NOMEM ||
	       e->code == ERR_SYS;
}
