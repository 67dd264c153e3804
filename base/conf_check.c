/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables cannot say: ids and references, urls, templates. It walks the structs, and looks
 * into the tree only for the place of what is wrong. */

#include "base/conf_schema.h"
#include "base/keyset.h"
#include "base/zone.h"

enum {
	FULL_NAME_MAX = 512,
	BOT_MAX = 256,         /* logins are shorter */
	SOCKET_PATH_MAX = 107, /* sun_path, with its NUL (unix(7)) */
};

struct checker {
	const struct conf *c;
	const struct yaml *root;
	const char *file;
	struct err *e;
};

/* The node of the `i`th item of a list at the top. */
static const struct yaml *item_at(const struct checker *k, const char *list, size_t i)
{
	const struct yaml *node = yaml_get(k->root, list);
	if (node == NULL)
		return k->root;
	const struct yaml *item = node->child;
	while (item != NULL && i-- > 0)
		item = item->next;
	return item != NULL ? item : node;
}

/* The value of `key` in `item`, or the item where the file does not have it. */
static const struct yaml *value_at(const struct yaml *item, const char *key)
{
	const struct yaml *value = yaml_get(item, key);
	return value != NULL ? value : item;
}

/* A pattern of wildcards alone would take everybody out of the count. */
static int check_bots(struct checker *k)
{
	const struct str *patterns = k->c->bots.items;
	const struct yaml *node = value_at(k->root, "bots")->child;
	for (size_t i = 0; i < k->c->bots.n; i++, node = node->next) {
		size_t stars = 0;
		for (size_t j = 0; j < patterns[i].n; j++)
			stars += patterns[i].p[j] == '*';
		if (stars == patterns[i].n || patterns[i].n > BOT_MAX ||
		    str_has_control(patterns[i]))
			return conf_fail(k->file, node, k->e,
					 "malformed login (expected at most %d bytes, such as "
					 "renovate-bot or ci-*)",
					 BOT_MAX);
	}
	return 0;
}

