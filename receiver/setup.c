/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the rooms above base/ can use what the configuration says. It changes and opens nothing.
 */

#include "receiver/setup.h"

#include "base/buf.h"
#include "receiver/provider_api.h"
#include "release/release.h"
#include "vcs/glob.h"
#include "vcs/provider.h"
#include "vcs/repo.h"

enum { NAMES_MAX = 1024 };

static int unknown_provider(const struct conf_repository *r, struct err *e)
{
	AUTO(buf) struct buf all;
	buf_init(&all, NAMES_MAX);
	for (const struct provider *const *p = provider_all(); *p != NULL; p++)
		buf_addf(&all, "%s%s", p != provider_all() ? ", " : "", (*p)->name);
	if (buf_check(&all, e) != 0)
		return -1;
	return err_set(e, ERR_INPUT, "unknown provider '%.*s' (expected one of: %.*s)",
		       STR_ARG(r->provider), STR_ARG(buf_str(&all)));
}

static int check_repository(const struct conf_repository *r, struct err *e)
{
	AUTO(glob) struct glob *glob = NULL;
	if (provider_find(r->provider) == NULL)
		return unknown_provider(r, e);
	if (repo_url_check(r->clone_url, e) != 0)
		return err_wrap(e, "clone_url");
	if (!branch_is_valid(r->branch))
		return err_set(e, ERR_INPUT,
			       "'%.*s' is no name of a branch (expected it bare: main)",
			       STR_ARG(r->branch));
	if (glob_compile(&glob, r->file_pattern, e) != 0)
		return err_wrap(e, "file_pattern");
	return provider_api_check(r, e);
}

int setup_check(const struct conf *conf, struct err *e)
{
	const struct conf_repository *repositories = conf->repositories.items;
	const struct conf_project *projects = conf->projects.items;
	for (size_t i = 0; i < conf->repositories.n; i++) {
		if (check_repository(&repositories[i], e) != 0)
			return err_wrap(e, "%.*s:%d: repository '%.*s'", STR_ARG(conf->path),
					repositories[i].line, STR_ARG(repositories[i].id));
	}
	for (size_t i = 0; i < conf->projects.n; i++) {
		if (release_template_check(projects[i].release_id_template, e) != 0)
			return err_wrap(e, "%.*s:%d: project '%.*s': release_id_template",
					STR_ARG(conf->path), projects[i].line,
					STR_ARG(projects[i].id));
	}
	return 0;
}
