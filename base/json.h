/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/*
 * Strict JSON (RFC 8259) for input that an attacker may have written. Refused with ERR_INPUT and
 * "line L, column C: ...": anything after the document, ill-formed UTF-8, a byte order mark, raw
 * control characters, lone surrogates, "\u0000", a key twice in one object (but for the same true,
 * false or null), numbers off the grammar, nesting deeper than JSON_DEPTH. Numbers are kept as they
 * were written, so 64-bit ids stay exact.
 */
enum { JSON_DEPTH = 64 };

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_kind kind;
	struct str key; /* in an object; else absent */
	struct str
	    text; /* JSON_STRING: decoded; JSON_NUMBER: as written. In the arena or the input */
	struct json *child; /* first element or member */
	struct json *next;  /* next element or member */
};

/* Parse all of `text`. The nodes live in `arena` and may point into `text`: both must stay. */
int json_parse(struct json **out, struct str text, struct arena *arena, struct err *e) MUST_CHECK;

/*
 * Look-ups take NULL and the wrong kind for "absent", so that a chain of them needs one test. Keys
 * compare with case.
 */
/* A member of an object, or NULL. */
const struct json *json_get(const struct json *object, const char *key);
/* Down a path of keys parted by '.': json_at(root, "pull_request.base.ref"). */
const struct json *json_at(const struct json *object, const char *path);
/* The element at `index` of an array, or NULL. */
const struct json *json_item(const struct json *array, size_t index);

/* The string, or absent when `j` is no string. */
struct str json_str(const struct json *j);
/* A string or a number as text (ids are sent as either), or absent. */
struct str json_id(const struct json *j);
/* 1 for true, 0 for false, -1 when `j` is neither. */
int json_bool(const struct json *j);
/* An integer literal within int64 (no fraction, no exponent); -1 and untouched otherwise. */
int json_int(int64_t *out, const struct json *j) MUST_CHECK;

#endif
