/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with a MySQL or MariaDB server: connecting with what the url says and nothing else,
 * setting it up, and changing it for a clean one.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "db/mysql_wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mysql.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECT_MS = 10000, /* db_options.connect_timeout_ms when it is 0 */
	LOCK_MS = 5000,     /* db_options.lock_timeout_ms when it is 0 */
	STRINGS_MAX = 1 << 16,
	SETUP_MAX = 1024,
	HANDOVER_MS = 10000, /* of the lock, from a session to the clean one */
};

/*
 * Ways to log in that do not send the password as it is: a server that asks for another may be
 * somebody else's.
 */
static const char logins[] =
    "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password";

AUTO_DEFINE(mysql, MYSQL *, mysql_close);

/* One step of connecting, on whatever thread. */
struct connecting {
	struct mydb_call *c;
	int starts;
	int status; /* in: what has come true; out: what to wait for */
};

static void connect_step(void *argument)
{
	struct connecting *x = argument;
	const struct mydb *m = x->c->m;
	if (!x->starts) {
		x->status = mysql_real_connect_cont(&x->c->connected, x->c->conn, x->status);
		return;
	}
	/* FOUND_ROWS: an UPDATE counts what it matched, as other databases do. */
	x->status = mysql_real_connect_start(
	    &x->c->connected, x->c->conn, m->where.host, m->where.user,
	    m->password != NULL ? secret_reveal(m->password).p : "", m->database, m->where.port,
	    m->where.socket, CLIENT_FOUND_ROWS);
}

/* A host's name is looked up in the calling thread, and the library waits by itself within the
 * handshake of TLS. */
static int may_block(const struct mydb_where *w, int starts)
{
	struct in6_addr any;
	if (w->tls != MYDB_TLS_OFF)
		return 1;
	return starts && w->socket == NULL && inet_pton(AF_INET, w->host, &any) != 1 &&
	       inet_pton(AF_INET6, w->host, &any) != 1;
}

static int step(struct connecting *x)
{
	if (may_block(&x->c->m->where, x->starts))
		db_aside(&x->c->m->base, connect_step, x);
	else
		connect_step(x);
	return x->status;
}

static int connect_cont(struct mydb_call *c, int ready)
{
	struct connecting x = { .c = c, .status = ready };
	return step(&x);
}

