/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts that a push names beside an address. Which commits are theirs is author.c's. */

#include "vcs/people.h"

#include "vcs/fact.h"

#include <string.h>

/* Where a body names the account that pushed; NULL: it does not say. */
static const struct pusher {
	const char *provider;
	const char *email, *id, *login, *name;
	const char *same; /* another login, which must be the same one: the address is its */
} pushers[] = {
	{ "github", "pusher.email", "sender.id", "sender.login", NULL, "pusher.name" },
	{ "gitlab", "user_email", "user_id", "user_username", "user_name", NULL },
	{ "gitea", "pusher.email", "pusher.id", "pusher.login", "pusher.full_name", NULL },
	{ "bitbucket-server", "actor.emailAddress", "actor.id", "actor.name", "actor.displayName",
	  NULL },
	{ "azure", "resource.pushedBy.uniqueName", "resource.pushedBy.id",
	  "resource.pushedBy.uniqueName", "resource.pushedBy.displayName", NULL },
};

static struct str text_at(const struct json *root, const char *path)
{
	return path != NULL ? json_str(json_at(root, path)) : STR_NULL;
}

/* "Windows Live ID\mona@example.com" is Azure's way to say where an address is from. */
static struct str address(struct str text)
{
	const size_t slash = str_find_last(text, '\\');
	if (slash < text.n)
		text = str_from(text, slash + 1);
	return str_find(text, '@') < text.n ? text : STR_NULL;
}

int people_read_pusher(struct event *event, const char *provider, const struct json *root,
		       struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < sizeof pushers / sizeof pushers[0]; i++) {
		const struct pusher *at = &pushers[i];
		if (strcmp(at->provider, provider) != 0)
			continue;
		struct event_person person = { .email = address(text_at(root, at->email)),
					       .id = json_id(json_at(root, at->id)),
					       .login = text_at(root, at->login),
					       .name = text_at(root, at->name) };
		if (person.email.n == 0 || person.id.n == 0 ||
		    (at->same != NULL && !str_eq(person.login, text_at(root, at->same))))
			return 0;
		struct event_person *people = arena_array(arena, 1, sizeof *people);
		if (people == NULL)
			return arena_err(arena, e);
		people[0] = person;
		event->people = people;
		event->n_people = 1;
	}
	return 0;
}

/* "Mona <mona@example.com>" */
static struct str raw_address(struct str raw)
{
	const size_t open = str_find_last(raw, '<');
	const struct str rest = str_from(raw, open + 1);
	return open < raw.n ? address(str_first(rest, str_find(rest, '>'))) : STR_NULL;
}

/* One more account, unless the commit names none. */
static void add_commit(struct event_person *people, size_t *n, const struct json *commit)
{
	const struct json *author = json_get(commit, "author");
	const struct json *user = json_get(author, "user");
	const struct str account = text_at(user, "account_id");
	const struct str uuid = text_at(user, "uuid");
	const struct str type = text_at(user, "type");
	struct event_person person = { .email = raw_address(text_at(author, "raw")),
				       .id = fact_either(account, uuid),
				       .other_id = account.p != NULL ? uuid : STR_NULL,
				       .login = fact_either(text_at(user, "nickname"),
							    text_at(user, "username")),
				       .name = text_at(user, "display_name") };
	if (str_eq_cstr(type, "app_user") || str_eq_cstr(type, "app") || str_eq_cstr(type, "team"))
		person.bot = EVENT_BOT_YES;
	if (person.email.n > 0 && person.id.n > 0 && *n < PEOPLE_MAX)
		people[(*n)++] = person;
}

static const struct json *first_of(const struct json *array)
{
	return array != NULL && array->kind == JSON_ARRAY ? array->child : NULL;
}

int people_read_bitbucket(struct event *event, const struct json *root, struct arena *arena,
			  struct err *e)
{
	size_t n = 0;
	struct event_person *people = arena_array(arena, PEOPLE_MAX, sizeof *people);
	if (people == NULL)
		return arena_err(arena, e);
	for (const struct json *change = first_of(json_at(root, "push.changes")); change != NULL;
	     change = change->next) {
		for (const struct json *c = first_of(json_get(change, "commits")); c != NULL;
		     c = c->next)
			add_commit(people, &n, c);
		/* The list is short; the tip may stand here alone. */
		const struct json *tip = json_at(change, "new.target");
		if (tip != NULL)
			add_commit(people, &n, tip);
	}
	event->people = people;
	event->n_people = n;
	return 0;
}
