/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the secrets that the configuration names, and forgets them. */

#include "base/conf_schema.h"

#include <errno.h>
#include <unistd.h>

struct loader {
	const struct conf *c;
	struct err *e;
};

/* "FILE:LINE: token of repository 'app': ..." */
static int fail(struct loader *l, const struct conf_secret *s, const char *what, struct str id)
{
	return err_wrap(l->e, "%.*s:%d: %s '%.*s'", STR_ARG(l->c->path), s->line, what,
			STR_ARG(id));
}

static int load(struct loader *l, struct conf_secret *s, const char *what, struct str id)
{
	struct secret *value = NULL;
	if (s == NULL)
		return 0;
	/* Texts of a configuration are NUL-terminated and hold no NUL. */
	int rc = s->env.p != NULL ? secret_from_env(&value, s->env.p, l->e)
				  : secret_from_file(&value, s->file.p, l->e);
	if (rc != 0)
		return fail(l, s, what, id);
	secret_free(s->value);
	s->value = value;
	return 0;
}

static int check_key(struct loader *l, const struct conf_secret *s, struct str id)
{
	if (s == NULL || access(s->file.p, R_OK) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		(void)err_set(l->e, ERR_NOTFOUND, "there is no file '%s'", s->file.p);
	else
		(void)err_sys(l->e, errno, "cannot read '%s'", s->file.p);
	return fail(l, s, "ssh key of repository", id);
}

static int load_repository(struct loader *l, struct conf_repository *r)
{
	struct conf_secret *secrets = r->secrets.items;
	for (size_t i = 0; i < r->secrets.n; i++) {
		if (load(l, &secrets[i], "webhook secret of repository", r->id) != 0)
			return -1;
	}
	if (r->api != NULL && load(l, r->api->token, "API token of repository", r->id) != 0)
		return -1;
	if (r->credentials == NULL)
		return 0;
	if (load(l, r->credentials->token, "token of repository", r->id) != 0)
		return -1;
	return check_key(l, r->credentials->ssh_key, r->id);
}

int conf_load_secrets(struct conf *c, struct err *e)
{
	struct loader l = { c, e };
	struct conf_instance *instances = c->instances.items;
	struct conf_repository *repositories = c->repositories.items;
	for (size_t i = 0; i < c->instances.n; i++) {
		if (load(&l, instances[i].password, "password of instance", instances[i].id) != 0)
			return -1;
	}
	for (size_t i = 0; i < c->repositories.n; i++) {
		if (load_repository(&l, &repositories[i]) != 0)
			return -1;
	}
	return 0;
}

static void forget(struct conf_secret *s)
{
	if (s == NULL)
		return;
	secret_free(s->value);
	s->value = NULL;
}

void conf_secrets_free(struct conf *c)
{
	struct conf_instance *instances = c->instances.items;
	struct conf_repository *repositories = c->repositories.items;
	for (size_t i = 0; i < c->instances.n; i++)
		forget(instances[i].password);
	for (size_t i = 0; i < c->repositories.n; i++) {
		struct conf_secret *secrets = repositories[i].secrets.items;
		for (size_t j = 0; j < repositories[i].secrets.n; j++)
			forget(&secrets[j]);
		if (repositories[i].credentials != NULL)
			forget(repositories[i].credentials->token);
		if (repositories[i].api != NULL)
			forget(repositories[i].api->token);
	}
}
