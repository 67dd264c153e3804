/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with a PostgreSQL server: connecting with a deadline of our own, waiting, taking
 * results, and what the server's errors mean. No file but this one waits.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "db/postgres.h"

#include <libpq-fe.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	CONNECT_MS = 10000,    /* db_options.connect_timeout_ms when it is 0 */
	LOCK_MS = 5000,        /* db_options.lock_timeout_ms when it is 0 */
	CANCEL_MS = 10000,     /* a server that does not answer to a cancel is given up */
	IDLE_MS = 60000,       /* in a transaction of ours: its runner hangs, and others wait */
	OPTIONS_MAX = 4096,    /* bytes of the "options" keyword */
	DETAIL_MAX = 160,      /* longer details and hints are left out of a message */
	KEYWORDS_MAX = 64 + 8, /* libpq knows about 45 */
};

/* Sets libpq's own keywords where the url leaves them open, so that a dead peer is noticed. */
static const char *const defaults[][2] = {
	{ "keepalives", "1" },           { "keepalives_idle", "30" },
	{ "keepalives_interval", "10" }, { "keepalives_count", "3" },
	{ "tcp_user_timeout", "60000" },
};

AUTO_DEFINE(pg_result, PGresult *, PQclear);
AUTO_DEFINE(pg_text, char *, PQfreemem);

enum postgres_wait postgres_wait(struct postgres *p, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_mono_ms();
		if (deadline >= 0 && left < 0)
			left = 0;
		struct pollfd fds[2] = {
			{ .fd = p->wake, .events = POLLIN },
			{ .fd = events != 0 ? PQsocket(p->conn) : -1, .events = events },
		};
		int n = db_poll(&p->base, fds, 2, left < 0 ? -1 : num_clamp_int((size_t)left));
		if (n < 0 && errno == EINTR)
			continue;
		if (fds[0].revents != 0) {
			uint64_t count;
			(void)!read(p->wake, &count, sizeof count);
			return POSTGRES_CANCELLED;
		}
		return n == 0 ? POSTGRES_TIMEOUT : POSTGRES_READY;
	}
}

void postgres_call_start(struct postgres *p)
{
	uint64_t count;
	(void)!read(p->wake, &count, sizeof count); /* non-blocking: empty is no error */
	p->cancelled = 0;
	p->deadline = -1;
}

/* What libpq or a server calls by its SQLSTATE (PostgreSQL, "Error Codes"). */
enum err_code postgres_code(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum err_code code;
	} table[] = {
		{ "23505", ERR_EXISTS },      { "55P03", ERR_UNAVAILABLE },
		{ "55006", ERR_UNAVAILABLE }, { "57014", ERR_UNAVAILABLE },
		{ "57P01", ERR_UNAVAILABLE }, { "57P02", ERR_UNAVAILABLE },
		{ "57P03", ERR_UNAVAILABLE }, { "57P05", ERR_LOST },
		{ "40003", ERR_LOST },        { "40001", ERR_UNAVAILABLE },
		{ "40P01", ERR_UNAVAILABLE }, { "53", ERR_UNAVAILABLE },
		{ "08", ERR_UNAVAILABLE },    { "28", ERR_AUTH },
		{ "3D000", ERR_NOTFOUND },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].code;
	}
	return ERR_DB;
}

int postgres_lost(struct postgres *p, struct err *e)
{
	if (p->cancelled)
		return err_set(e, ERR_LOST,
			       "the server did not answer to a cancel; the connection "
			       "was given up");
	struct str why = str_of(PQerrorMessage(p->conn));
	why = str_first(why, str_find(why, '\n'));
	return err_set(e, ERR_LOST, "the connection to the database broke: %.*s", STR_ARG(why));
}

static const char *field_of(const PGresult *result, int field)
{
	const char *text = PQresultErrorField(result, field);
	return text != NULL ? text : "";
}

