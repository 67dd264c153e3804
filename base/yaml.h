/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/*
 * YAML as a tree that knows where each value stands, for messages such as
 * "tidegate.yaml:12:5: ...". Refused: more than one document, anchors and aliases, tags, merge
 * keys, a key twice in one mapping, a key that is no scalar, nesting deeper than YAML_DEPTH.
 */
enum { YAML_DEPTH = 32, YAML_MAX = 1024 * 1024 /* bytes of a text: a configuration by hand */ };

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml {
	enum yaml_kind kind;
	int plain;        /* a scalar without quotes: null, true and numbers are only these */
	int line, column; /* of the value, from 1 */
	int key_line, key_column;
	struct str key;     /* in a mapping; else absent */
	struct str text;    /* of a scalar */
	struct yaml *child; /* first element or member */
	struct yaml *next;
};

/* Parse all of `text`; `file` stands in messages only. Nodes live in `arena`. An empty document
 * gives an empty mapping. ERR_INPUT with "file:line:column: problem"; ERR_LIMIT over YAML_MAX. */
int yaml_parse(struct yaml **out, struct str text, const char *file, struct arena *arena,
	       struct err *e) MUST_CHECK;

/* A member of a mapping, or NULL. */
const struct yaml *yaml_get(const struct yaml *mapping, const char *key);

#endif
