/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short and full names on the command line. A wrong one is answered with those that would do.
 */
#include "cli/names.h"

#include "base/num.h"

#include <string.h>

/* `text` without "prefix/". */
static struct str bare(struct str text, struct str prefix)
{
	return str_starts(text, prefix) ? str_from(text, prefix.n) : text;
}

/* The ids of a list, for messages; they fit or are cut. The id is at `offset` of each element. */
static const char *ids(char out[200], const struct conf_list *list, size_t size, size_t offset)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->n && used < 150; i++) {
		struct str id;
		int n;

		memcpy(&id, (const char *)list->items + i * size + offset, sizeof(id));
		n = snprintf(out + used, 200 - used, "%s%.*s", i > 0 ? ", " : "", STR_ARG(id));
		used += n > 0 ? (size_t)n : 0;
	}
	if (out[0] == '\0')
		(void)snprintf(out, 200, "none");
	return out;
}

int names_project(struct str *out, const struct conf *conf, struct str given, struct err *e)
{
	const struct str id = bare(given, STR("projects/"));
	char there[200];

	if (given.p != NULL && conf_project(conf, id) == NULL)
		return err_set(e, ERR_INPUT, "there is no project '%.*s' (configured: %s)",
			       STR_ARG(id),
			       ids(there, &conf->projects, sizeof(struct conf_project),
				   offsetof(struct conf_project, id)));
	*out = given.p != NULL ? id : STR_NULL;
	return 0;
}

/* The project of a short name: the one that is given, else the only one. */
static int meant_project(struct str *out, const struct conf *conf, struct str text,
			 struct str project, struct err *e)
{
	const struct conf_project *first = conf->projects.items;
	struct str id = STR_NULL;
	char there[200];

	if (names_project(&id, conf, project, e) != 0)
		return -1;
	if (id.p == NULL && conf->projects.n != 1)
		return err_set(e, ERR_INPUT,
			       "'%.*s' can be of more than one project; add --project (one of %s), "
			       "or write the full name",
			       STR_ARG(text),
			       ids(there, &conf->projects, sizeof(struct conf_project),
				   offsetof(struct conf_project, id)));
	*out = id.p != NULL ? id : first->id;
	return 0;
}

int names_plan(struct name *out, const struct conf *conf, struct str text, struct str project,
	       struct err *e)
{
	struct name name = { .kind = NAME_PLAN };

	if (num_parse_i64(&name.plan, text, 1, INT64_MAX) == 0) {
		if (meant_project(&name.project, conf, text, project, e) != 0)
			return -1;
		*out = name;
		return 0;
	}
	if (name_parse(&name, text, e) != 0)
		return -1;
	if (name.kind == NAME_RELEASE)
		return err_set(e, ERR_INPUT,
			       "'%.*s' names a release (expected projects/P/plans/N, "
			       "projects/P/plans/N/rollout or N)",
			       STR_ARG(text));
	*out = name;
	return 0;
}

int names_release(struct name *out, const struct conf *conf, struct str text, struct str project,
		  struct err *e)
{
	struct name name = { .kind = NAME_RELEASE, .release = text };

	if (text.n == 0)
		return err_set(e, ERR_INPUT, "the name of the release is empty");
	if (str_find(text, '/') == text.n) {
		if (meant_project(&name.project, conf, text, project, e) != 0)
			return -1;
		*out = name;
		return 0;
	}
	if (name_parse(&name, text, e) != 0)
		return -1;
	if (name.kind != NAME_RELEASE)
		return err_set(e, ERR_INPUT,
			       "'%.*s' names no release (expected projects/P/releases/R or R)",
			       STR_ARG(text));
	*out = name;
	return 0;
}

int names_environment(struct str *out, const struct conf *conf, struct str given, struct err *e)
{
	const struct str id = bare(given, STR("environments/"));
	char there[200];

	if (given.p != NULL && conf_environment(conf, id) == NULL)
		return err_set(e, ERR_INPUT, "there is no environment '%.*s' (configured: %s)",
			       STR_ARG(id),
			       ids(there, &conf->environments, sizeof(struct conf_environment),
				   offsetof(struct conf_environment, id)));
	*out = given.p != NULL ? id : STR_NULL;
	return 0;
}

int names_repository(const struct conf_repository **out, const struct conf *conf, struct str given,
		     struct err *e)
{
	const struct str id = bare(given, STR("repositories/"));
	const struct conf_repository *found = conf_repository(conf, id);
	char there[200];

	if (found == NULL)
		return err_set(e, ERR_INPUT, "there is no repository '%.*s' (configured: %s)",
			       STR_ARG(id),
			       ids(there, &conf->repositories, sizeof(struct conf_repository),
				   offsetof(struct conf_repository, id)));
	*out = found;
	return 0;
}

int names_delivery(int64_t *out, struct str text, struct err *e)
{
	if (num_parse_i64(out, bare(text, STR("deliveries/")), 1, INT64_MAX) != 0)
		return err_set(e, ERR_INPUT, "'%.*s' is no delivery (expected its number)",
			       STR_ARG(text));
	return 0;
}