/* Data that did not fit (22) or broke a constraint (23): the detail shows the row's content. */
static int is_about_data(const PGresult *result)
{
	const char *state = field_of(result, PG_DIAG_SQLSTATE);
	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
}

/* The fields of a message that follow the primary one: each with what is written before it. */
static const struct {
	int field;
	const char *label;
	int names; /* for errors about data, instead of the detail */
} extras[] = {
	{ PG_DIAG_TABLE_NAME, "table ", 1 },
	{ PG_DIAG_COLUMN_NAME, "column ", 1 },
	{ PG_DIAG_CONSTRAINT_NAME, "constraint ", 1 },
	{ PG_DIAG_MESSAGE_DETAIL, "", 0 },
	{ PG_DIAG_MESSAGE_HINT, "", 0 },
};

/* "primary (detail hint)" with what is short, or "primary (table t constraint c)". */
static void message_of(struct buf *b, const PGresult *result)
{
	int open = 0, data = is_about_data(result);
	const char *primary = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
	buf_adds(b, primary);
	for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++) {
		const char *text = field_of(result, extras[i].field);
		int wanted = extras[i].names == data || extras[i].field == PG_DIAG_MESSAGE_HINT;
		if (!wanted || text[0] == '\0' || strlen(text) > DETAIL_MAX ||
		    strstr(primary, text) != NULL)
			continue;
		buf_addf(b, "%s%s%s", open ? " " : " (", extras[i].label, text);
		open = 1;
	}
	if (open)
		buf_addc(b, ')');
}

int postgres_fail(struct postgres *p, const PGresult *result, struct err *e)
{
	const char *state = field_of(result, PG_DIAG_SQLSTATE);
	if (state[0] == '\0' && PQstatus(p->conn) != CONNECTION_OK)
		return postgres_lost(p, e);
	AUTO(buf) struct buf b;
	buf_init(&b, (size_t)1 << 20);
	if (state[0] != '\0')
		message_of(&b, result);
	else
		buf_adds(&b, PQresultErrorMessage(result));
	/* After FATAL the session is gone, whatever the reason was. */
	const char *severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	int fatal = strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
	(void)err_set(e, fatal ? ERR_LOST : postgres_code(state), "%s", b.p);
	err_native(e, state);
	return -1;
}

/* The session's own thread asks the server to stop; then it waits for the answer, but not for ever.
 */
static void send_cancel(void *cancel)
{
	char why[128];
	(void)PQcancel(cancel, why, sizeof why);
}

static void pass_cancel(struct postgres *p)
{
	p->cancelled = 1;
	p->deadline = clock_mono_ms() + CANCEL_MS;
	/* It connects anew, and waits for that. */
	db_aside(&p->base, send_cancel, p->cancel);
}

/* Bytes of a COPY would be read for ever. COPY_BOTH is for replication; we never ask for that. */
int postgres_refuse_copy(const PGresult *result, struct err *e)
{
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH)
		return 0;
	return err_set(e, ERR_LOST, "the server began a COPY that nobody asked for");
}

static int take_result(PGresult **out, struct postgres *p, struct err *e)
{
	AUTO(pg_result) PGresult *result = PQgetResult(p->conn);
	if (PQresultStatus(result) == PGRES_COPY_BOTH)
		return postgres_refuse_copy(result, e);
	*out = TAKE(result);
	return 0;
}

int postgres_result(PGresult **out, struct postgres *p, struct err *e)
{
	for (;;) {
		int left = PQflush(p->conn);
		/* A broken connection may still hold the server's last words: read on. */
		if (left >= 0 && !PQisBusy(p->conn))
			return take_result(out, p, e);
		if (left < 0 && PQstatus(p->conn) != CONNECTION_OK)
			return postgres_lost(p, e);
		short events = (short)(left > 0 ? POLLIN | POLLOUT : POLLIN);
		switch (postgres_wait(p, events, p->deadline)) {
		case POSTGRES_CANCELLED:
			pass_cancel(p);
			break;
		case POSTGRES_TIMEOUT:
			return postgres_lost(p, e);
		case POSTGRES_READY:
			if (!PQconsumeInput(p->conn) && PQisBusy(p->conn))
				return postgres_lost(p, e);
			break;
		}
	}
}

