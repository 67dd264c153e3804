/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads mysql://user@host:port?options. What the library would read from files or the environment
 * (my.cnf, MYSQL_TCP_PORT) is never asked: a target is what its url says.
 */

#include "db/mysql_url.h"

#include "base/num.h"

enum { PORT = 3306 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoded (RFC 3986, 2.1), NUL-terminated. */
static int decode(const char **out, struct str s, struct arena *arena, struct err *e)
{
	char *p = arena_alloc(arena, s.n + 1);
	size_t n = 0;
	if (p == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0)
			return err_set(e, ERR_INPUT, "malformed percent-encoding in the url");
		p[n++] = (char)c;
	}
	p[n] = '\0';
	*out = p;
	return 0;
}

static int set_tls(struct mydb_where *w, struct str mode, struct err *e)
{
	static const struct {
		const char *name;
		enum mydb_tls tls;
	} modes[] = {
		{ "disable", MYDB_TLS_OFF },
		{ "require", MYDB_TLS_ON },
		{ "verify-full", MYDB_TLS_VERIFIED },
	};
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (str_eq_cstr(mode, modes[i].name)) {
			w->tls = modes[i].tls;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT,
		       "unknown sslmode in the url (expected disable, require or verify-full)");
}

static int read_option(struct mydb_where *w, struct str pair, struct arena *arena, struct err *e)
{
	struct str key = str_first(pair, str_find(pair, '='));
	struct str value = str_from(pair, key.n + 1);
	if (str_eq(key, STR("sslmode")))
		return set_tls(w, value, e);
	if (str_eq(key, STR("socket")))
		return decode(&w->socket, value, arena, e);
	if (str_eq(key, STR("ssl-ca")))
		return decode(&w->ca, value, arena, e);
	if (str_eq(key, STR("ssl-cert")))
		return decode(&w->cert, value, arena, e);
	if (str_eq(key, STR("ssl-key")))
		return decode(&w->key, value, arena, e);
	return err_set(e, ERR_INPUT,
		       "unknown option in the url (expected sslmode, ssl-ca, ssl-cert, ssl-key or "
		       "socket)");
}

static int read_options(struct mydb_where *w, struct str query, struct arena *arena, struct err *e)
{
	struct str pair;
	int has_mode = 0;
	while (str_split(&pair, &query, '&')) {
		has_mode |= str_starts(pair, STR("sslmode="));
		if (pair.n > 0 && read_option(w, pair, arena, e) != 0)
			return -1;
	}
	/* Who names certificates wants them used. */
	if (!has_mode && (w->ca != NULL || w->cert != NULL))
		w->tls = MYDB_TLS_VERIFIED;
	if (w->tls == MYDB_TLS_OFF && (w->ca != NULL || w->cert != NULL))
		return err_set(e, ERR_INPUT,
			       "the url names certificates and has sslmode=disable; take one out");
	if ((w->cert == NULL) != (w->key == NULL))
		return err_set(e, ERR_INPUT,
			       "the url has ssl-cert or ssl-key alone (expected both)");
	return 0;
}

/* "host", "host:port", "[::1]:port". */
static int read_host(struct mydb_where *w, struct str host, struct arena *arena, struct err *e)
{
	uint64_t port = PORT;
	size_t colon = str_find_last(host, ':'), bracket = str_find_last(host, ']');
	if (bracket < host.n && colon < bracket)
		colon = host.n;
	struct str name = str_first(host, colon);
	if (colon < host.n && num_parse_u64(&port, str_from(host, colon + 1), 1, 65535) != 0)
		return err_set(e, ERR_INPUT, "malformed port in the url");
	w->port = (unsigned)port;
	if (str_starts(name, STR("[")) && str_ends(name, STR("]")))
		name = str_first(str_from(name, 1), name.n - 2);
	return name.n > 0 ? decode(&w->host, name, arena, e) : 0;
}

int mydb_parse_url(struct mydb_where *out, struct str url, struct arena *arena, struct err *e)
{
	struct mydb_where w = { .port = PORT, .tls = MYDB_TLS_OFF };
	struct str rest = str_from(url, str_find(url, ':') + 1);
	if (!str_starts(rest, STR("//")))
		return err_set(e, ERR_INPUT, "malformed url (expected mysql://user@host:port)");
	rest = str_from(rest, 2);
	size_t question = str_find(rest, '?');
	struct str authority = str_first(rest, question);
	if (str_ends(authority, STR("/")))
		authority.n--;
	size_t at = str_find_last(authority, '@');
	struct str user = str_first(authority, at);
	if (at == authority.n || user.n == 0 || str_find(authority, '/') < authority.n ||
	    str_find(user, ':') < user.n)
		return err_set(e, ERR_INPUT, "malformed url (expected mysql://user@host:port)");
	if (decode(&w.user, user, arena, e) != 0 ||
	    read_host(&w, str_from(authority, at + 1), arena, e) != 0 ||
	    read_options(&w, str_from(rest, question + 1), arena, e) != 0)
		return -1;
	if ((w.host == NULL) == (w.socket == NULL))
		return err_set(e, ERR_INPUT,
			       "the url needs a host or a socket (expected mysql://user@host:port "
			       "or mysql://user@?socket=PATH)");
	*out = w;
	return 0;
}
