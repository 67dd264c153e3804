/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a configuration that has been read: by id, by target. */

#include "base/conf.h"

static int is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int conf_id_is_valid(struct str id)
{
	if (id.n == 0 || id.n > 63 || !is_lower(id.p[0]) || id.p[id.n - 1] == '-')
		return 0;
	for (size_t i = 0; i < id.n; i++) {
		if (!is_lower(id.p[i]) && !is_digit(id.p[i]) && id.p[i] != '-')
			return 0;
	}
	return 1;
}

int conf_database_is_valid(struct str name)
{
	if (name.n == 0 || name.n > 63 || name.p[0] == '.' || name.p[0] == '-')
		return 0;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!is_lower(c) && !is_digit(c) && !(c >= 'A' && c <= 'Z') && c != '_' &&
		    c != '.' && c != '-')
			return 0;
	}
	return 1;
}

const struct conf_environment *conf_environment(const struct conf *c, struct str id)
{
	int at = conf_environment_position(c, id);
	return at >= 0 ? (const struct conf_environment *)c->environments.items + at : NULL;
}

int conf_environment_position(const struct conf *c, struct str id)
{
	const struct conf_environment *items = c->environments.items;
	for (size_t i = 0; i < c->environments.n; i++) {
		if (str_eq(items[i].id, id))
			return (int)i;
	}
	return -1;
}

const struct conf_instance *conf_instance(const struct conf *c, struct str id)
{
	const struct conf_instance *items = c->instances.items;
	for (size_t i = 0; i < c->instances.n; i++) {
		if (str_eq(items[i].id, id))
			return &items[i];
	}
	return NULL;
}

const struct conf_project *conf_project(const struct conf *c, struct str id)
{
	const struct conf_project *items = c->projects.items;
	for (size_t i = 0; i < c->projects.n; i++) {
		if (str_eq(items[i].id, id))
			return &items[i];
	}
	return NULL;
}

const struct conf_repository *conf_repository(const struct conf *c, struct str id)
{
	const struct conf_repository *items = c->repositories.items;
	for (size_t i = 0; i < c->repositories.n; i++) {
		if (str_eq(items[i].id, id))
			return &items[i];
	}
	return NULL;
}

/* The last '*' alone is gone back to: O(pattern x name). */
int conf_pattern_matches(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = pattern.n, star_n = 0;
	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			star_n = n;
		} else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == name.p[n])) {
			p++;
			n++;
		} else if (star < pattern.n) {
			p = star + 1;
			n = ++star_n;
		} else {
			return 0;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

int conf_instance_lists(const struct conf_instance *in, struct str database)
{
	const struct str *patterns = in->databases.items;
	for (size_t i = 0; i < in->databases.n; i++) {
		if (conf_pattern_matches(patterns[i], database))
			return 1;
	}
	return in->databases.n == 0;
}

int conf_instance_names(const struct conf_instance *in, struct str database)
{
	const struct str *patterns = in->databases.items;
	for (size_t i = 0; i < in->databases.n; i++) {
		if (str_eq(patterns[i], database))
			return 1;
	}
	return 0;
}

/* Take the fixed `word` off the beginning. */
static int take(struct str *rest, struct str word)
{
	if (!str_starts(*rest, word))
		return 0;
	*rest = str_from(*rest, word.n);
	return 1;
}

static int split_target(struct str *instance, struct str *database, struct str target,
			struct err *e)
{
	struct str rest = target;
	int good = take(&rest, STR("instances/"));
	*instance = str_first(rest, str_find(rest, '/'));
	rest = str_from(rest, instance->n);
	good = good && take(&rest, STR("/databases/"));
	*database = rest;
	if (!good || !conf_id_is_valid(*instance) || !conf_database_is_valid(*database))
		return err_set(e, ERR_INPUT,
			       "malformed target '%.*s' (expected "
			       "instances/INSTANCE/databases/DATABASE)",
			       STR_ARG(str_first(target, 160)));
	return 0;
}

int conf_target(const struct conf_instance **instance, struct str *database, const struct conf *c,
		struct str target, struct err *e)
{
	struct str id, name;
	if (split_target(&id, &name, target, e) != 0)
		return -1;
	const struct conf_instance *found = conf_instance(c, id);
	if (found == NULL)
		return err_set(e, ERR_NOTFOUND,
			       "there is no instance '%.*s' (expected an id under 'instances')",
			       STR_ARG(id));
	if (!conf_instance_lists(found, name))
		return err_set(e, ERR_NOTFOUND,
			       "instance '%.*s' does not list the database '%.*s' (expected a name "
			       "or pattern under its 'databases')",
			       STR_ARG(id), STR_ARG(name));
	*instance = found;
	*database = name;
	return 0;
}