int postgres_send(struct postgres *p, const char *sql, struct err *e)
{
	if (PQsendQuery(p->conn, sql))
		return 0;
	if (PQstatus(p->conn) != CONNECTION_OK)
		return postgres_lost(p, e);
	return err_set(e, ERR_DB, "cannot send to the server: %s", PQerrorMessage(p->conn));
}

int postgres_end_copy(struct postgres *p, const PGresult *result, struct err *e)
{
	static const char why[] =
	    "COPY from or to the client is refused: a migration has no client";
	char *data = NULL;
	if (PQresultStatus(result) == PGRES_COPY_IN) {
		int rc;
		while ((rc = PQputCopyEnd(p->conn, why)) == 0) {
			enum postgres_wait w = postgres_wait(p, POLLOUT, p->deadline);
			if (w == POSTGRES_TIMEOUT)
				return postgres_lost(p, e);
			if (w == POSTGRES_CANCELLED)
				pass_cancel(p);
		}
		return rc > 0 ? 0 : postgres_lost(p, e);
	}
	for (;;) {
		int rc = PQgetCopyData(p->conn, &data, 1);
		PQfreemem(data);
		if (rc < 0)
			return 0; /* its outcome is the next result */
		if (rc > 0)
			continue;
		enum postgres_wait w = postgres_wait(p, POLLIN, p->deadline);
		if (w == POSTGRES_CANCELLED)
			pass_cancel(p);
		else if (w == POSTGRES_TIMEOUT || !PQconsumeInput(p->conn))
			return postgres_lost(p, e);
	}
}

int postgres_simple(struct postgres *p, const char *sql, struct err *e)
{
	if (postgres_send(p, sql, e) != 0)
		return -1;
	int rc = 0;
	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_result(&result, p, e) != 0)
			return -1;
		if (result == NULL)
			return rc;
		if (postgres_refuse_copy(result, e) != 0)
			return -1;
		ExecStatusType status = PQresultStatus(result);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && rc == 0)
			rc = postgres_fail(p, result, e);
	}
}

int64_t postgres_changed(PGresult *result)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE", "MERGE" };
	struct str tag = str_of(PQcmdStatus(result));
	int64_t n = 0;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		/* A tag without a number is of a rule's making and counts nothing. */
		if (str_starts(tag, str_of(verbs[i])))
			IGNORE(num_parse_i64(&n, str_of(PQcmdTuples(result)), 0, INT64_MAX));
	}
	return n;
}

static void on_notice(void *context, const PGresult *result)
{
	const struct postgres *p = context;
	if (p->script == NULL || p->script->notice == NULL)
		return;
	AUTO(buf) struct buf b;
	buf_init(&b, (size_t)1 << 20);
	buf_addf(&b, "%s: ", field_of(result, PG_DIAG_SEVERITY));
	message_of(&b, result);
	p->script->notice(p->script->context, buf_str(&b));
}

/* The keywords of one connection; libpq's arrays end with NULL. */
struct keywords {
	const char *names[KEYWORDS_MAX + 1];
	const char *values[KEYWORDS_MAX + 1];
	size_t n;
};

/* Set a keyword, over what is there when `force`. An absent value sets nothing. */
static void set_keyword(struct keywords *k, const char *name, const char *value, int force)
{
	if (value == NULL)
		return;
	size_t i = 0;
	while (i < k->n && strcmp(k->names[i], name) != 0)
		i++;
	if (i == KEYWORDS_MAX || (i < k->n && !force))
		return;
	k->names[i] = name;
	k->values[i] = value;
	if (i == k->n)
		k->n++;
}

static const char *get_keyword(const struct keywords *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(k->names[i], name) == 0)
			return k->values[i];
	}
	return "";
}

