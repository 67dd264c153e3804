/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the errors of a MySQL or MariaDB server, and of their client library, mean to us; and the
 * messages without what stands in rows.
 */

#include "base/buf.h"
#include "db/mysql.h"

#include <mysql.h>
#include <stdio.h>
#include <string.h>

enum { PARSE_ERROR = 1064 };

/* Numbers of the server's manual, "Server Error Message Reference"; 2000 and up are the client's.
 */
enum err_code mydb_code(unsigned number)
{
	static const struct {
		unsigned number;
		enum err_code code;
	} table[] = {
		{ 1022, ERR_EXISTS },      /* ER_DUP_KEY */
		{ 1062, ERR_EXISTS },      /* ER_DUP_ENTRY */
		{ 1586, ERR_EXISTS },      /* ER_DUP_ENTRY_WITH_KEY_NAME */
		{ 1040, ERR_UNAVAILABLE }, /* ER_CON_COUNT_ERROR */
		{ 1053, ERR_UNAVAILABLE }, /* ER_SERVER_SHUTDOWN */
		{ 1129, ERR_UNAVAILABLE }, /* ER_HOST_IS_BLOCKED */
		{ 1203, ERR_UNAVAILABLE }, /* ER_TOO_MANY_USER_CONNECTIONS */
		{ 1205, ERR_UNAVAILABLE }, /* ER_LOCK_WAIT_TIMEOUT */
		{ 1206, ERR_UNAVAILABLE }, /* ER_LOCK_TABLE_FULL */
		{ 1213, ERR_UNAVAILABLE }, /* ER_LOCK_DEADLOCK */
		{ 1226, ERR_UNAVAILABLE }, /* ER_USER_LIMIT_REACHED */
		{ 1317, ERR_UNAVAILABLE }, /* ER_QUERY_INTERRUPTED */
		{ 1969, ERR_UNAVAILABLE }, /* ER_STATEMENT_TIMEOUT (MariaDB) */
		{ 3024, ERR_UNAVAILABLE }, /* ER_QUERY_TIMEOUT (MySQL) */
		{ 3572, ERR_UNAVAILABLE }, /* ER_LOCK_NOWAIT */
		{ 1044, ERR_AUTH },        /* ER_DBACCESS_DENIED_ERROR */
		{ 1045, ERR_AUTH },        /* ER_ACCESS_DENIED_ERROR */
		{ 1130, ERR_AUTH },        /* ER_HOST_NOT_PRIVILEGED */
		{ 1251, ERR_AUTH },        /* ER_NOT_SUPPORTED_AUTH_MODE */
		{ 1698, ERR_AUTH },        /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
		{ 1820, ERR_AUTH },        /* ER_MUST_CHANGE_PASSWORD */
		{ 1862, ERR_AUTH },        /* ER_MUST_CHANGE_PASSWORD_LOGIN */
		{ 3118, ERR_AUTH },        /* ER_ACCOUNT_HAS_BEEN_LOCKED */
		{ 4151, ERR_AUTH },        /* ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB) */
		{ 2059, ERR_AUTH },        /* CR_AUTH_PLUGIN_CANNOT_LOAD */
		{ 2061, ERR_AUTH },        /* CR_AUTH_PLUGIN_ERR */
		{ 1049, ERR_NOTFOUND },    /* ER_BAD_DB_ERROR */
		{ 1927, ERR_LOST },        /* ER_CONNECTION_KILLED (MariaDB) */
		{ 4031, ERR_LOST },        /* ER_CLIENT_INTERACTION_TIMEOUT (MySQL) */
		{ 2006, ERR_LOST },        /* CR_SERVER_GONE_ERROR */
		{ 2013, ERR_LOST },        /* CR_SERVER_LOST */
		{ 2014, ERR_LOST },        /* CR_COMMANDS_OUT_OF_SYNC: a server out of step */
		{ 2026, ERR_LOST },        /* CR_SSL_CONNECTION_ERROR */
		{ 2027, ERR_LOST },        /* CR_MALFORMED_PACKET */
		{ 2055, ERR_LOST },        /* CR_SERVER_LOST_EXTENDED */
		{ 5014, ERR_LOST },        /* CR_ERR_NET_WRITE */
		{ 2008, ERR_NOMEM },       /* CR_OUT_OF_MEMORY */
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (table[i].number == number)
			return table[i].code;
	}
	return ERR_DB;
}

