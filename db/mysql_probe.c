/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there of the thing that a DDL statement makes, changes or drops: its definition, as a
 * digest. DDL is atomic since MySQL 8.0 and MariaDB 10.6, so a definition that has not changed says
 * that the statement was not done; older servers are not asked. The look is a connection's of its
 * own: what a script has set in its session would change how a definition is written.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "db/mysql_wait.h"

#include <mysql.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME_BYTES = 300, /* 64 characters of four bytes, quoted */
	SQL_MAX = 2048,
	MARIADB_ATOMIC = 100600,
	MYSQL_ATOMIC = 80000,
};

/* What the server has a definition of: how to ask, and in which column the answer is. */
static const struct thing {
	const char *word;
	const char *show;
	unsigned column;
} things[] = {
	{ "table", "table", 1 },       { "view", "view", 1 },       { "procedure", "procedure", 2 },
	{ "function", "function", 2 }, { "trigger", "trigger", 2 }, { "event", "event", 3 },
	{ "database", "database", 1 }, { "schema", "database", 1 },
};
enum { TABLE = 0, DATABASE = 6 };

/* A name as the statement has it: safe to be put into another one. */
struct name {
	struct str database; /* absent: the session's own */
	struct str name;     /* absent: none */
};

/* What a statement is about; `thing` NULL: it cannot be told. */
struct subject {
	const struct thing *thing;
	struct name name;
	struct name renamed; /* RENAME TABLE: the new one */
};

struct reading {
	struct mydb_lexer lexer;
	struct mydb_token token;
};

static int next(struct reading *r)
{
	r->token = mydb_token(&r->lexer);
	return r->token.kind != MYDB_END;
}

static int is(const struct reading *r, const char *word)
{
	return mydb_is_word(&r->token, word);
}

static int is_name(const struct reading *r)
{
	return (r->token.kind == MYDB_WORD || r->token.kind == MYDB_QUOTED) &&
	       r->token.text.n <= NAME_BYTES;
}

/* [IF [NOT] EXISTS] [database.]name, with the token behind it read. */
static struct name read_name(struct reading *r)
{
	struct name n = { STR_NULL, STR_NULL };
	while (is(r, "if") || is(r, "not") || is(r, "exists"))
		(void)next(r);
	if (!is_name(r))
		return n;
	n.name = r->token.text;
	if (!next(r) || !str_eq_cstr(r->token.text, "."))
		return n;
	n.database = n.name;
	(void)next(r);
	n.name = is_name(r) ? r->token.text : STR_NULL;
	(void)next(r);
	return n;
}

/* Whether one of these words, or a comma outside of parentheses, stands in the rest. */
static int has_any(struct reading *r, const char *const *words, int comma)
{
	size_t depth = 0;
	for (; r->token.kind != MYDB_END; (void)next(r)) {
		if (r->token.kind == MYDB_OPEN)
			depth++;
		if (r->token.kind == MYDB_CLOSE && depth > 0)
			depth--;
		if (comma && depth == 0 && str_eq_cstr(r->token.text, ","))
			return 1;
		for (const char *const *word = words; *word != NULL; word++) {
			if (is(r, *word))
				return 1;
		}
	}
	return 0;
}

/* Statements that can have been done without the definition showing it, and must not be done twice.
 */
static int hides_its_effect(struct reading *r, struct str verb)
{
	static const char *const alters[] = { "exchange", "truncate", "discard", "import", NULL };
	static const char *const none[] = { NULL };
	if (str_eq_nocase(verb, STR("alter")))
		return has_any(r, alters, 0);
	return has_any(r, none, 1); /* several are dropped one by one */
}

/* The word for what it is about: not what stands behind DEFINER = or ALGORITHM =. */
static const struct thing *find_thing(struct reading *r, int *is_index, int *replaces)
{
	int value = 0;
	for (size_t i = 0; i < 24 && r->token.kind != MYDB_END; i++, (void)next(r)) {
		*replaces |= is(r, "replace");
		*is_index = is(r, "index");
		if (*is_index)
			return &things[TABLE];
		if (is(r, "temporary") || is(r, "user") || is(r, "role") || is(r, "server"))
			return NULL;
		for (size_t k = 0; !value && k < sizeof things / sizeof things[0]; k++) {
			if (is(r, things[k].word))
				return &things[k];
		}
		value = str_eq_cstr(r->token.text, "=");
	}
	return NULL;
}