static void free_options(PQconninfoOption *options)
{
	PQconninfoFree(options);
}

AUTO_DEFINE(pg_options, PQconninfoOption *, free_options);

static int parse_url(PQconninfoOption **out, const char *url, struct err *e)
{
	AUTO(pg_text) char *why = NULL;
	*out = PQconninfoParse(url, &why);
	if (*out != NULL)
		return 0;
	/* libpq's message quotes what it could not read, which may be a password. */
	struct str text = str_of(url);
	int quiet = why == NULL || str_find(text, '@') < text.n || strstr(url, "password") != NULL;
	return err_set(e, ERR_INPUT, "malformed postgresql url%s%s", quiet ? "" : ": ",
		       quiet ? "" : why);
}

/*
 * Whether the user is called like the ledger's schema. Without a user in the url it is the
 * environment's or the system's.
 */
static int is_named_like_ledger(const char *user)
{
	AUTO(pg_options) PQconninfoOption *fallback = NULL;
	if (user[0] == '\0')
		fallback = PQconndefaults();
	for (const PQconninfoOption *o = fallback; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "user") == 0 && o->val != NULL)
			user = o->val;
	}
	return strcmp(user, "tidegate") == 0;
}

static void add_setting(struct buf *b, struct buf *settings, const char *name, int64_t value)
{
	buf_addf(b, "-c %s=%lld ", name, (long long)value);
	buf_addf(settings, "set %s = %lld;", name, (long long)value);
}

/*
 * Settings as startup options, so that RESET ALL returns to them; the url's own come after ours and
 * win, but for the one that changes where a script's texts end: the screen reads them as the
 * standard has it, and so must the server, whatever the database or the role have set.
 * The server's own search path begins with the schema that is called like the user: a migration's
 * tables must not land beside the ledger.
 */
static int startup_options(struct buf *b, struct buf *settings, const struct db_options *o,
			   const char *user, const char *own, struct err *e)
{
	int64_t lock_ms = o->lock_timeout_ms > 0 ? o->lock_timeout_ms : LOCK_MS;
	buf_adds(settings, "set standard_conforming_strings = on;");
	add_setting(b, settings, "lock_timeout", lock_ms);
	add_setting(b, settings, "idle_in_transaction_session_timeout", IDLE_MS);
	if (o->statement_timeout_ms > 0)
		add_setting(b, settings, "statement_timeout", o->statement_timeout_ms);
	else
		buf_adds(settings, "reset statement_timeout;");
	if (is_named_like_ledger(user))
		buf_adds(b, "-c search_path=public ");
	buf_adds(settings,
		 is_named_like_ledger(user) ? "set search_path = public;" : "reset search_path;");
	buf_addf(b, "%s -c standard_conforming_strings=on", own);
	return buf_check(b, e) != 0 ? -1 : buf_check(settings, e);
}

