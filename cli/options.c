/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option parser: tables in, values and operands out. It knows no command; numbers and times are
 * read by base/num.h and base/clock.h.
 */
#include "cli/options.h"

#include "base/clock.h"
#include "base/num.h"

#include <string.h>

static const struct option *find_long(const struct option_tables *tables, struct str name)
{
	for (size_t t = 0; t < tables->n; t++) {
		for (const struct option *o = tables->tables[t]; o->name != NULL; o++) {
			if (str_eq_cstr(name, o->name))
				return o;
		}
	}
	return NULL;
}

static const struct option *find_letter(const struct option_tables *tables, char letter)
{
	for (size_t t = 0; t < tables->n; t++) {
		for (const struct option *o = tables->tables[t]; o->name != NULL; o++) {
			if (o->letter != '\0' && o->letter == letter)
				return o;
		}
	}
	return NULL;
}

/* An option as it stands in one argument: "--name", "--name=value", "-n", "-nvalue". */
struct argument {
	const struct option *option; /* NULL: no table has it */
	struct str name;
	struct str value; /* absent: none within the argument */
};

static int is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

static struct argument read_argument(const struct option_tables *tables, const char *arg)
{
	const struct str text = str_of(arg);
	struct argument a = { NULL, text, STR_NULL };

	if (arg[1] == '-') {
		const size_t equals = str_find(text, '=');

		a.name = str_first(text, equals);
		if (equals < text.n)
			a.value = str_from(text, equals + 1);
		a.option = find_long(tables, a.name);
		return a;
	}
	a.name = str_first(text, 2);
	if (text.n > 2)
		a.value = str_from(text, 2);
	a.option = find_letter(tables, arg[1]);
	return a;
}

int options_first_operand(const struct option_tables *tables, int argc, char *const *argv, int from)
{
	for (int i = from; i < argc; i++) {
		struct argument a;

		if (argv[i] == NULL)
			continue;
		if (!is_option(argv[i]))
			return i;
		if (strcmp(argv[i], "--") == 0)
			return argc;
		a = read_argument(tables, argv[i]);
		if (a.option != NULL && a.option->kind != OPTION_FLAG && a.value.p == NULL)
			i++;
	}
	return argc;
}

static int unknown_option(const struct option_tables *tables, struct str name, struct err *e)
{
	const char *names[OPTION_TABLES_MAX * 32];
	size_t n = 0;
	const char *near;

	for (size_t t = 0; t < tables->n; t++) {
		for (const struct option *o = tables->tables[t]; o->name != NULL; o++) {
			if (n < sizeof(names) / sizeof(names[0]))
				names[n++] = o->name;
		}
	}
	near = options_nearest(name, names, n);
	if (near == NULL)
		return err_set(e, ERR_INPUT, "unknown option '%.*s'", STR_ARG(name));
	return err_set(e, ERR_INPUT, "unknown option '%.*s'; did you mean '%s'?", STR_ARG(name),
		       near);
}

static int add_given(struct options *out, const struct option *option, struct str value,
		     struct err *e)
{
	if (option->kind == OPTION_ONE && option_has(out, option->name))
		return err_set(e, ERR_INPUT, "option '%s' is given twice", option->name);
	out->given[out->n_given++] = (struct option_given){ option, value };
	return 0;
}

/* Take the option at *i, and the argument behind it when that is its value. */
static int take_option(struct options *out, const struct option_tables *tables, int *i, int argc,
		       char *const *argv, struct err *e)
{
	struct argument a = read_argument(tables, argv[*i]);

	if (a.option == NULL)
		return unknown_option(tables, a.name, e);
	if (a.option->kind == OPTION_FLAG) {
		if (a.value.p != NULL)
			return err_set(e, ERR_INPUT, "option '%.*s' takes no value",
				       STR_ARG(a.name));
		return add_given(out, a.option, STR_NULL, e);
	}
	if (a.value.p == NULL) {
		const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;

		/* "--since --state failed" is a value forgotten, not a value with dashes */
		if (next == NULL || strncmp(next, "--", 2) == 0)
			return err_set(e, ERR_INPUT,
				       "option '%.*s' needs a value (%s); one that begins with "
				       "dashes is written '%s=%s'",
				       STR_ARG(a.name), a.option->value, a.option->name,
				       a.option->value);
		a.value = str_of(next);
		(*i)++;
	}
	return add_given(out, a.option, a.value, e);
}

