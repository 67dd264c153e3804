/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of urls and addresses. No message shows the url, since what is wrong with it may be that a
 * password stands in it.
 */

#include "base/conf_schema.h"
#include "base/num.h"

static const char no_password[] =
    "a password in a url is a literal secret (expected the url without it, and {env: NAME} or "
    "{file: PATH} under '%s')";

/* The part between "://" and the path, and what follows; 0 when there is no "://". */
static int split_authority(struct str *scheme, struct str *authority, struct str *rest,
			   struct str url)
{
	size_t at = str_find(url, ':');
	if (!str_starts(str_from(url, at), STR("://")))
		return 0;
	*scheme = str_first(url, at);
	struct str behind = str_from(url, at + 3);
	size_t n = 0;
	while (n < behind.n && behind.p[n] != '/' && behind.p[n] != '?' && behind.p[n] != '#')
		n++;
	*authority = str_first(behind, n);
	*rest = str_from(behind, n);
	return 1;
}

/* Take "user@" off the authority; absent when there is none. */
static struct str take_user(struct str *authority)
{
	size_t at = str_find_last(*authority, '@');
	if (at == authority->n)
		return STR_NULL;
	struct str user = str_first(*authority, at);
	*authority = str_from(*authority, at + 1);
	return user;
}

static int has_blank(struct str s)
{
	return str_find(s, ' ') < s.n || str_has_control(s);
}

static int scheme_is(struct str url, const char *scheme)
{
	size_t at = str_find(url, ':');
	return at < url.n && str_eq_nocase(str_first(url, at), str_of(scheme));
}

int conf_url_is_postgres(struct str url)
{
	return scheme_is(url, "postgresql") || scheme_is(url, "postgres");
}

/* "host", "host:port", "[::1]:port", or nothing at all. */
static int check_host(struct str host)
{
	uint64_t port;
	size_t colon = str_find_last(host, ':');
	size_t bracket = str_find_last(host, ']');
	if (str_starts(host, STR("[")) != (bracket < host.n))
		return -1;
	if (bracket < host.n && colon < bracket)
		colon = host.n;
	struct str name = str_first(host, colon);
	if (bracket == host.n && str_find(name, ':') < name.n)
		return -1;
	return colon == host.n ? 0 : num_parse_u64(&port, str_from(host, colon + 1), 1, 65535);
}

/* Parameters of libpq that would carry a secret, or choose what the targets choose. */
static int check_query(struct str query, const char *password_key, int with_database, struct err *e)
{
	struct str pair;
	while (str_split(&pair, &query, '&')) {
		struct str key = str_first(pair, str_find(pair, '='));
		if (str_eq_nocase(key, STR("password")) || str_eq_nocase(key, STR("sslpassword")))
			return err_set(e, ERR_INPUT, no_password, password_key);
		if (str_find(key, '%') < key.n)
			return err_set(e, ERR_INPUT,
				       "a parameter's name is percent-encoded "
				       "(expected it as it is)");
		if (!with_database && str_eq_nocase(key, STR("dbname")))
			return err_set(e, ERR_INPUT,
				       "the url names a database (expected only the server: a "
				       "repository's targets name databases)");
	}
	return 0;
}

static int check_postgres(struct str url, const char *password_key, int with_database,
			  struct err *e)
{
	struct str scheme, authority, rest, host;
	if (!split_authority(&scheme, &authority, &rest, url))
		return err_set(e, ERR_INPUT,
			       "malformed url (expected postgresql://user@host:port)");
	/* A '/' in a password would end the authority early, hence the look at the path. */
	size_t question = str_find(rest, '?');
	struct str path = str_first(rest, question);
	struct str user = take_user(&authority);
	if (str_find(user, ':') < user.n || str_find(path, '@') < path.n)
		return err_set(e, ERR_INPUT, no_password, password_key);
	while (str_split(&host, &authority, ',')) {
		if (check_host(host) != 0)
			return err_set(e, ERR_INPUT,
				       "malformed host or port in the url (expected "
				       "postgresql://user@host:port)");
	}
	if (!with_database && path.n > 0 && !str_eq(path, STR("/")))
		return err_set(e, ERR_INPUT,
			       "the url names a database (expected only the server: a repository's "
			       "targets name databases)");
	return check_query(str_from(rest, question + 1), password_key, with_database, e);
}

