/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which urls may be fetched from. They come from the configuration, but end as arguments of git and
 * ssh: what could be read as an option, a helper ("ext::") or a credential is refused.
 */

#include "vcs/repo.h"
#include "vcs/repo_impl.h"

#include <string.h>

static int refuse(struct str url, const char *why, struct err *e)
{
	/* What stands before an '@' may be a password. */
	if (str_find(url, '@') < url.n)
		return err_set(e, ERR_INPUT, "the url %s", why);
	return err_set(e, ERR_INPUT, "the url '%.*s' %s", STR_ARG(str_first(url, 200)), why);
}

static int is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

static int is_name(struct str s)
{
	if (s.n == 0 || s.p[0] == '-')
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_name_byte(s.p[i]))
			return 0;
	}
	return 1;
}

/* "[2001:db8::1]", the brackets included. */
static int is_address(struct str s)
{
	if (s.n < 4 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return 0;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (str_find(STR("0123456789abcdefABCDEF:."), s.p[i]) == 24)
			return 0;
	}
	return 1;
}

static int is_port(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
	}
	return s.n > 0 && s.n <= 5;
}

static int is_host_port(struct str s)
{
	size_t colon = str_find_last(s, ':');
	if (colon < s.n && is_port(str_from(s, colon + 1)))
		s = str_first(s, colon);
	return is_name(s) || is_address(s);
}

/* Behind "scheme://": [user@]host[:port]/path. */
static int check_authority(struct str *authority, struct str url, struct str rest, int is_ssh,
			   struct err *e)
{
	size_t slash = str_find(rest, '/');
	struct str host = str_first(rest, slash);
	size_t at = str_find_last(host, '@');
	*authority = host;
	if (at < host.n) {
		struct str user = str_first(host, at);
		if (str_find(user, ':') < user.n)
			return err_set(e, ERR_INPUT,
				       "the url holds a password; name it in credentials.token");
		/* A token is often written in the place of the user. */
		if (!is_ssh)
			return err_set(e, ERR_INPUT,
				       "the url holds a user; name it in credentials.username");
		if (!is_name(user))
			return refuse(url, "has an impossible user", e);
		host = str_from(host, at + 1);
	}
	if (!is_host_port(host))
		return refuse(url, "has an impossible host", e);
	if (slash + 1 >= rest.n)
		return refuse(url, "names no repository", e);
	return 0;
}

/* user@host:path, as ssh users write it. */
static int check_scp(struct str url, struct err *e)
{
	size_t colon = str_find(url, ':');
	struct str left = str_first(url, colon), path = str_from(url, colon + 1);
	size_t at = str_find(left, '@');
	if (at == left.n || !is_name(str_first(left, at)) || !is_name(str_from(left, at + 1)))
		return refuse(url,
			      "has no known form (https://, http://, ssh://, user@host:path, "
			      "file:///)",
			      e);
	if (path.n == 0 || path.p[0] == '-' || path.p[0] == ':')
		return refuse(url, "names no repository", e);
	return 0;
}

static int parse_with_scheme(struct repo_url *out, struct str url, const char *prefix,
			     enum repo_scheme scheme, struct err *e)
{
	struct str rest = str_from(url, strlen(prefix));
	struct str authority = STR_NULL;
	struct repo_url parsed = { .scheme = scheme, .origin = STR_NULL };
	if (scheme == REPO_FILE) {
		if (rest.n < 2 || rest.p[0] != '/')
			return refuse(url, "names no directory (file:///path)", e);
	} else if (check_authority(&authority, url, rest, scheme == REPO_SSH, e) != 0) {
		return -1;
	}
	if (scheme == REPO_HTTP || scheme == REPO_HTTPS)
		parsed.origin = str_first(url, strlen(prefix) + authority.n + 1);
	*out = parsed;
	return 0;
}

int repo_url_parse(struct repo_url *out, struct str url, struct err *e)
{
	static const struct {
		const char *prefix;
		enum repo_scheme scheme;
	} schemes[] = {
		{ "https://", REPO_HTTPS },
		{ "http://", REPO_HTTP },
		{ "ssh://", REPO_SSH },
		{ "file://", REPO_FILE },
	};
	if (url.n == 0 || url.n > 2000)
		return err_set(e, ERR_INPUT, "the url is empty or longer than 2000 bytes");
	if (str_has_control(url) || str_find(url, ' ') < url.n || !str_is_utf8(url))
		return err_set(e, ERR_INPUT, "the url holds a blank or a control character");
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (str_starts(url, str_of(schemes[i].prefix)))
			return parse_with_scheme(out, url, schemes[i].prefix, schemes[i].scheme, e);
	}
	if (check_scp(url, e) != 0)
		return -1;
	*out = (struct repo_url){ .scheme = REPO_SSH, .origin = STR_NULL };
	return 0;
}

int repo_url_check(struct str url, struct err *e)
{
	struct repo_url parsed;
	return repo_url_parse(&parsed, url, e);
}