/* "FATAL:  28P01: text\nLOCATION: ..." (PQERRORS_VERBOSE): the state, and the text behind it. */
static struct str split_state(char state[6], struct str message)
{
	for (size_t i = 0; i + 10 < message.n; i++) {
		struct str at = str_from(message, i);
		size_t n = strspn(at.p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (str_starts(at, STR(":  ")) && n == 5 &&
		    str_starts(str_from(at, 8), STR(": "))) {
			(void)snprintf(state, 6, "%.5s", at.p + 3);
			return str_from(at, 10);
		}
	}
	return message;
}

/* Why a connection could not be made. With several addresses, the last one's reason. */
static int connect_fail(struct postgres *p, const char *password, struct err *e)
{
	char state[6] = "";
	struct str message = str_of(PQerrorMessage(p->conn));
	message = split_state(state, message);
	message = str_first(message, str_find(message, '\n'));
	if (password != NULL && password[0] != '\0' &&
	    strstr(PQerrorMessage(p->conn), password) != NULL)
		message = STR("the server refused the connection");
	enum err_code code = ERR_UNAVAILABLE;
	if (state[0] != '\0')
		code = postgres_code(state);
	else if (PQconnectionNeedsPassword(p->conn))
		code = ERR_AUTH;
	if (code == ERR_LOST)
		code = ERR_UNAVAILABLE;
	/* pgbouncer's words; no PostgreSQL says this. */
	int pooler = strstr(PQerrorMessage(p->conn), "unsupported startup parameter") != NULL;
	(void)err_set(e, code, "%.*s%s", STR_ARG(message),
		      pooler ? "; that is a pooler: add it to its ignore_startup_parameters, or "
			       "point the instance at PostgreSQL itself"
			     : "");
	err_native(e, state);
	return -1;
}

/* libpq's own steps of connecting. It looks names up while it is called, and does not come back
 * before the resolver does. */
struct connecting {
	struct postgres *p;
	const struct keywords *keywords; /* NULL: go on */
	PostgresPollingStatusType status;
};

static void connect_step(void *argument)
{
	struct connecting *c = argument;
	if (c->keywords == NULL)
		c->status = PQconnectPoll(c->p->conn);
	else /* the database's name is never expanded: it is no connection string */
		c->p->conn = PQconnectStartParams(c->keywords->names, c->keywords->values, 0);
}

/* Whether a host must be looked up: all but one numeric address and a socket's directory. */
static int is_name(const char *host)
{
	struct in6_addr any;
	return host[0] != '/' && inet_pton(AF_INET, host, &any) != 1 &&
	       inet_pton(AF_INET6, host, &any) != 1;
}

static void start_connecting(struct postgres *p, const struct keywords *k)
{
	struct connecting c = { .p = p, .keywords = k };
	p->lookup = get_keyword(k, "hostaddr")[0] == '\0' && is_name(get_keyword(k, "host"));
	if (p->lookup)
		db_aside(&p->base, connect_step, &c);
	else
		connect_step(&c);
}

static PostgresPollingStatusType go_on_connecting(struct postgres *p)
{
	struct connecting c = { .p = p };
	/* The next of several hosts is looked up when it is its turn. */
	if (p->lookup)
		db_aside(&p->base, connect_step, &c);
	else
		connect_step(&c);
	return c.status;
}

static int handshake(struct postgres *p, const char *password, int64_t timeout_ms, struct err *e)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	/* Verbose messages are the only place where libpq tells the SQLSTATE of a refused login. */
	(void)PQsetErrorVerbosity(p->conn, PQERRORS_VERBOSE);
	while (status == PGRES_POLLING_WRITING || status == PGRES_POLLING_READING) {
		short events = status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
		if (PQstatus(p->conn) == CONNECTION_BAD)
			return connect_fail(p, password, e);
		if (postgres_wait(p, events, deadline) != POSTGRES_READY)
			return err_set(e, ERR_UNAVAILABLE,
				       "no answer from the server within %lld ms",
				       (long long)timeout_ms);
		status = go_on_connecting(p);
	}
	if (status != PGRES_POLLING_OK)
		return connect_fail(p, password, e);
	(void)PQsetErrorVerbosity(p->conn, PQERRORS_DEFAULT);
	return 0;
}