/* Options of a mysql url; what they mean is the driver's. */
static int check_mysql_query(struct str query, int *has_socket, struct err *e)
{
	static const char *const keys[] = { "sslmode", "ssl-ca", "ssl-cert", "ssl-key", "socket" };
	static const char *const modes[] = { "disable", "require", "verify-full" };
	struct str pair;
	while (query.n > 0 && str_split(&pair, &query, '&')) {
		struct str key = str_first(pair, str_find(pair, '='));
		struct str value = str_from(pair, key.n + 1);
		if (str_eq_nocase(key, STR("password")))
			return err_set(e, ERR_INPUT, no_password, "password");
		size_t i = 0, mode = 0;
		while (i < sizeof keys / sizeof keys[0] && !str_eq_cstr(key, keys[i]))
			i++;
		while (mode < sizeof modes / sizeof modes[0] && !str_eq_cstr(value, modes[mode]))
			mode++;
		if (i == sizeof keys / sizeof keys[0])
			return err_set(e, ERR_INPUT,
				       "unknown option in the url (expected sslmode, ssl-ca, "
				       "ssl-cert, ssl-key or socket)");
		if (i == 0 && mode == sizeof modes / sizeof modes[0])
			return err_set(e, ERR_INPUT,
				       "unknown sslmode in the url (expected disable, require or "
				       "verify-full)");
		*has_socket |= str_eq_cstr(key, "socket");
	}
	return 0;
}

static int check_mysql(struct str url, struct err *e)
{
	struct str scheme, authority, rest;
	int has_socket = 0;
	if (!split_authority(&scheme, &authority, &rest, url))
		return err_set(e, ERR_INPUT, "malformed url (expected mysql://user@host:port)");
	size_t question = str_find(rest, '?');
	struct str path = str_first(rest, question);
	struct str user = take_user(&authority);
	if (str_find(user, ':') < user.n || str_find(path, '@') < path.n)
		return err_set(e, ERR_INPUT, no_password, "password");
	if (path.n > 0 && !str_eq(path, STR("/")))
		return err_set(e, ERR_INPUT,
			       "the url names a database (expected only the server: a repository's "
			       "targets name databases)");
	if (check_mysql_query(str_from(rest, question + 1), &has_socket, e) != 0)
		return -1;
	if (user.n == 0 || check_host(authority) != 0 || (authority.n == 0) != has_socket)
		return err_set(e, ERR_INPUT,
			       "malformed user, host or port in the url (expected "
			       "mysql://user@host:port, or mysql://user@?socket=PATH)");
	return 0;
}

int conf_url_check_instance(struct str url, struct err *e)
{
	if (has_blank(url))
		return err_set(e, ERR_INPUT, "a blank in the url");
	if (str_starts(url, STR("mysql:")) || str_starts(url, STR("mariadb:")))
		return check_mysql(url, e);
	if (str_starts(url, STR("sqlite:"))) {
		struct str dir = str_from(url, sizeof "sqlite:" - 1);
		if (dir.n == 0 || str_starts(dir, STR("//")))
			return err_set(e, ERR_INPUT,
				       "malformed url (expected sqlite:DIR, where DIR holds the "
				       "database files, such as sqlite:/var/lib/app)");
		return 0;
	}
	if (str_starts(url, STR("postgresql:")) || str_starts(url, STR("postgres:")))
		return check_postgres(url, "password", 0, e);
	return err_set(e, ERR_INPUT,
		       "unknown kind of database in the url (expected sqlite:DIR, "
		       "postgresql://user@host:port or mysql://user@host:port)");
}

