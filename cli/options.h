/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The command line: options in any place, operands between them, `--` ends the options. Options are
 * rows of tables; the help texts are written from the same rows. `--name VALUE`, `--name=VALUE`,
 * `-n VALUE` and `-nVALUE` are the same. What may be given once and is given twice is an error.
 */
enum option_kind {
	OPTION_FLAG,
	OPTION_ONE,  /* takes a value */
	OPTION_MANY, /* takes a value, and may be repeated */
};

struct option {
	const char *name; /* "--since"; NULL ends a table */
	char letter;      /* "-c", or 0 */
	enum option_kind kind;
	const char *value; /* what the help calls the value */
	const char *help;
};

struct option_given {
	const struct option *option;
	struct str value;
};

struct options {
	struct option_given *given; /* in order */
	size_t n_given;
	struct str *operands; /* NUL-terminated, from the command line */
	size_t n_operands;
};

enum { OPTION_TABLES_MAX = 8 };
/* The tables that count now. */
struct option_tables {
	const struct option *tables[OPTION_TABLES_MAX];
	size_t n;
};

/*
 * Where the first operand from `from` on is, or argc when there is none. Options that no table has
 * count as flags.
 */
int options_first_operand(const struct option_tables *tables, int argc, char *const *argv,
			  int from);

/*
 * Read argv[1..]; arguments that are NULL (taken by the caller) are skipped. ERR_INPUT for an
 * unknown option (with the nearest that exists), a missing or superfluous value, a repetition.
 * Values and operands point into argv.
 */
int options_parse(struct options *out, const struct option_tables *tables, int argc,
		  char *const *argv, struct arena *arena, struct err *e) MUST_CHECK;

/* Whether it was given. */
int option_has(const struct options *o, const char *name);
/* Its value, or absent. */
struct str option_value(const struct options *o, const char *name);
/* The values of an option that may be repeated, one by one: start with `*at` 0. */
int option_next(struct str *value, const struct options *o, const char *name, size_t *at);

/* As a number, time (clock_parse) or duration; `*out` keeps its default when the option was not
 * given. ERR_INPUT names the option. */
int option_number(int64_t *out, const struct options *o, const char *name, int64_t min, int64_t max,
		  struct err *e) MUST_CHECK;
int option_time(int64_t *out, const struct options *o, const char *name, struct err *e) MUST_CHECK;
int option_duration(int64_t *out_ms, const struct options *o, const char *name,
		    struct err *e) MUST_CHECK;

/*
 * The one of `n` names that is nearest to `word` when it is near enough to be a slip of the
 * fingers, or NULL. Names may be NULL.
 */
const char *options_nearest(struct str word, const char *const *names, size_t n);

#endif