/* Everything that makes the connection: the url's keywords, ours over them, then the handshake. */
static int connect_to(struct postgres *p, const struct db_options *o, const char *url,
		      const char *database, struct err *e)
{
	AUTO(pg_options) PQconninfoOption *parsed = NULL;
	AUTO(buf) struct buf options;
	AUTO(buf) struct buf settings;
	buf_init(&options, OPTIONS_MAX);
	buf_init(&settings, OPTIONS_MAX);
	struct keywords k = { .n = 0 };
	const char *application = o->application != NULL ? o->application : "tidegate";
	if (parse_url(&parsed, url, e) != 0)
		return -1;
	for (const PQconninfoOption *opt = parsed; opt != NULL && opt->keyword != NULL; opt++)
		set_keyword(&k, opt->keyword, opt->val, 1);
	if (startup_options(&options, &settings, o, get_keyword(&k, "user"),
			    get_keyword(&k, "options"), e) != 0)
		return -1;
	p->settings = mem_copy(settings.p, settings.n);
	if (p->settings == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		set_keyword(&k, defaults[i][0], defaults[i][1], 0);
	set_keyword(&k, "dbname", database, 1);
	set_keyword(&k, "password", o->password != NULL ? secret_reveal(o->password).p : NULL, 1);
	set_keyword(&k, "application_name", application, 1);
	set_keyword(&k, "client_encoding", "UTF8", 1);
	set_keyword(&k, "options", options.p, 1);
	start_connecting(p, &k);
	if (p->conn == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	(void)PQsetNoticeReceiver(p->conn, on_notice, p);
	p->connect_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : CONNECT_MS;
	return handshake(p, get_keyword(&k, "password"), p->connect_ms, e);
}

/* A session that has no connection yet; it waits as `like` does. */
static struct postgres *make_session(const struct db *like, struct err *e)
{
	struct postgres *p = mem_array(1, sizeof *p);
	if (p == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	p->base.driver = &db_postgres;
	p->base.poll = like->poll;
	p->base.aside = like->aside;
	p->base.poll_context = like->poll_context;
	p->deadline = -1;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake >= 0)
		return p;
	(void)err_sys(e, errno, "cannot make an eventfd");
	postgres_close(&p->base);
	return NULL;
}

static int finish_session(struct postgres *p, struct err *e)
{
	if (PQsetnonblocking(p->conn, 1) == 0 && (p->cancel = PQgetCancel(p->conn)) != NULL)
		return 0;
	return err_set(e, ERR_NOMEM, "out of memory");
}

static int connect_twin(struct postgres *twin, const struct postgres *p, struct err *e)
{
	AUTO(pg_options) PQconninfoOption *same = PQconninfo(p->conn);
	struct keywords k = { .n = 0 };
	for (const PQconninfoOption *opt = same; opt != NULL && opt->keyword != NULL; opt++)
		set_keyword(&k, opt->keyword, opt->val, 1);
	start_connecting(twin, &k);
	if (same == NULL || twin->conn == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return handshake(twin, get_keyword(&k, "password"), p->connect_ms, e);
}

int postgres_twin(struct db **out, const struct postgres *p, struct err *e)
{
	struct postgres *twin = make_session(&p->base, e);
	if (twin == NULL)
		return -1;
	if (connect_twin(twin, p, e) != 0 || finish_session(twin, e) != 0) {
		postgres_close(&twin->base);
		return -1;
	}
	*out = &twin->base;
	return 0;
}

int postgres_open(struct db **out, const struct db_options *o, struct err *e)
{
	AUTO(free) char *url = str_to_cstr(o->url, e);
	AUTO(free) char *database = NULL;
	if (url == NULL)
		return -1;
	if (o->database.p != NULL && (database = str_to_cstr(o->database, e)) == NULL)
		return -1;
	const struct db like = { .poll = o->poll,
				 .aside = o->aside,
				 .poll_context = o->poll_context };
	struct postgres *p = make_session(&like, e);
	if (p == NULL)
		return -1;
	int rc = connect_to(p, o, url, database, e);
	if (rc == 0)
		rc = finish_session(p, e);
	if (rc != 0) {
		postgres_close(&p->base);
		if (database != NULL)
			return err_wrap(e, "cannot open database '%s'", database);
		return err_wrap(e, "cannot open the database");
	}
	*out = &p->base;
	return 0;
}

void postgres_close(struct db *db)
{
	struct postgres *p = (struct postgres *)db;
	PQfreeCancel(p->cancel);
	PQfinish(p->conn);
	mem_free(p->settings);
	if (p->wake >= 0)
		(void)close(p->wake);
	mem_free(p);
}