/* Messages that quote what was to be stored. */
static int is_about_data(unsigned number)
{
	static const unsigned numbers[] = { 1062, 1292, 1366, 1411, 1525, 1586, 3140 };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (numbers[i] == number)
			return 1;
	}
	return 0;
}

/* "Duplicate entry 'value' for key 'name'": all but the value, which may hold quotes itself. */
static void add_without_value(struct buf *b, struct str message)
{
	size_t first = str_find(message, '\''), last = message.n;
	for (size_t i = message.n; i > first + 1; i--) {
		struct str rest = str_from(message, i - 1);
		if (str_starts(rest, STR("' for ")) || str_starts(rest, STR("' in "))) {
			last = i;
			break;
		}
	}
	buf_add(b, str_first(message, first));
	if (first < message.n)
		buf_adds(b, "'...'");
	buf_add(b, str_from(message, last));
}

static int fail(MYSQL *conn, int connecting, struct err *e)
{
	char native[16];
	AUTO(buf) struct buf b;
	buf_init(&b, (size_t)1 << 16);
	unsigned number = mysql_errno(conn);
	struct str message = str_of(mysql_error(conn));
	message = str_first(message, str_find(message, '\n'));
	if (is_about_data(number))
		add_without_value(&b, message);
	else
		buf_add(&b, message);
	enum err_code code = mydb_code(number);
	/* Before there is a session, nothing can be lost; what the client itself says is that it
	 * did not get there. */
	if (connecting && (code == ERR_LOST || (code == ERR_DB && number >= 2000 && number < 3000)))
		code = ERR_UNAVAILABLE;
	if (code == ERR_LOST)
		(void)err_set(e, code, "the connection to the database broke: %s", b.p);
	else
		(void)err_set(e, code, "%s", b.p);
	(void)snprintf(native, sizeof native, "%u", number);
	err_native(e, native);
	return -1;
}

int mydb_fail(struct mydb *m, MYSQL *conn, struct err *e)
{
	enum err_code code = mydb_code(mysql_errno(conn));
	m->lost |= code == ERR_LOST;
	if (code == ERR_LOST && (m->cancelled || m->timed_out))
		return err_set(
		    e, ERR_LOST,
		    "the server did not answer to a cancel; the connection was given up");
	if (m->timed_out && code == ERR_UNAVAILABLE)
		return err_set(e, ERR_UNAVAILABLE,
			       "the statement took longer than %lld ms and was cancelled",
			       (long long)m->statement_ms);
	return fail(conn, 0, e);
}

int mydb_fail_connect(MYSQL *conn, struct err *e)
{
	return fail(conn, 1, e);
}

/* "... near 'TEXT' at line N": TEXT is the statement from where it was not understood, cut short.
 */
static int find_near(struct str *near, struct str message)
{
	static const char before[] = " near '", behind[] = "' at line ";
	size_t begin = 0, end = 0;
	for (size_t i = 0; i < message.n; i++) {
		if (begin == 0 && str_starts(str_from(message, i), str_of(before)))
			begin = i + sizeof before - 1;
		if (begin > 0 && str_starts(str_from(message, i), str_of(behind)))
			end = i;
	}
	if (begin == 0 || end <= begin)
		return 0;
	*near = str_first(str_from(message, begin), end - begin);
	return 1;
}

struct db_place mydb_error_place(const struct db_statement *s, const struct mydb *m)
{
	struct db_place place = s->place;
	struct str near = STR_NULL;
	size_t at = s->text.n;
	if (mysql_errno(m->conn) != PARSE_ERROR || !find_near(&near, str_of(mysql_error(m->conn))))
		return place;
	/* The last one: what follows it is all that is left of a short statement. */
	for (size_t i = s->text.n; i > 0 && at == s->text.n; i--) {
		if (str_starts(str_from(s->text, i - 1), near))
			at = i - 1;
	}
	for (size_t i = 0; at < s->text.n && i < at; i++) {
		unsigned char c = (unsigned char)s->text.p[i];
		place.line += c == '\n';
		place.column = c == '\n' ? 1 : place.column + ((c & 0xc0U) != 0x80U);
	}
	return place;
}
