/* SPDX-License-Identifier: Apache-2.0 */
/* Database groups: what their rules may say, and which databases they let through. */

#include "base/conf_schema.h"

enum { PATTERN_MAX = 63, TARGET_MAX = 160 };

/* ---- which databases ---- */

static int has_text(const struct conf_list *list, struct str s)
{
	const struct str *texts = list->items;
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(texts[i], s))
			return 1;
	}
	return 0;
}

static int has_match(const struct conf_list *patterns, struct str name)
{
	const struct str *texts = patterns->items;
	for (size_t i = 0; i < patterns->n; i++) {
		if (conf_pattern_matches(texts[i], name))
			return 1;
	}
	return 0;
}

static int has_label(const struct conf_list *labels, const struct conf_label *wanted)
{
	const struct conf_label *items = labels->items;
	for (size_t i = 0; i < labels->n; i++) {
		if (str_eq(items[i].key, wanted->key))
			return str_eq(items[i].value, wanted->value);
	}
	return 0;
}

int conf_group_has_instance(const struct conf_group *g, const struct conf_instance *in)
{
	const struct conf_label *wanted = g->labels.items;
	if (g->environments.n > 0 && !has_text(&g->environments, in->environment))
		return 0;
	if (g->instances.n > 0 && !has_match(&g->instances, in->id))
		return 0;
	for (size_t i = 0; i < g->labels.n; i++) {
		if (!has_label(&in->labels, &wanted[i]))
			return 0;
	}
	return 1;
}

/* Take the fixed `word` off the beginning. */
static int take(struct str *rest, struct str word)
{
	if (!str_starts(*rest, word))
		return 0;
	*rest = str_from(*rest, word.n);
	return 1;
}

/* A pattern with a '/' is one of whole targets: instances/I/databases/D. */
static int excludes(struct str pattern, const struct conf_instance *in, struct str database)
{
	struct str rest = pattern;
	if (!take(&rest, STR("instances/")))
		return conf_pattern_matches(pattern, database);
	struct str instance = str_first(rest, str_find(rest, '/'));
	rest = str_from(rest, instance.n);
	return take(&rest, STR("/databases/")) && conf_pattern_matches(instance, in->id) &&
	       conf_pattern_matches(rest, database);
}

int conf_group_has(const struct conf_group *g, const struct conf_instance *in, struct str database)
{
	const struct str *exclude = g->exclude.items;
	if (!conf_group_has_instance(g, in))
		return 0;
	if (g->databases.n > 0 && !has_match(&g->databases, database))
		return 0;
	for (size_t i = 0; i < g->exclude.n; i++) {
		if (excludes(exclude[i], in, database))
			return 0;
	}
	return 1;
}

/* ---- names ---- */

int conf_target_is_group(struct str target)
{
	return str_starts(target, STR("projects/"));
}

static int split_name(struct str *project, struct str *group, struct str name)
{
	struct str rest = name;
	if (!take(&rest, STR("projects/")))
		return 0;
	*project = str_first(rest, str_find(rest, '/'));
	rest = str_from(rest, project->n);
	if (!take(&rest, STR("/databaseGroups/")))
		return 0;
	*group = rest;
	return conf_id_is_valid(*project) && conf_id_is_valid(*group);
}

int conf_group(const struct conf_project **project, const struct conf_group **group,
	       const struct conf *c, struct str name, struct err *e)
{
	struct str project_id, id;
	if (!split_name(&project_id, &id, name))
		return err_set(e, ERR_INPUT,
			       "malformed database group '%.*s' (expected "
			       "projects/PROJECT/databaseGroups/GROUP)",
			       STR_ARG(str_first(name, TARGET_MAX)));
	const struct conf_project *p = conf_project(c, project_id);
	if (p == NULL)
		return err_set(e, ERR_NOTFOUND,
			       "there is no project '%.*s' (expected an id under 'projects')",
			       STR_ARG(project_id));
	const struct conf_group *groups = p->database_groups.items;
	for (size_t i = 0; i < p->database_groups.n; i++) {
		if (!str_eq(groups[i].id, id))
			continue;
		*project = p;
		*group = &groups[i];
		return 0;
	}
	return err_set(e, ERR_NOTFOUND,
		       "project '%.*s' has no database group '%.*s' (expected an id under its "
		       "'database_groups')",
		       STR_ARG(project_id), STR_ARG(id));
}

/* ---- what a rule may say ---- */

int conf_pattern_is_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '.' || c == '-' || c == '*' || c == '?'))
			return 0;
	}
	return s.n > 0 && s.n <= PATTERN_MAX && s.p[0] != '.' && s.p[0] != '-';
}

static int exclude_is_valid(struct str s)
{
	if (!take(&s, STR("instances/")))
		return conf_pattern_is_valid(s);
	struct str instance = str_first(s, str_find(s, '/'));
	s = str_from(s, instance.n);
	return conf_pattern_is_valid(instance) && take(&s, STR("/databases/")) &&
	       conf_pattern_is_valid(s);
}

/* The node of a key's value; the group's own when the file does not have it. */
static const struct yaml *value_at(const struct yaml *node, const char *key)
{
	const struct yaml *value = yaml_get(node, key);
	return value != NULL ? value : node;
}

static int check_patterns(const struct conf_list *list, const struct yaml *node,
			  int (*valid)(struct str s), const char *wanted, const char *file,
			  struct err *e)
{
	const struct str *texts = list->items;
	const struct yaml *item = node->child;
	for (size_t i = 0; i < list->n; i++, item = item->next) {
		if (!valid(texts[i]))
			return conf_fail(file, item, e, "malformed pattern (expected %s)", wanted);
	}
	return 0;
}

static int check_environments(const struct conf *c, const struct conf_group *g,
			      const struct yaml *node, const char *file, struct err *e)
{
	const struct str *ids = g->environments.items;
	const struct yaml *item = node->child;
	for (size_t i = 0; i < g->environments.n; i++, item = item->next) {
		if (conf_environment(c, ids[i]) == NULL)
			return conf_fail(file, item, e,
					 "there is no environment '%.*s' (expected an id under "
					 "'environments')",
					 STR_ARG(str_first(ids[i], TARGET_MAX)));
	}
	return 0;
}

int conf_check_group(const struct conf *c, const struct conf_group *g, const struct yaml *node,
		     const char *file, struct err *e)
{
	static const char names[] = "at most 63 of A-Z, a-z, 0-9, '_', '.', '-', with '*' and '?' "
				    "as wildcards";
	if (!conf_id_is_valid(g->id))
		return conf_fail(file, value_at(node, "id"), e,
				 "malformed id (expected at most 63 of a-z, 0-9 and '-', beginning "
				 "with a letter, not ending with '-')");
	if (check_environments(c, g, value_at(node, "environments"), file, e) != 0 ||
	    check_patterns(&g->instances, value_at(node, "instances"), conf_pattern_is_valid, names,
			   file, e) != 0 ||
	    check_patterns(&g->databases, value_at(node, "databases"), conf_pattern_is_valid, names,
			   file, e) != 0)
		return -1;
	return check_patterns(&g->exclude, value_at(node, "exclude"), exclude_is_valid,
			      "names of databases, or instances/INSTANCE/databases/DATABASE, with "
			      "'*' and '?' as wildcards",
			      file, e);
}