/* CREATE or DROP INDEX name [USING ...] ON table: the table is what shows it. */
static struct name read_indexed(struct reading *r)
{
	while (r->token.kind != MYDB_END && !is(r, "on"))
		(void)next(r);
	(void)next(r);
	return read_name(r);
}

static void find_subject(struct subject *out, struct str text)
{
	struct reading r = { .lexer = { .text = text } };
	int is_index = 0, replaces = 0;
	*out = (struct subject){ .thing = NULL };
	(void)next(&r);
	struct str verb = r.token.text;
	if (!is(&r, "create") && !is(&r, "alter") && !is(&r, "drop") && !is(&r, "rename"))
		return;
	(void)next(&r);
	const struct thing *thing = find_thing(&r, &is_index, &replaces);
	if (thing == NULL)
		return;
	(void)next(&r);
	out->name = is_index ? read_indexed(&r) : read_name(&r);
	if (str_eq_nocase(verb, STR("rename"))) {
		while (r.token.kind != MYDB_END && !is(&r, "to"))
			(void)next(&r);
		(void)next(&r);
		out->renamed = read_name(&r);
	}
	int creates = str_eq_nocase(verb, STR("create"));
	/* CREATE OR REPLACE TABLE takes the rows away each time. */
	if (out->name.name.p == NULL || (replaces && thing == &things[TABLE]))
		return;
	if (creates || is_index || !hides_its_effect(&r, verb))
		out->thing = thing;
}