static int check_top(struct checker *k)
{
	const struct conf *c = k->c;
	if (conf_url_check_listen(c->listen, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(k->root, "listen"), k->e);
	if (conf_url_check_store(c->store, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(k->root, "store"), k->e);
	if (c->external_url.p != NULL && conf_url_check_external(c->external_url, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(k->root, "external_url"), k->e);
	if (c->state_dir.p == NULL)
		return conf_fail(k->file, value_at(k->root, "store"), k->e,
				 "a store on a server needs a directory for the mirrors (expected "
				 "'state_dir')");
	if (yaml_get(k->root, "hook_socket") != NULL && c->hook_socket.n > SOCKET_PATH_MAX)
		return conf_fail(k->file, value_at(k->root, "hook_socket"), k->e,
				 "'hook_socket' is longer than a socket's path can be (expected at "
				 "most %d bytes)",
				 SOCKET_PATH_MAX);
	if (c->limits.max_inflight_bytes < c->limits.max_body_bytes)
		return conf_fail(k->file, value_at(value_at(k->root, "limits"), "max_inflight"),
				 k->e,
				 "'max_inflight' is smaller than 'max_body' (expected room for at "
				 "least one body)");
	if (c->environments.n == 0)
		return conf_fail(k->file, value_at(k->root, "environments"), k->e,
				 "there is no environment (expected at least one, such as "
				 "environments: [{id: prod}])");
	return c->bots.n > 0 ? check_bots(k) : 0;
}

struct id_list {
	const char *name;
	const struct conf_list *list;
	size_t size;
	size_t id; /* offset of the member */
};

static struct str id_of(const struct id_list *l, size_t i)
{
	const char *item = (const char *)l->list->items + i * l->size + l->id;
	return *(const struct str *)(const void *)item;
}

/* Well-formed and different ids in one list. */
static int check_id_list(struct checker *k, const struct id_list *l)
{
	AUTO(keyset) struct keyset keys;
	keyset_init(&keys);
	for (size_t i = 0; i < l->list->n; i++) {
		struct str id = id_of(l, i);
		if (!conf_id_is_valid(id))
			return conf_fail(k->file, value_at(item_at(k, l->name, i), "id"), k->e,
					 "malformed id (expected at most 63 of a-z, 0-9 and '-', "
					 "beginning with a letter, not ending with '-')");
		if (keyset_push(&keys, id, i) != 0)
			return err_set(k->e, ERR_NOMEM, "out of memory");
	}
	struct keyset_item twice;
	int found = keyset_close(&keys, 0, &twice);
	if (found < 0)
		return err_set(k->e, ERR_NOMEM, "out of memory");
	if (found > 0)
		return conf_fail(k->file, value_at(item_at(k, l->name, (size_t)twice.place), "id"),
				 k->e, "id '%.*s' stands twice under '%s' (expected different ids)",
				 STR_ARG(twice.key), l->name);
	return 0;
}

static int check_ids(struct checker *k)
{
	const struct conf *c = k->c;
	const struct id_list lists[] = {
		{ "environments", &c->environments, sizeof(struct conf_environment),
		  offsetof(struct conf_environment, id) },
		{ "instances", &c->instances, sizeof(struct conf_instance),
		  offsetof(struct conf_instance, id) },
		{ "projects", &c->projects, sizeof(struct conf_project),
		  offsetof(struct conf_project, id) },
		{ "repositories", &c->repositories, sizeof(struct conf_repository),
		  offsetof(struct conf_repository, id) },
	};
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		if (check_id_list(k, &lists[i]) != 0)
			return -1;
	}
	return 0;
}

/* Rules that exist, each at most once. */
static int check_rules(struct checker *k, size_t i)
{
	const struct conf_environment *env =
	    (const struct conf_environment *)k->c->environments.items + i;
	const struct conf_rule *rules = env->rules.items;
	const struct yaml *node = value_at(item_at(k, "environments", i), "rules")->child;
	int seen[RULES] = { 0 };
	for (size_t j = 0; j < env->rules.n; j++, node = node->next) {
		enum rule rule;
		if (rule_find(&rule, rules[j].id) != 0)
			return conf_fail(k->file, value_at(node, "id"), k->e,
					 "there is no rule '%.*s' (expected an id of `tidegate "
					 "check --list-rules`, such as require-where)",
					 STR_ARG(str_first(rules[j].id, 64)));
		if (seen[rule]++ > 0)
			return conf_fail(k->file, value_at(node, "id"), k->e,
					 "rule '%s' stands twice", rule_id(rule));
	}
	return 0;
}

static int check_instance(struct checker *k, size_t i)
{
	const struct conf_instance *in = (const struct conf_instance *)k->c->instances.items + i;
	const struct yaml *item = item_at(k, "instances", i);
	if (in->environment.p != NULL && conf_environment(k->c, in->environment) == NULL)
		return conf_fail(k->file, value_at(item, "environment"), k->e,
				 "there is no environment '%.*s' (expected an id under "
				 "'environments')",
				 STR_ARG(in->environment));
	if (conf_url_check_instance(in->url, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(item, "url"), k->e);
	if (in->password != NULL && str_starts(in->url, STR("sqlite:")))
		return conf_fail(k->file, value_at(item, "password"), k->e,
				 "a sqlite instance has no password (expected the key to be left "
				 "out)");
	const struct str *patterns = in->databases.items;
	const struct yaml *node = value_at(item, "databases")->child;
	for (size_t j = 0; j < in->databases.n; j++, node = node->next) {
		if (!conf_pattern_is_valid(patterns[j]))
			return conf_fail(k->file, node, k->e,
					 "malformed database name (expected at most 63 of A-Z, "
					 "a-z, 0-9, '_', '.', '-', with '*' and '?' as wildcards)");
	}
	return 0;
}

/* Its rules are those of the service whose releases these are: {iteration} at the end, and a time
 * in it; and beyond them, characters that can be part of a resource's name. */
static int template_is_valid(struct str t)
{
	static const char *const fields[] = { "{date}", "{time}", "{timestamp}" };
	int timed = 0;
	if (!str_ends(t, STR("{iteration}")))
		return 0;
	t = str_first(t, t.n - (sizeof "{iteration}" - 1));
	while (t.n > 0) {
		size_t n = 0;
		for (size_t i = 0; i < 3; i++) {
			if (str_starts(t, str_of(fields[i])))
				n = str_of(fields[i]).n;
		}
		timed |= n > 0;
		char c = t.p[0];
		if (n == 0 && !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
				(c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
			return 0;
		t = str_from(t, n > 0 ? n : 1);
	}
	return timed;
}

/* Well-formed and different ids, and what each group says. */
static int check_groups(struct checker *k, const struct conf_project *p, const struct yaml *item)
{
	const struct conf_group *groups = p->database_groups.items;
	const struct yaml *node = value_at(item, "database_groups")->child;
	for (size_t i = 0; i < p->database_groups.n; i++, node = node->next) {
		if (conf_check_group(k->c, &groups[i], node, k->file, k->e) != 0)
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (str_eq(groups[j].id, groups[i].id))
				return conf_fail(k->file, value_at(node, "id"), k->e,
						 "id '%.*s' stands twice under 'database_groups' "
						 "(expected different ids)",
						 STR_ARG(groups[i].id));
		}
	}
	return 0;
}

static int check_project(struct checker *k, size_t i)
{
	const struct conf_project *p = (const struct conf_project *)k->c->projects.items + i;
	const struct yaml *item = item_at(k, "projects", i);
	AUTO(zone) struct zone *zone = NULL;
	if (!template_is_valid(p->release_id_template))
		return conf_fail(k->file, value_at(item, "release_id_template"), k->e,
				 "malformed 'release_id_template' (expected letters, digits, '_', "
				 "'.', '-' and at least one of {date}, {time}, {timestamp}, with "
				 "{iteration} at the end)");
	if (zone_open(&zone, p->release_id_timezone.p, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(item, "release_id_timezone"), k->e);
	return check_groups(k, p, item);
}

static int is_provider(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '-'))
			return 0;
	}
	return s.n > 0;
}

/* A group stands alone, and is of the repository's own project. */
static int check_group_target(struct checker *k, const struct conf_repository *r,
			      const struct yaml *node)
{
	const struct conf_project *project;
	const struct conf_group *group;
	const struct str *target = r->targets.items;
	if (r->targets.n > 1)
		return conf_fail(
		    k->file, node, k->e,
		    "a database group stands beside other targets (expected either "
		    "databases, or exactly one projects/PROJECT/databaseGroups/GROUP)");
	if (conf_group(&project, &group, k->c, *target, k->e) != 0)
		return conf_fail_wrap(k->file, node, k->e);
	if (!str_eq(project->id, r->project))
		return conf_fail(k->file, node, k->e,
				 "database group '%.*s' is of another project (expected one of "
				 "project '%.*s')",
				 STR_ARG(str_first(*target, 160)), STR_ARG(r->project));
	return 0;
}

static int check_target(struct checker *k, const struct conf_repository *r, struct str target,
			const struct yaml *node)
{
	const struct conf_instance *instance;
	struct str database;
	if (conf_target_is_group(target))
		return check_group_target(k, r, node);
	if (conf_target(&instance, &database, k->c, target, k->e) != 0)
		return conf_fail_wrap(k->file, node, k->e);
	if (instance->environment.p == NULL)
		return conf_fail(k->file, node, k->e,
				 "instance '%.*s' has no environment, so that its databases are of "
				 "no stage (expected 'environment' there)",
				 STR_ARG(instance->id));
	return 0;
}

static int check_targets(struct checker *k, const struct conf_repository *r,
			 const struct yaml *item)
{
	const struct str *targets = r->targets.items;
	const struct yaml *list = value_at(item, "targets");
	const struct yaml *node = list->child;
	AUTO(keyset) struct keyset keys;
	keyset_init(&keys);
	if (r->targets.n == 0)
		return conf_fail(k->file, list, k->e,
				 "repository '%.*s' has no target (expected a list such as "
				 "[instances/prod/databases/mydb])",
				 STR_ARG(r->id));
	for (size_t i = 0; i < r->targets.n; i++, node = node->next) {
		if (check_target(k, r, targets[i], node) != 0)
			return -1;
		if (keyset_push(&keys, targets[i], i) != 0)
			return err_set(k->e, ERR_NOMEM, "out of memory");
	}
	struct keyset_item twice;
	int found = keyset_close(&keys, 0, &twice);
	if (found < 0)
		return err_set(k->e, ERR_NOMEM, "out of memory");
	node = list->child;
	for (uint64_t i = 0; found > 0 && i < twice.place; i++)
		node = node->next;
	if (found > 0)
		return conf_fail(k->file, node, k->e, "target '%.*s' stands twice",
				 STR_ARG(twice.key));
	return 0;
}

static int check_credentials(struct checker *k, const struct conf_repository *r,
			     const struct yaml *item)
{
	const struct conf_credentials *cr = r->credentials;
	const struct yaml *node = value_at(item, "credentials");
	int http =
	    str_starts(r->clone_url, STR("https://")) || str_starts(r->clone_url, STR("http://"));
	if (cr == NULL)
		return 0;
	if (cr->token != NULL && !http)
		return conf_fail(k->file, value_at(node, "token"), k->e,
				 "a token is for an https clone_url (expected 'ssh_key' for ssh)");
	if ((cr->ssh_key != NULL || cr->known_hosts.p != NULL) && http)
		return conf_fail(
		    k->file, value_at(node, cr->ssh_key != NULL ? "ssh_key" : "known_hosts"), k->e,
		    "an ssh key is for an ssh clone_url (expected 'token' for https)");
	return 0;
}

static int check_stage(struct checker *k, const struct conf_repository *r, const struct yaml *item)
{
	struct str stage = r->target_stage;
	struct str prefix = STR("environments/");
	if (stage.p == NULL)
		return 0;
	if (!str_starts(stage, prefix))
		return conf_fail(k->file, value_at(item, "target_stage"), k->e,
				 "malformed 'target_stage' (expected environments/ID)");
	if (conf_environment(k->c, str_from(stage, prefix.n)) == NULL)
		return conf_fail(k->file, value_at(item, "target_stage"), k->e,
				 "there is no environment '%.*s' (expected an id under "
				 "'environments')",
				 STR_ARG(str_from(stage, prefix.n)));
	return 0;
}

/* Who may send its events: who knows the secret, or for a plain git server who may use the socket.
 */
static int check_sender(struct checker *k, const struct conf_repository *r, const struct yaml *item)
{
	const struct yaml *trigger = yaml_get(item, "trigger");
	if (!str_eq_cstr(r->provider, "git")) {
		if (r->secrets.n > 0)
			return 0;
		return conf_fail(k->file, value_at(item, "secrets"), k->e,
				 "repository '%.*s' has no secret, so that anybody could send it "
				 "events (expected the webhook's secret: set a variable and add "
				 "secrets: [{env: NAME}], or secrets: [{file: PATH}])",
				 STR_ARG(r->id));
	}
	if (trigger != NULL && !str_eq_cstr(trigger->text, "push"))
		return conf_fail(k->file, trigger, k->e,
				 "a git server's hook knows no merges, only pushes (expected push, "
				 "or the key to be left out)");
	return 0;
}

static int check_api(struct checker *k, const struct conf_repository *r, const struct yaml *item)
{
	const struct conf_api *api = r->api;
	const struct yaml *node = value_at(item, "api");
	if (api == NULL)
		return 0;
	if (str_eq(r->provider, STR("git")))
		return conf_fail(k->file, node, k->e,
				 "a plain git server has no API (expected the key to be left out)");
	if (api->url.p != NULL && conf_url_check_api(api->url, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(node, "url"), k->e);
	if (api->username.p != NULL && api->token == NULL)
		return conf_fail(k->file, value_at(node, "username"), k->e,
				 "a user without a token (expected 'token' beside it)");
	if (str_find(api->username, ':') < api->username.n || str_has_control(api->username))
		return conf_fail(k->file, value_at(node, "username"), k->e,
				 "malformed user (expected a name without ':')");
	return 0;
}

static int check_source(struct checker *k, const struct conf_repository *r, const struct yaml *item)
{
	if (!is_provider(r->provider))
		return conf_fail(k->file, value_at(item, "provider"), k->e,
				 "malformed provider (expected a name such as github)");
	if (r->full_name.n > FULL_NAME_MAX)
		return conf_fail(k->file, value_at(item, "full_name"), k->e,
				 "'full_name' is longer than %d bytes", FULL_NAME_MAX);
	if (conf_url_check_clone(r->clone_url, k->e) != 0)
		return conf_fail_wrap(k->file, value_at(item, "clone_url"), k->e);
	if (str_starts(r->branch, STR("refs/")) || r->branch.p[0] == '-')
		return conf_fail(k->file, value_at(item, "branch"), k->e,
				 "malformed branch (expected its bare name, such as main)");
	if (check_sender(k, r, item) != 0)
		return -1;
	if (check_credentials(k, r, item) != 0)
		return -1;
	return check_api(k, r, item);
}

static int check_repository(struct checker *k, size_t i)
{
	const struct conf_repository *r =
	    (const struct conf_repository *)k->c->repositories.items + i;
	const struct yaml *item = item_at(k, "repositories", i);
	if (check_source(k, r, item) != 0)
		return -1;
	if (conf_project(k->c, r->project) == NULL)
		return conf_fail(k->file, value_at(item, "project"), k->e,
				 "there is no project '%.*s' (expected an id under 'projects')",
				 STR_ARG(r->project));
	if (check_targets(k, r, item) != 0)
		return -1;
	return check_stage(k, r, item);
}

static int check_each(struct checker *k, size_t n, int (*check)(struct checker *k, size_t i))
{
	for (size_t i = 0; i < n; i++) {
		if (check(k, i) != 0)
			return -1;
	}
	return 0;
}

int conf_check(const struct conf *c, const struct yaml *root, const char *file, struct err *e)
{
	struct checker k = { c, root, file, e };
	if (check_top(&k) != 0 || check_ids(&k) != 0 || conf_check_gates(c, root, file, e) != 0 ||
	    check_each(&k, c->environments.n, check_rules) != 0 ||
	    check_each(&k, c->instances.n, check_instance) != 0 ||
	    check_each(&k, c->projects.n, check_project) != 0)
		return -1;
	return check_each(&k, c->repositories.n, check_repository);
}