static int set_tls(MYSQL *conn, const struct mydb_where *w)
{
	my_bool enforce = w->tls != MYDB_TLS_OFF, verify = w->tls == MYDB_TLS_VERIFIED;
	int rc = mysql_optionsv(conn, MYSQL_OPT_SSL_ENFORCE, &enforce);
	rc |= mysql_optionsv(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	if (w->ca != NULL)
		rc |= mysql_optionsv(conn, MYSQL_OPT_SSL_CA, w->ca);
	if (w->cert != NULL)
		rc |= mysql_optionsv(conn, MYSQL_OPT_SSL_CERT, w->cert);
	if (w->key != NULL)
		rc |= mysql_optionsv(conn, MYSQL_OPT_SSL_KEY, w->key);
	return rc;
}

static int set_options(MYSQL *conn, const struct mydb *m)
{
	unsigned no_infile = 0, seconds = (unsigned)((m->connect_ms + 999) / 1000);
	unsigned protocol = m->where.socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	int rc = mysql_optionsv(conn, MYSQL_OPT_NONBLOCK, 0);
	/* A hostile server would read our files. */
	rc |= mysql_optionsv(conn, MYSQL_OPT_LOCAL_INFILE, &no_infile);
	rc |= mysql_optionsv(conn, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	rc |= mysql_optionsv(conn, MYSQL_OPT_PROTOCOL, &protocol);
	rc |= mysql_optionsv(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	rc |= mysql_optionsv(conn, MARIADB_OPT_RESTRICTED_AUTH, logins);
	rc |= mysql_optionsv(conn, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", m->application);
	return rc | set_tls(conn, &m->where);
}

/* A dead peer is noticed within two minutes, also while a statement runs. */
static void keep_alive(MYSQL *conn)
{
	static const int settings[][3] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },       { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		(void)setsockopt(mysql_get_socket(conn), settings[i][0], settings[i][1],
				 &settings[i][2], sizeof settings[i][2]);
}

MYSQL *mydb_dial(struct mydb *m, enum mydb_on_cancel on_cancel, int64_t deadline, struct err *e)
{
	AUTO(mysql) MYSQL *conn = mysql_init(NULL);
	if (conn == NULL || set_options(conn, m) != 0) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	struct mydb_call c = { .m = m, .conn = conn, .on_cancel = on_cancel, .deadline = deadline };
	struct connecting first = { .c = &c, .starts = 1 };
	mydb_drive(&c, step(&first), connect_cont);
	if (c.connected != NULL && m->where.tls != MYDB_TLS_OFF &&
	    mysql_get_ssl_cipher(conn) == NULL) {
		/* The library goes on in the clear with a server that has no TLS. */
		(void)err_set(e, ERR_UNAVAILABLE,
			      "the server does not offer TLS, which the url asks for");
		return NULL;
	}
	if (c.connected != NULL) {
		keep_alive(conn);
		return TAKE(conn);
	}
	if (m->cancelled && on_cancel == MYDB_CANCEL_GIVES_UP)
		(void)err_set(e, ERR_UNAVAILABLE, "connecting was cancelled");
	else if (c.given_up)
		(void)err_set(e, ERR_UNAVAILABLE, "no answer from the server within %lld ms",
			      (long long)m->connect_ms);
	else
		(void)mydb_fail_connect(conn, e);
	return NULL;
}

/*
 * What every session of ours has, whatever the server's defaults are. A script's strings end where
 * the splitter saw them end; a COMMIT ends its transaction and nothing else; the server tells when
 * a statement changes the session. The SQL mode stays the server's own otherwise.
 */
static void setup_text(struct buf *b, const struct mydb *m, MYSQL *conn)
{
	long long seconds = (long long)((m->lock_ms + 999) / 1000);
	buf_addf(b,
		 "set names utf8mb4, autocommit = 1, completion_type = 'NO_CHAIN',"
		 " innodb_lock_wait_timeout = %lld, lock_wait_timeout = %lld,"
		 " session_track_state_change = 'ON'",
		 seconds, seconds);
	if (m->statement_ms > 0 && mariadb_connection(conn))
		buf_addf(b, ", max_statement_time = %lld.%03lld",
			 (long long)(m->statement_ms / 1000), (long long)(m->statement_ms % 1000));
	if (conn->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES)
		buf_adds(b, ", sql_mode = trim(both ',' from replace(concat(',', @@sql_mode, ','),"
			    " ',NO_BACKSLASH_ESCAPES,', ','))");
}

static int setup(struct mydb *m, MYSQL *conn, struct err *e)
{
	AUTO(buf) struct buf b;
	buf_init(&b, SETUP_MAX);
	setup_text(&b, m, conn);
	if (buf_check(&b, e) != 0)
		return -1;
	struct mydb_call c = { .m = m,
			       .conn = conn,
			       .on_cancel = MYDB_CANCEL_GIVES_UP,
			       .deadline = clock_mono_ms() + m->connect_ms };
	if (mydb_send(&c, buf_str(&b)) == 0)
		return 0;
	(void)mydb_fail_connect(conn, e);
	return err_wrap(e, "cannot set the session up (MySQL 5.7 or MariaDB 10.2 is needed)");
}

/* A session with everything that it needs; NULL when it failed. */
static MYSQL *connect_session(struct mydb *m, struct err *e)
{
	AUTO(mysql)
	MYSQL *conn = mydb_dial(m, MYDB_CANCEL_GIVES_UP, clock_mono_ms() + m->connect_ms, e);
	if (conn == NULL || setup(m, conn, e) != 0)
		return NULL;
	return TAKE(conn);
}

/* "`database`.tidegate_revision": a script may go to another database. */
static void name_ledger(struct mydb *m)
{
	size_t n = 0;
	m->ledger[n++] = '`';
	for (const char *p = m->database; *p != '\0'; p++) {
		if (*p == '`')
			m->ledger[n++] = '`';
		m->ledger[n++] = *p;
	}
	(void)snprintf(m->ledger + n, sizeof m->ledger - n, "`.tidegate_revision");
	m->base.ledger = m->ledger;
}

/* User locks are the whole server's, and have short names. */
static int name_lock(struct mydb *m, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[33];
	AUTO(digest) struct digest *d = digest_new();
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (digest_sha256(d, sum, str_of(m->database), e) != 0)
		return -1;
	(void)snprintf(m->lock_name, sizeof m->lock_name, "tidegate:%s", hex_encode(hex, sum, 16));
	return 0;
}

static int copy_options(struct mydb *m, const struct db_options *o, struct err *e)
{
	const char *application = o->application != NULL ? o->application : "tidegate";
	m->connect_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : CONNECT_MS;
	m->lock_ms = o->lock_timeout_ms > 0 ? o->lock_timeout_ms : LOCK_MS;
	m->statement_ms = o->statement_timeout_ms;
	m->application = arena_str(&m->arena, str_of(application)).p;
	m->database = arena_str(&m->arena, o->database).p;
	if (m->application == NULL || (o->database.p != NULL && m->database == NULL))
		return arena_err(&m->arena, e);
	if (o->database.n > 256 || str_find(o->database, '\0') < o->database.n)
		return err_set(e, ERR_INPUT, "malformed name of a database");
	if (o->password != NULL &&
	    secret_from_bytes(&m->password, secret_reveal(o->password), e) != 0)
		return -1;
	if (mydb_parse_url(&m->where, o->url, &m->arena, e) != 0)
		return -1;
	if (m->database == NULL)
		return 0;
	name_ledger(m);
	return name_lock(m, e);
}

static int start(struct mydb *m, const struct db_options *o, struct err *e)
{
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->wake < 0)
		return err_sys(e, errno, "cannot make an eventfd");
	if (copy_options(m, o, e) != 0)
		return -1;
	m->conn = connect_session(m, e);
	return m->conn != NULL ? 0 : -1;
}

int mydb_open(struct db **out, const struct db_options *o, struct err *e)
{
	struct mydb *m = mem_array(1, sizeof *m);
	if (m == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	arena_init(&m->arena, STRINGS_MAX);
	m->base.poll = o->poll;
	m->base.aside = o->aside;
	m->base.poll_context = o->poll_context;
	if (start(m, o, e) != 0) {
		mydb_close(&m->base);
		if (o->database.p != NULL)
			return err_wrap(e, "cannot open database '%.*s'", STR_ARG(o->database));
		return err_wrap(e, "cannot open the database");
	}
	*out = &m->base;
	return 0;
}

void mydb_close(struct db *db)
{
	struct mydb *m = (struct mydb *)db;
	/* What it says goodbye with must not wait for a server that is gone. */
	if (m->conn != NULL && m->lost)
		(void)shutdown(mysql_get_socket(m->conn), SHUT_RDWR);
	if (m->conn != NULL)
		mysql_close(m->conn);
	if (m->wake >= 0)
		(void)close(m->wake);
	secret_free(m->password);
	arena_free(&m->arena);
	mem_free(m);
}

static int query_cont(struct mydb_call *c, int ready)
{
	return mysql_send_query_cont(&c->rc, c->conn, ready);
}

static int answer_cont(struct mydb_call *c, int ready)
{
	my_bool failed = 0;
	int status = mysql_read_query_result_cont(&failed, c->conn, ready);
	c->rc = failed;
	return status;
}

/* Ask for the lock on the clean session, which the old one still holds; the answer comes when that
 * lets it go. */
static int ask_lock(struct mydb *m, struct mydb_call *c, struct err *e)
{
	char sql[160];
	int n = snprintf(sql, sizeof sql, "select get_lock('%s', %d)", m->lock_name,
			 HANDOVER_MS / 1000);
	mydb_drive(c, mysql_send_query_start(&c->rc, c->conn, sql, (unsigned long)n), query_cont);
	return c->rc == 0 ? 0 : mydb_fail(m, c->conn, e);
}

/* The old session sees the new one wait: from now on nobody can come between them. */
static int sees_waiting(struct mydb *m, unsigned long id, struct err *e)
{
	char sql[160];
	MYSQL_RES *result = NULL;
	(void)snprintf(sql, sizeof sql,
		       "select 1 from information_schema.processlist where id = %lu"
		       " and state = 'User lock'",
		       id);
	if (mydb_run(&result, m, str_of(sql), NULL, e) != 0)
		return -1;
	int seen = result != NULL && mysql_num_rows(result) > 0;
	mysql_free_result(result);
	return seen;
}

static int wait_for_waiting(struct mydb *m, unsigned long id, struct err *e)
{
	int64_t until = clock_mono_ms() + HANDOVER_MS / 2;
	for (int64_t now = clock_mono_ms(); now < until; now = clock_mono_ms()) {
		int seen = sees_waiting(m, id, e);
		if (seen != 0)
			return seen < 0 ? -1 : 0;
		if (mydb_pause(m, now + 2))
			return err_set(e, ERR_UNAVAILABLE, "cleaning the session was cancelled");
	}
	return err_set(e, ERR_UNAVAILABLE, "the lock of the runner cannot be handed over");
}

/* 0 when the answer says that the lock is the clean session's. */
static int take_lock(struct mydb *m, struct mydb_call *c, struct err *e)
{
	my_bool failed = 0;
	int status = mysql_read_query_result_start(&failed, c->conn);
	c->rc = failed;
	c->deadline = clock_mono_ms() + HANDOVER_MS * 2;
	mydb_drive(c, status, answer_cont);
	if (c->rc != 0 || mydb_store(c) != 0)
		return mydb_fail(m, c->conn, e);
	MYSQL_ROW row = mysql_fetch_row(c->result);
	int got = row != NULL && row[0] != NULL && strcmp(row[0], "1") == 0;
	mysql_free_result(c->result);
	if (got)
		return 0;
	m->lost = 1;
	return err_set(e, ERR_LOST,
		       "the lock of the runner was lost while the session was cleaned");
}

/*
 * Nothing less cleans all of it: a reset of the connection lets the lock go, and what a script left
 * (temporary tables, variables, prepared statements, a role) cannot be listed. The new session
 * waits for the lock before the old one ends, so that no other runner comes between them.
 */
int mydb_renew(struct mydb *m, struct err *e)
{
	AUTO(mysql) MYSQL *conn = connect_session(m, e);
	if (conn == NULL)
		return err_wrap(e, "cannot clean the session");
	struct mydb_call c = { .m = m,
			       .conn = conn,
			       .on_cancel = MYDB_CANCEL_GIVES_UP,
			       .deadline = clock_mono_ms() + m->connect_ms };
	m->renew = 0; /* what follows runs on the old session */
	if (m->locked &&
	    (ask_lock(m, &c, e) != 0 || wait_for_waiting(m, mysql_thread_id(conn), e) != 0)) {
		m->renew = 1;
		c.given_up = 1;
		(void)shutdown(mysql_get_socket(conn), SHUT_RDWR);
		return -1;
	}
	mysql_close(m->conn);
	m->conn = TAKE(conn);
	m->dirty = 0;
	return m->locked ? take_lock(m, &c, e) : 0;
}
