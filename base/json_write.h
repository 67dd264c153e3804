/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>

/*
 * JSON text, member by member, into a buf (whose sticky failure is the writer's). `key` is NULL in
 * an array and at the top. Strings that are not UTF-8 have their bad bytes replaced by U+FFFD.
 */
struct json_writer {
	struct buf *out;
	int depth;
	int first;  /* no member written yet at this level */
	int indent; /* blanks per level; 0 writes one line */
};

void jw_init(struct json_writer *w, struct buf *out, int indent);
void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end_object(struct json_writer *w);
void jw_end_array(struct json_writer *w);
/* An absent string is written as null. */
void jw_str(struct json_writer *w, const char *key, struct str value);
void jw_text(struct json_writer *w, const char *key, const char *value);
void jw_int(struct json_writer *w, const char *key, int64_t value);
void jw_bool(struct json_writer *w, const char *key, int value);
void jw_null(struct json_writer *w, const char *key);
/* RFC 3339 in UTC; 0 is written as null. */
void jw_time(struct json_writer *w, const char *key, int64_t unix_ms);

#endif
