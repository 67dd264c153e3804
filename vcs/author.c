/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who an author is and whether that is a person. What a body says is the providers'; how people are
 * counted is not known here.
 */

#include "vcs/author.h"

#include "vcs/provider.h"

#include <string.h>

enum {
	EMAIL_BYTES_MAX = 4 * AUTHOR_CHARACTERS_MAX,
	NAME_IN_ID = 200, /* characters: the id has its prefix too */
};

/* --- text --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* `prefix` and `s`, whose ASCII letters become small, in `arena`. */
static struct str lowered(struct str prefix, struct str s, struct arena *arena)
{
	char *p = arena_alloc(arena, prefix.n + s.n + 1);
	if (p == NULL)
		return STR_NULL;
	if (prefix.n > 0)
		memcpy(p, prefix.p, prefix.n);
	for (size_t i = 0; i < s.n; i++)
		p[prefix.n + i] = lower(s.p[i]);
	return (struct str){ p, prefix.n + s.n };
}

static int starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_nocase(str_first(s, prefix.n), prefix);
}

static int ends_nocase(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq_nocase(str_from(s, s.n - suffix.n), suffix);
}

static int contains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++) {
		if (str_starts(str_from(s, i), part))
			return 1;
	}
	return 0;
}

static size_t count_digits(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

/* --- bots --- */

int author_matches(struct str pattern, struct str login)
{
	size_t p = 0, n = 0, star = pattern.n, star_n = 0;
	while (n < login.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			star_n = n;
		} else if (p < pattern.n && lower(pattern.p[p]) == lower(login.p[n])) {
			p++;
			n++;
		} else if (star < pattern.n) {
			/* Only the last star is gone back to: earlier ones could take no more. */
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

static int is_token_user(struct str login, struct str prefix)
{
	if (!starts_nocase(login, prefix))
		return 0;
	struct str rest = str_from(login, prefix.n);
	const size_t digits = count_digits(rest);
	rest = str_from(rest, digits);
	if (digits == 0 || !starts_nocase(rest, STR("_bot")))
		return 0;
	rest = str_from(rest, strlen("_bot"));
	return str_starts(rest, STR("_")) || count_digits(rest) == rest.n;
}

int author_is_gitlab_bot(struct str login)
{
	return is_token_user(login, STR("project_")) || is_token_user(login, STR("group_")) ||
	       starts_nocase(login, STR("service_account_"));
}

/* "ghost" stands for accounts that were deleted; "web-flow" commits what is edited in the browser;
 * Copilot is an app whose login lacks the suffix. */
static int is_github_bot(const struct author *a)
{
	static const char *const reserved[] = { "copilot", "ghost", "web-flow" };
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (str_eq_nocase(a->login, str_of(reserved[i])))
			return 1;
	}
	return ends_nocase(a->login, STR("[bot]"));
}

static int is_gitlab_bot(const struct author *a)
{
	return author_is_gitlab_bot(a->login) || str_eq_nocase(a->login, STR("ghost"));
}

static int is_azure_bot(const struct author *a)
{
	return starts_nocase(a->login, STR("Build\\")) ||
	       (contains(a->name, STR(" Build Service (")) && str_ends(a->name, STR(")")));
}

static int is_gitea_bot(const struct author *a)
{
	return str_eq_nocase(a->login, STR("gitea-actions")) ||
	       str_eq_nocase(a->login, STR("forgejo-actions")) ||
	       str_eq_nocase(a->login, STR("ghost"));
}

static const struct name_rule {
	const char *provider;
	int reserved; /* nobody else can have these names: the rule stands above a "no" */
	int (*is_bot)(const struct author *a);
} name_rules[] = {
	{ "github", 1, is_github_bot },
	{ "gitlab", 0, is_gitlab_bot },
	{ "azure", 0, is_azure_bot },
	{ "gitea", 0, is_gitea_bot },
};

enum event_bot author_bot(struct str provider, const struct author *author, const struct str *bots,
			  size_t n_bots)
{
	for (size_t i = 0; author->login.n > 0 && i < n_bots; i++) {
		if (author_matches(bots[i], author->login))
			return EVENT_BOT_YES;
	}
	for (size_t i = 0; i < sizeof name_rules / sizeof name_rules[0]; i++) {
		const struct name_rule *rule = &name_rules[i];
		if (str_eq_cstr(provider, rule->provider) &&
		    (rule->reserved || author->bot == EVENT_BOT_UNKNOWN) && rule->is_bot(author))
			return EVENT_BOT_YES;
	}
	return author->bot;
}

/* --- hosts --- */

struct host_alias {
	const char *alias;
	const char *host;
};

/* The part of a url, or of git's short form for ssh, that names the host; absent for a path. */
static struct str host_part(struct str url)
{
	const size_t colon = str_find(url, ':');
	const size_t slash = str_find(url, '/');
	struct str rest;
	if (colon == url.n || slash < colon)
		return STR_NULL;
	if (str_starts(str_from(url, colon), STR("://"))) {
		if (str_eq_nocase(str_first(url, colon), STR("file")))
			return STR_NULL;
		rest = str_from(url, colon + 3);
		rest = str_first(rest, str_find(rest, '/'));
	} else {
		rest = str_first(url, slash);
		/* "user@[::1]:path": the colon is the one behind the bracket. */
		const size_t bracket = str_find_last(rest, ']');
		if (bracket == rest.n)
			rest = str_first(rest, colon);
	}
	const size_t at = str_find_last(rest, '@');
	if (at < rest.n)
		rest = str_from(rest, at + 1);
	if (str_starts(rest, STR("[")))
		return str_first(rest, str_find(rest, ']') + 1);
	return str_first(rest, str_find(rest, ':'));
}

struct str author_host(struct str clone_url, struct arena *arena)
{
	static const struct host_alias aliases[] = {
		{ "www.github.com", "github.com" },
		{ "ssh.github.com", "github.com" },
		{ "altssh.gitlab.com", "gitlab.com" },
		{ "altssh.bitbucket.org", "bitbucket.org" },
		{ "ssh.dev.azure.com", "dev.azure.com" },
	};
	struct str host = host_part(clone_url);
	while (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0)
		return STR("local");
	host = lowered(STR(""), host, arena);
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
		if (str_eq_cstr(host, aliases[i].alias))
			return str_of(aliases[i].host);
	}
	/* The older names of Azure DevOps, one host for each organisation. */
	return str_ends(host, STR(".visualstudio.com")) ? STR("dev.azure.com") : host;
}

/* --- checking --- */

/* The control characters of ASCII and of Latin-1's upper half. */
static int has_control(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i + 1];
		if ((unsigned char)s.p[i] == 0xc2U && c >= 0x80U && c <= 0x9fU)
			return 1;
	}
	return str_has_control(s);
}

