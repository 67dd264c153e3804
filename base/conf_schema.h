/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CONF_SCHEMA_H
#define BASE_CONF_SCHEMA_H

#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What the files of the conf module share: the tables that describe the configuration file, and how
 * an error gets its place. Of no use outside base/conf*.c.
 */
enum conf_type {
	CONF_TEXT,        /* struct str */
	CONF_INT,         /* int64_t */
	CONF_BOOL,        /* int */
	CONF_DURATION,    /* int64_t, milliseconds */
	CONF_SIZE,        /* int64_t, bytes */
	CONF_ENUM,        /* an enum that counts from 0 in the order of `names` */
	CONF_SECRET,      /* struct conf_secret * */
	CONF_SECRET_FILE, /* struct conf_secret *, {file: PATH} only */
	CONF_TEXTS,       /* struct conf_list of struct str */
	CONF_SECRETS,     /* struct conf_list of struct conf_secret */
	CONF_LABELS,      /* struct conf_list of struct conf_label: a map of text to text */
	CONF_MAPPING,     /* the struct of `sub`, in place */
	CONF_POINTER,     /* a pointer to the struct of `sub`, NULL when absent */
	CONF_LIST,        /* struct conf_list of the struct of `sub` */
	CONF_LATER,       /* a known key that this version does not act on: refused */
};

struct conf_schema;

struct conf_key {
	const char *name;
	enum conf_type type;
	int required;
	size_t offset;        /* of the member */
	const char *fallback; /* the default, as it would be written; NULL: none */
	int64_t min, max;     /* CONF_INT, CONF_DURATION, CONF_SIZE */
	const char *const *names;
	const struct conf_schema *sub;
};

struct conf_schema {
	const char *what; /* "an environment" */
	size_t size;
	size_t line; /* offset of the member `line`, or CONF_NO_LINE */
	const struct conf_key *keys;
	size_t n;
};

#define CONF_NO_LINE ((size_t)-1)
/* How deep tables lie in each other. */
enum { CONF_DEPTH = 4 };

extern const struct conf_schema conf_schema;

/* ERR_INPUT with "FILE:LINE:COLUMN: " before the text. */
int conf_fail(const char *file, const struct yaml *at, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));
/* The same place before the message that is there, as ERR_INPUT. */
int conf_fail_wrap(const char *file, const struct yaml *at, struct err *e) __attribute__((cold));
/* The key that the writer of `name` may have meant; NULL when none is near. */
const char *conf_nearest(const struct conf_schema *schema, struct str name);

enum { CONF_NUMBER_TEXT = 32 };
/* "30s", "250ms", "0"; "25MiB", "1000": in the largest unit that is exact. Return `out`. */
const char *conf_format_duration(char out[CONF_NUMBER_TEXT], int64_t ms);
const char *conf_format_size(char out[CONF_NUMBER_TEXT], int64_t bytes);

/* References, ids, urls: what no table can say. `root` is the tree that `c` was read from. */
int conf_check(const struct conf *c, const struct yaml *root, const char *file,
	       struct err *e) MUST_CHECK;

/* The same of the gates: approvals, batches, windows. */
int conf_check_gates(const struct conf *c, const struct yaml *root, const char *file,
		     struct err *e) MUST_CHECK;
/* The same of one group, which stands at `node`. */
int conf_check_group(const struct conf *c, const struct conf_group *g, const struct yaml *node,
		     const char *file, struct err *e) MUST_CHECK;
/* Whether it can match names of databases. */
int conf_pattern_is_valid(struct str pattern);

/* Forms of urls and addresses; ERR_INPUT without a place, and never with the url in the message. */
int conf_url_check_instance(struct str url, struct err *e) MUST_CHECK;
int conf_url_check_clone(struct str url, struct err *e) MUST_CHECK;
int conf_url_check_store(struct str store, struct err *e) MUST_CHECK;
int conf_url_check_external(struct str url, struct err *e) MUST_CHECK;
int conf_url_check_api(struct str url, struct err *e) MUST_CHECK;
int conf_url_check_listen(struct str address, struct err *e) MUST_CHECK;
/* Whether the url, whatever its scheme, is one of a PostgreSQL server. */
int conf_url_is_postgres(struct str url);

/* Free what conf_load_secrets has read. */
void conf_secrets_free(struct conf *c);

#endif
