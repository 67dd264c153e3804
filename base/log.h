/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

#include <stdint.h>

/*
 * Log lines of the programs, in logfmt: `time=... level=info msg="..." delivery=17`. Libraries
 * (base, db, vcs, release) return errors instead. One line is one write(2), so lines of threads do
 * not mix.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
	int fd;               /* where lines go; -1 drops them */
	enum log_level level; /* the lowest that is written */
};

/* One key and its value. Made by the macros below; the last one of a list has key NULL. */
struct log_field {
	const char *key;
	int is_text;
	struct str text; /* absent: the field is left out */
	int64_t number;
};

#define LOG_STR(k, v) ((struct log_field){ .key = (k), .is_text = 1, .text = (v) })
#define LOG_TEXT(k, v) ((struct log_field){ .key = (k), .is_text = 1, .text = str_of(v) })
#define LOG_INT(k, v) ((struct log_field){ .key = (k), .number = (int64_t)(v) })

/* Values that hold blanks, quotes, '=' or control bytes are quoted and escaped; a value is cut
 * after 2,000 bytes. Use through log_line. */
void log_write(const struct log *log, enum log_level level, const char *msg,
	       const struct log_field *fields);

/* log_line(log, LOG_INFO, "release made", LOG_STR("release", name), LOG_INT("files", n)); */
#define log_line(log, level, ...) log_line_(log, level, __VA_ARGS__, { .key = NULL })
#define log_line_(log, level, msg, ...)                                                            \
	log_write((log), (level), (msg), (const struct log_field[]){ __VA_ARGS__ })

#endif