int options_parse(struct options *out, const struct option_tables *tables, int argc,
		  char *const *argv, struct arena *arena, struct err *e)
{
	const size_t max = argc > 0 ? (size_t)argc : 1;
	struct options o = { 0 };
	int only_operands = 0;

	o.given = arena_array(arena, max, sizeof(*o.given));
	o.operands = arena_array(arena, max, sizeof(*o.operands));
	if (o.given == NULL || o.operands == NULL)
		return arena_err(arena, e);
	for (int i = 1; i < argc; i++) {
		if (argv[i] == NULL)
			continue;
		if (only_operands || !is_option(argv[i]))
			o.operands[o.n_operands++] = str_of(argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			only_operands = 1;
		else if (take_option(&o, tables, &i, argc, argv, e) != 0)
			return -1;
	}
	*out = o;
	return 0;
}

static const struct option_given *find_given(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_given; i++) {
		if (strcmp(o->given[i].option->name, name) == 0)
			return &o->given[i];
	}
	return NULL;
}

int option_has(const struct options *o, const char *name)
{
	return find_given(o, name) != NULL;
}

struct str option_value(const struct options *o, const char *name)
{
	const struct option_given *given = find_given(o, name);

	return given != NULL ? given->value : STR_NULL;
}

int option_next(struct str *value, const struct options *o, const char *name, size_t *at)
{
	while (*at < o->n_given) {
		const struct option_given *given = &o->given[(*at)++];

		if (strcmp(given->option->name, name) == 0) {
			*value = given->value;
			return 1;
		}
	}
	return 0;
}

int option_number(int64_t *out, const struct options *o, const char *name, int64_t min, int64_t max,
		  struct err *e)
{
	const struct str text = option_value(o, name);

	if (text.p != NULL && num_parse_i64(out, text, min, max) != 0)
		return err_set(e, ERR_INPUT, "'%s %.*s': expected a number from %lld to %lld", name,
			       STR_ARG(text), (long long)min, (long long)max);
	return 0;
}

int option_time(int64_t *out, const struct options *o, const char *name, struct err *e)
{
	const struct str text = option_value(o, name);

	if (text.p != NULL && clock_parse(out, text, clock_unix_ms(), e) != 0)
		return err_wrap(e, "%s", name);
	return 0;
}

int option_duration(int64_t *out_ms, const struct options *o, const char *name, struct err *e)
{
	const struct str text = option_value(o, name);

	if (text.p != NULL && clock_parse_duration(out_ms, text, e) != 0)
		return err_wrap(e, "%s", name);
	return 0;
}

enum { NEAR_MAX = 32 }; /* longer words are not compared */

static size_t least(size_t a, size_t b, size_t c)
{
	const size_t d = a < b ? a : b;

	return d < c ? d : c;
}

/* Edit distance with neighbours swapped counting once (Damerau's, restricted). */
static size_t distance(struct str a, struct str b)
{
	size_t d[NEAR_MAX + 1][NEAR_MAX + 1];

	for (size_t i = 0; i <= a.n; i++) {
		for (size_t j = 0; j <= b.n; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
					d[i - 1][j - 1] + (a.p[i - 1] != b.p[j - 1]));
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
		}
	}
	return d[a.n][b.n];
}

const char *options_nearest(struct str word, const char *const *names, size_t n)
{
	size_t best = 0;
	const char *found = NULL;

	if (word.n == 0 || word.n > NEAR_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const struct str name = str_of(names[i]);
		size_t far;

		if (name.p == NULL || name.n > NEAR_MAX)
			continue;
		/* a beginning of one is near: "deliv", "rollout" */
		far = word.n >= 3 && (str_starts(name, word) || str_starts(word, name))
			  ? 1
			  : distance(word, name);
		if (far <= 1 + word.n / 4 && (found == NULL || far < best)) {
			best = far;
			found = names[i];
		}
	}
	return found;
}