/* The first `max` characters. */
static struct str cut(struct str s, int max)
{
	size_t at = 0;
	for (int i = 0; i < max && at < s.n; i++) {
		const size_t n = str_utf8_len(str_from(s, at));
		at += n > 0 ? n : 1;
	}
	return str_first(s, at);
}

static int check_text(const char *what, struct str s, struct err *e)
{
	if (!str_is_utf8(s))
		return err_set(e, ERR_INPUT, "the author's %s is not UTF-8", what);
	if (has_control(s))
		return err_set(e, ERR_INPUT, "the author's %s holds a control character", what);
	return 0;
}

static int check_id(struct str id, struct err *e)
{
	if (cut(id, AUTHOR_CHARACTERS_MAX).n < id.n)
		return err_set(e, ERR_INPUT, "the author's id is longer than %d characters",
			       AUTHOR_CHARACTERS_MAX);
	return check_text("id", id, e);
}

/* Also decides whether it is a bot. */
static int finish(struct author *out, struct author *a, struct str provider, const struct str *bots,
		  size_t n_bots, struct err *e)
{
	if (check_id(a->id, e) != 0 || check_id(a->other_id, e) != 0 ||
	    check_text("login", a->login, e) != 0 || check_text("name", a->name, e) != 0)
		return -1;
	if (str_eq(a->id, a->other_id))
		a->other_id = STR_NULL;
	/* Before the cut: a suffix may say it. */
	a->bot = author_bot(provider, a, bots, n_bots);
	a->login = cut(a->login, AUTHOR_CHARACTERS_MAX);
	a->name = cut(a->name, AUTHOR_CHARACTERS_MAX);
	*out = *a;
	return 0;
}

/* --- authors of merges --- */

static int lower_id(struct str *id, struct str prefix, struct str text, struct arena *arena,
		    struct err *e)
{
	if (text.n == 0)
		return 0;
	*id = lowered(prefix, text, arena);
	return id->p != NULL ? 0 : arena_err(arena, e);
}

/* GUIDs are written in either case. */
static int set_ids(struct author *a, struct str provider, struct arena *arena, struct err *e)
{
	if (a->id.n == 0)
		return lower_id(&a->id, STR("login:"), a->login, arena, e);
	if (!str_eq_cstr(provider, "azure"))
		return 0;
	if (lower_id(&a->id, STR(""), a->id, arena, e) != 0)
		return -1;
	return lower_id(&a->other_id, STR(""), a->other_id, arena, e);
}

int author_of_event(struct author *out, struct str provider, const struct event *event,
		    const struct str *bots, size_t n_bots, struct arena *arena, struct err *e)
{
	struct author a = { .id = event->author.id,
			    .other_id = event->author.other_id,
			    .login = event->author.login,
			    .name = event->author.name,
			    .bot = event->author.bot };
	if (set_ids(&a, provider, arena, e) != 0)
		return -1;
	return finish(out, &a, provider, bots, n_bots, e);
}

