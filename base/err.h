/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

/*
 * Why something failed. A caller branches on the code and shows the message; it never reads the
 * message. A new code needs a caller that branches on it.
 */
enum err_code {
	ERR_NONE = 0,
	ERR_NOMEM,       /* out of memory */
	ERR_SYS,         /* a system call failed; `sys` holds errno */
	ERR_INPUT,       /* what was given is malformed */
	ERR_LIMIT,       /* what was given is larger than allowed */
	ERR_NOTFOUND,    /* what was named does not exist */
	ERR_EXISTS,      /* it exists already, or collides with what does */
	ERR_AUTH,        /* who sent it could not be verified */
	ERR_REFUSED,     /* a policy says no: order, drift, gate, limit */
	ERR_UNAVAILABLE, /* busy, locked, unreachable, too slow: time can heal it */
	ERR_DB,          /* the database answered with an error; `native` holds its code */
	ERR_LOST,        /* the connection broke while the outcome was open */
};

/*
 * An error on the caller's stack; nothing is allocated to report one. Untouched on success.
 * `msg` is one line: the problem first, in lower case, the subject quoted, no secret, no full stop.
 */
struct err {
	enum err_code code;
	int sys;
	char native[16];
	char msg[480];
};

/*
 * Fill `e` (may be NULL) and return -1, so that a failure is `return err_set(e, ERR_X, "...");`.
 * A message too long for `msg` is cut at a character's end and closes with "...".
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/* The same with errno: sets ERR_SYS (ERR_NOMEM for ENOMEM) and appends ": " and its text. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Put "fmt: " before the message that is there; code and native stay. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Keep the foreign library's own code, such as an SQLSTATE; at most 15 bytes are kept. */
void err_native(struct err *e, const char *native);

/* The code's stable name for logs and JSON, such as "not_found". Never NULL. */
const char *err_code_name(enum err_code code);

/* Whether trying again later, with nothing changed by a person, can succeed. */
int err_is_transient(const struct err *e);

/* Calls whose failure changes nothing: IGNORE(f()) with the reason beside it. */
#define IGNORE(call)                                                                               \
	do {                                                                                       \
		if (call) { /* the reason stands at the call */                                    \
		}                                                                                  \
	} while (0)

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
