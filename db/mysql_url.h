/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_MYSQL_URL_H
#define DB_MYSQL_URL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum mydb_tls {
	MYDB_TLS_OFF,
	MYDB_TLS_ON,      /* encrypted, whoever the server is */
	MYDB_TLS_VERIFIED /* its certificate is trusted and names the host */
};

/* Where a server is: the parts of mysql://user@host:port?options. Absent texts are NULL. */
struct mydb_where {
	const char *user;
	const char *host;
	unsigned port;
	const char *socket; /* ?socket=PATH, in place of host and port */
	enum mydb_tls tls;  /* ?sslmode=disable, require, verify-full */
	const char *ca;     /* ?ssl-ca=FILE: trusted certificates, else the system's */
	const char *cert;   /* ?ssl-cert=FILE and ?ssl-key=FILE: our own */
	const char *key;
};

/* The texts are in `arena`. ERR_INPUT for a malformed url; the message does not show it. */
int mydb_parse_url(struct mydb_where *out, struct str url, struct arena *arena,
		   struct err *e) MUST_CHECK;

#endif