/* --- authors of commits --- */

/* A name for people: what is no text becomes '?'. */
static struct str clean_name(struct str name, struct arena *arena)
{
	char *p = arena_alloc(arena, name.n + 1);
	size_t at = 0;
	if (p == NULL)
		return STR_NULL;
	for (size_t i = 0; i < name.n;) {
		size_t n = str_utf8_len(str_from(name, i));
		const int good = n > 0 && !has_control(str_first(str_from(name, i), n));
		n = n > 0 ? n : 1;
		if (good)
			memcpy(p + at, name.p + i, n);
		else
			p[at] = '?';
		at += good ? n : 1;
		i += n;
	}
	return (struct str){ p, at };
}

/* The account that the event itself names for an address. */
static int find_person(struct author *a, const struct event *event)
{
	for (size_t i = 0; i < event->n_people; i++) {
		const struct event_person *p = &event->people[i];
		if (p->id.n == 0 || p->email.n == 0 || !str_eq_nocase(p->email, a->email))
			continue;
		a->id = p->id;
		a->other_id = p->other_id;
		a->login = p->login;
		a->bot = p->bot;
		if (p->name.n > 0)
			a->name = p->name;
		return 1;
	}
	return 0;
}

/* The part of `email` before "@users.noreply.HOST" (or "@noreply.HOST"); absent for another. */
static struct str noreply_part(struct str email, struct str kind, struct str host)
{
	const size_t at = str_find_last(email, '@');
	const struct str domain = str_from(email, at + 1);
	if (at == email.n || domain.n != kind.n + host.n || !str_starts(domain, kind) ||
	    !str_ends(domain, host))
		return STR_NULL;
	return str_first(email, at);
}

/* "583231+octocat", or "583231-octocat"; `id` stays absent where there is only a login. */
static void split_noreply(struct author *a, struct str part, char separator)
{
	const size_t digits = count_digits(part);
	a->login = part;
	if (digits > 0 && digits + 1 < part.n && part.p[digits] == separator) {
		a->id = str_first(part, digits);
		a->login = str_from(part, digits + 1);
	}
}

/* GitHub Docs, "Setting your commit email address"; GitLab Docs, "Use an automatically generated
 * private commit email". Tokens and service accounts of GitLab have "LOGIN@noreply.HOST". */
static void read_noreply(struct author *a, struct str provider, struct str host)
{
	struct str part = STR_NULL;
	char separator = '+';
	if (str_eq_cstr(provider, "github")) {
		/* A mirror by path has no host of its own. */
		if (str_eq_cstr(host, "local"))
			host = STR("github.com");
		part = noreply_part(a->email, STR("users.noreply."), host);
		if (str_eq_cstr(a->email, "noreply@github.com"))
			part = STR("web-flow");
	} else if (str_eq_cstr(provider, "gitlab")) {
		part = noreply_part(a->email, STR("users.noreply."), host);
		separator = '-';
		if (part.p == NULL) {
			part = noreply_part(a->email, STR("noreply."), host);
			separator = '\0';
		}
	}
	if (part.n > 0)
		split_noreply(a, part, separator);
}

/* The address is who it is; one without an address goes by the name. */
static struct str id_of_email(const struct author *a, struct arena *arena)
{
	if (a->email.n > 0)
		return lowered(STR("email:"), a->email, arena);
	return lowered(STR("name:"), cut(a->name, NAME_IN_ID), arena);
}

int author_of_commit(struct author *out, struct str provider, struct str host,
		     const struct event *event, const struct author_commit *commit,
		     const struct str *bots, size_t n_bots, struct arena *arena, struct err *e)
{
	const struct str email = str_first(commit->email, EMAIL_BYTES_MAX + 1);
	struct author a = { .email = lowered(STR(""), email, arena),
			    .name = clean_name(commit->name, arena) };
	if (a.email.p == NULL || a.name.p == NULL)
		return arena_err(arena, e);
	if (check_id(a.email, e) != 0)
		return err_wrap(e, "a commit's address");
	if (a.email.n == 0)
		a.email = STR_NULL; /* no address is nobody's: two without one are two people */
	if (!find_person(&a, event))
		read_noreply(&a, provider, host);
	if (a.id.n == 0) {
		a.by_email = 1;
		a.id = id_of_email(&a, arena);
		if (a.id.p == NULL)
			return arena_err(arena, e);
	} else if (set_ids(&a, provider, arena, e) != 0) {
		return -1;
	}
	if (a.login.n == 0)
		a.login = a.email;
	if (finish(out, &a, provider, bots, n_bots, e) != 0)
		return err_wrap(e, "a commit");
	/* Nobody marks the authors of commits, so that an open question means a person here. */
	if (out->bot == EVENT_BOT_UNKNOWN)
		out->bot = EVENT_BOT_NO;
	return 0;
}