/* The number that an insert of anybody counts up is no part of a definition. */
static void add_definition(struct buf *b, struct str text)
{
	static const char counter[] = " AUTO_INCREMENT=";
	size_t tail = text.n;
	for (size_t i = text.n; i > 0; i--) {
		if (str_starts(str_from(text, i - 1), STR("\n) "))) {
			tail = i - 1;
			break;
		}
	}
	struct str rest = str_from(text, tail);
	struct str line = str_first(str_from(rest, 1), str_find(str_from(rest, 1), '\n'));
	const char *comment = line.n > 0 ? strstr(line.p, " COMMENT=") : NULL;
	const char *at = line.n > 0 ? strstr(line.p, counter) : NULL;
	if (at == NULL || at >= line.p + line.n || (comment != NULL && comment < at)) {
		buf_add(b, text);
		return;
	}
	size_t end = (size_t)(at - text.p) + sizeof counter - 1;
	while (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
		end++;
	buf_add(b, str_first(text, (size_t)(at - text.p)));
	buf_add(b, str_from(text, end));
}

/* Its definition's digest, shortened. */
static int add_digest(struct buf *state, struct str definition, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[33];
	AUTO(buf) struct buf b;
	buf_init(&b, definition.n + 1);
	add_definition(&b, definition);
	AUTO(digest) struct digest *d = digest_new();
	if (d == NULL || buf_check(&b, NULL) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (digest_sha256(d, sum, buf_str(&b), e) != 0)
		return -1;
	buf_addf(state, "sha256 %s of its definition", hex_encode(hex, sum, 16));
	return 0;
}

static int says_absent(unsigned number)
{
	/* ER_BAD_DB, NO_SUCH_TABLE, SP_DOES_NOT_EXIST, TRG_DOES_NOT_EXIST, EVENT_DOES_NOT_EXIST */
	static const unsigned numbers[] = { 1049, 1146, 1305, 1360, 1539 };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (numbers[i] == number)
			return 1;
	}
	return 0;
}

/* What a look found. */
enum seen { SEEN_FAILED = -1, SEEN_NOTHING, SEEN_STATE };

/* The server's refusal to show it: it is not there, this cannot be told, or the look failed. */
static enum seen explain(struct buf *state, struct mydb_call *c, struct err *e)
{
	if (says_absent(mysql_errno(c->conn))) {
		buf_adds(state, "absent");
		return SEEN_STATE;
	}
	enum err_code code = mydb_code(mysql_errno(c->conn));
	if (code != ERR_LOST && code != ERR_UNAVAILABLE && code != ERR_NOMEM)
		return SEEN_NOTHING;
	(void)mydb_fail_connect(c->conn, e);
	return SEEN_FAILED;
}

static enum seen show(struct buf *state, struct mydb_call *c, const struct thing *thing,
		      const char *name, struct err *e)
{
	char sql[SQL_MAX];
	(void)snprintf(sql, sizeof sql, "show create %s %s", thing->show, name);
	if (mydb_send(c, str_of(sql)) != 0 || mydb_store(c) != 0)
		return explain(state, c, e);
	MYSQL_RES *result = c->result;
	MYSQL_ROW row = mysql_fetch_row(result);
	enum seen seen = SEEN_NOTHING;
	/* NULL: the user may not see it. */
	if (row != NULL && mysql_num_fields(result) > thing->column && row[thing->column] != NULL) {
		struct str text = { row[thing->column],
				    mysql_fetch_lengths(result)[thing->column] };
		seen = add_digest(state, text, e) != 0 ? SEEN_FAILED : SEEN_STATE;
	}
	mysql_free_result(result);
	return seen;
}

/* "`database`.`name`", as SQL. */
static int full_name(char out[SQL_MAX / 2], const struct thing *thing, const struct name *n,
		     const char *database)
{
	int bytes;
	if (thing == &things[DATABASE] || thing == &things[DATABASE + 1])
		bytes = snprintf(out, SQL_MAX / 2, "%.*s", STR_ARG(n->name));
	else if (n->database.p != NULL)
		bytes =
		    snprintf(out, SQL_MAX / 2, "%.*s.%.*s", STR_ARG(n->database), STR_ARG(n->name));
	else
		bytes = snprintf(out, SQL_MAX / 2, "%s.%.*s", database, STR_ARG(n->name));
	return bytes > 0 && bytes < SQL_MAX / 2;
}

static enum seen see(struct buf *state, struct mydb_call *c, const struct thing *thing,
		     const struct name *name, const char *database, struct err *e)
{
	char text[SQL_MAX / 2];
	if (!full_name(text, thing, name, database))
		return SEEN_NOTHING;
	buf_addf(state, "%s%s %s: ", state->n > 0 ? "; " : "", thing->show, text);
	return show(state, c, thing, text, e);
}

/* The database that the script's session is in, quoted; empty when it is in none. */
static int current_database(char out[SQL_MAX / 4], struct mydb *m, struct err *e)
{
	MYSQL_RES *result = NULL;
	if (mydb_run(&result, m, STR("select concat('`', replace(database(), '`', '``'), '`')"),
		     NULL, e) != 0)
		return -1;
	MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
	(void)snprintf(out, SQL_MAX / 4, "%s", row != NULL && row[0] != NULL ? row[0] : "");
	mysql_free_result(result);
	return 0;
}

static enum seen look(struct buf *state, struct mydb *m, const struct subject *s, MYSQL *conn,
		      struct err *e)
{
	static const char set[] = "set names utf8mb4, sql_mode = '', sql_quote_show_create = 1";
	char database[SQL_MAX / 4];
	struct mydb_call c = { .m = m,
			       .conn = conn,
			       .on_cancel = MYDB_CANCEL_GIVES_UP,
			       .deadline = clock_mono_ms() + m->connect_ms + m->lock_ms };
	if (current_database(database, m, e) != 0)
		return SEEN_FAILED;
	if (database[0] == '\0' && s->name.database.p == NULL)
		return SEEN_NOTHING;
	if (mydb_send(&c, str_of(set)) != 0) {
		(void)mydb_fail_connect(conn, e);
		return SEEN_FAILED;
	}
	enum seen seen = see(state, &c, s->thing, &s->name, database, e);
	if (seen == SEEN_STATE && s->renamed.name.p != NULL)
		seen = see(state, &c, s->thing, &s->renamed, database, e);
	return seen;
}

static int is_atomic(MYSQL *conn)
{
	unsigned long version = mysql_get_server_version(conn);
	return version >= (unsigned long)(mariadb_connection(conn) ? MARIADB_ATOMIC : MYSQL_ATOMIC);
}

int mydb_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
	       struct arena *arena, struct err *e)
{
	struct mydb *m = (struct mydb *)db;
	struct subject s;
	AUTO(buf) struct buf state;
	buf_init(&state, SQL_MAX * 2);
	find_subject(&s, statement->text);
	if (s.thing == NULL || mydb_call_start(m, e) != 0)
		return s.thing == NULL ? 0 : -1;
	if (!is_atomic(m->conn))
		return 0;
	MYSQL *conn = mydb_dial(m, MYDB_CANCEL_GIVES_UP, clock_mono_ms() + m->connect_ms, e);
	if (conn == NULL)
		return err_wrap(e, "cannot look what is there");
	enum seen seen = look(&state, m, &s, conn, e);
	mysql_close(conn);
	if (seen == SEEN_FAILED)
		return err_wrap(e, "cannot look what is there");
	if (seen == SEEN_NOTHING || state.n > 1000 || buf_check(&state, NULL) != 0)
		return 0;
	out->state = arena_str(arena, buf_str(&state));
	return out->state.p != NULL ? 0 : arena_err(arena, e);
}