int conf_url_check_clone(struct str url, struct err *e)
{
	struct str scheme, authority, rest;
	if (url.n == 0 || url.p[0] == '-' || has_blank(url))
		return err_set(e, ERR_INPUT,
			       "malformed url (expected https://host/path, ssh://user@host/path, "
			       "user@host:path or file:///path)");
	if (!split_authority(&scheme, &authority, &rest, url))
		return 0;
	struct str user = take_user(&authority);
	if (str_find(user, ':') < user.n)
		return err_set(e, ERR_INPUT, no_password, "credentials.token");
	if (user.n > 0 &&
	    (str_eq_nocase(scheme, STR("https")) || str_eq_nocase(scheme, STR("http"))))
		return err_set(e, ERR_INPUT,
			       "the part before '@' may be a token, which is a literal secret "
			       "(expected a user name under 'credentials.username', a token under "
			       "'credentials.token')");
	return 0;
}

int conf_url_check_store(struct str store, struct err *e)
{
	if (str_starts(store, STR("postgresql:")) || str_starts(store, STR("postgres:"))) {
		if (has_blank(store))
			return err_set(e, ERR_INPUT, "a blank in the url");
		return check_postgres(store, "a pgpass file", 1, e);
	}
	if (store.p[0] == '-' || scheme_is(store, "sqlite") || scheme_is(store, "mysql") ||
	    scheme_is(store, "mariadb") || scheme_is(store, "file") ||
	    str_find(store, ':') + 2 < str_find(store, '/'))
		return err_set(e, ERR_INPUT,
			       "malformed store (expected a path, or postgresql://user@host/name)");
	return 0;
}

int conf_url_check_external(struct str url, struct err *e)
{
	struct str scheme, authority, rest;
	if (has_blank(url) || !split_authority(&scheme, &authority, &rest, url) ||
	    (!str_eq(scheme, STR("https")) && !str_eq(scheme, STR("http"))) || authority.n == 0)
		return err_set(e, ERR_INPUT, "malformed url (expected https://host)");
	if (str_find(authority, '@') < authority.n)
		return err_set(e, ERR_INPUT, "a user in the url (expected https://host)");
	return 0;
}

int conf_url_check_api(struct str url, struct err *e)
{
	struct str scheme, authority, rest;
	if (has_blank(url) || !split_authority(&scheme, &authority, &rest, url) ||
	    (!str_eq(scheme, STR("https")) && !str_eq(scheme, STR("http"))) || authority.n == 0)
		return err_set(e, ERR_INPUT,
			       "malformed url (expected https://host/path, such as "
			       "https://gitlab.example.com/api/v4)");
	if (str_find(authority, '@') < authority.n)
		return err_set(e, ERR_INPUT,
			       "the part before '@' may be a token, which is a literal secret "
			       "(expected a token under 'api.token')");
	if (check_host(authority) != 0)
		return err_set(e, ERR_INPUT, "malformed host or port in the url");
	if (str_find(rest, '?') < rest.n || str_find(rest, '#') < rest.n)
		return err_set(e, ERR_INPUT,
			       "the url has a query (expected only where the API begins, such as "
			       "https://gitlab.example.com/api/v4)");
	return 0;
}

int conf_url_check_listen(struct str address, struct err *e)
{
	uint64_t port;
	size_t colon = str_find_last(address, ':');
	struct str host = str_first(address, colon);
	int v6 = str_starts(host, STR("[")) && str_ends(host, STR("]")) && host.n > 2;
	if (colon == address.n || host.n == 0 || has_blank(host) ||
	    (!v6 && str_find(host, ':') < host.n) ||
	    num_parse_u64(&port, str_from(address, colon + 1), 0, 65535) != 0)
		return err_set(e, ERR_INPUT,
			       "malformed address (expected host:port, such as 127.0.0.1:8420 or "
			       "[::1]:8420; port 0 lets the system choose)");
	return 0;
}
