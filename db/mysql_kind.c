/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a statement from its text alone: whether it commits implicitly (the manuals'
 * "Statements That Cause an Implicit Commit"), controls the transaction, or changes only the
 * session. What is not known to stay inside of a transaction counts as not staying there.
 */

#include "db/mysql_sql.h"

enum { HEAD = 24 /* tokens of a statement's beginning */ };

struct head {
	struct mydb_token t[HEAD];
	size_t n;
};

struct verb {
	const char *word;
	unsigned flags;
	const char *kind;
};

/* Statements known by their first word alone. */
static const struct verb verbs[] = {
	{ "select", 0, NULL },
	{ "insert", 0, "INSERT" },
	{ "update", 0, "UPDATE" },
	{ "delete", 0, "DELETE" },
	{ "replace", 0, "REPLACE" },
	{ "with", 0, NULL },
	{ "values", 0, NULL },
	{ "table", 0, NULL },
	{ "do", 0, NULL },
	{ "savepoint", 0, NULL },
	{ "release", 0, NULL },
	{ "show", DB_REPEATABLE, NULL },
	{ "describe", DB_REPEATABLE, NULL },
	{ "desc", DB_REPEATABLE, NULL },
	{ "explain", 0, NULL },
	{ "signal", 0, NULL },
	{ "get", 0, NULL },
	{ "help", DB_REPEATABLE, NULL },
	{ "checksum", DB_REPEATABLE, NULL },
	{ "use", DB_SESSION, "USE" },
	{ "prepare", DB_SESSION, "PREPARE" },
	{ "deallocate", DB_SESSION, "DEALLOCATE PREPARE" },
	{ "commit", DB_CONTROL, "COMMIT" },
	{ "end", DB_CONTROL, "END" },
	{ "xa", DB_CONTROL, "XA" },
	{ "execute", DB_OUTSIDE | DB_PARTIAL, "EXECUTE" },
	{ "call", DB_OUTSIDE | DB_PARTIAL, "CALL" },
	{ "grant", DB_OUTSIDE, "GRANT" },
	{ "revoke", DB_OUTSIDE, "REVOKE" },
	{ "truncate", DB_OUTSIDE, "TRUNCATE TABLE" },
	{ "unlock", DB_OUTSIDE | DB_REPEATABLE, "UNLOCK TABLES" },
	{ "optimize", DB_OUTSIDE | DB_REPEATABLE, "OPTIMIZE TABLE" },
	{ "check", DB_OUTSIDE | DB_REPEATABLE, "CHECK TABLE" },
	{ "repair", DB_OUTSIDE, "REPAIR TABLE" },
	{ "flush", DB_OUTSIDE | DB_REPEATABLE, "FLUSH" },
	{ "cache", DB_OUTSIDE | DB_REPEATABLE, "CACHE INDEX" },
	{ "install", DB_OUTSIDE, "INSTALL" },
	{ "uninstall", DB_OUTSIDE, "UNINSTALL" },
};

/* Statements of DDL: the verb, what it is about, and both as one static name. */
#define DDL(object)                                                                                \
	{                                                                                          \
		object,                                                                            \
		{                                                                                  \
			"CREATE " object, "ALTER " object, "DROP " object, "RENAME " object        \
		}                                                                                  \
	}
static const struct {
	const char *object;
	const char *kinds[4];
} objects[] = {
	DDL("TABLE"),   DDL("INDEX"),    DDL("VIEW"),     DDL("PROCEDURE"), DDL("FUNCTION"),
	DDL("TRIGGER"), DDL("EVENT"),    DDL("DATABASE"), DDL("SCHEMA"),    DDL("USER"),
	DDL("ROLE"),    DDL("SEQUENCE"), DDL("PACKAGE"),  DDL("SERVER"),    DDL("TABLESPACE"),
};
static const char *const ddl_verbs[4] = { "create", "alter", "drop", "rename" };

static void read_head(struct head *h, struct str text, int comments_only)
{
	struct mydb_lexer l = { .text = text, .comments_only = comments_only };
	for (h->n = 0; h->n < HEAD; h->n++) {
		h->t[h->n] = mydb_token(&l);
		if (h->t[h->n].kind == MYDB_END)
			break;
	}
	for (size_t i = h->n; i < HEAD; i++)
		h->t[i] = (struct mydb_token){ .kind = MYDB_END };
}

static int is(const struct head *h, size_t i, const char *word)
{
	return i < h->n && mydb_is_word(&h->t[i], word);
}

/* The token that says what a DDL statement is about: not what DEFINER = ... or ALGORITHM = ...
 * says. The place in `objects`, or their number. */
static size_t find_object(size_t *at, const struct head *h)
{
	enum { N = sizeof objects / sizeof objects[0] };
	for (size_t i = 1; i < h->n; i++) {
		if (h->t[i].kind == MYDB_OPEN && i + 1 < h->n && h->t[i + 1].kind != MYDB_CLOSE)
			break;
		if (str_eq_cstr(h->t[i - 1].text, "="))
			continue;
		for (size_t k = 0; k < N; k++) {
			if (is(h, i, objects[k].object)) {
				*at = i;
				return k;
			}
		}
	}
	return N;
}

static int has_word(const struct head *h, size_t upto, const char *word)
{
	for (size_t i = 0; i < upto && i < h->n; i++) {
		if (is(h, i, word))
			return 1;
	}
	return 0;
}

/* CREATE, ALTER, DROP, RENAME. Only temporary tables stay inside of a transaction. */
static unsigned classify_ddl(const char **kind, const struct head *h, size_t verb)
{
	static const char *const bare[4] = { "CREATE", "ALTER", "DROP", "RENAME" };
	size_t at = 0, object = find_object(&at, h);
	*kind = bare[verb];
	if (is(h, 0, "drop") && is(h, 1, "prepare"))
		return DB_SESSION;
	if (object == sizeof objects / sizeof objects[0])
		return DB_OUTSIDE;
	*kind = objects[object].kinds[verb];
	int temporary = has_word(h, at, "temporary") && is(h, at, "table");
	return temporary && (is(h, 0, "create") || is(h, 0, "drop")) ? 0 : DB_OUTSIDE;
}

static int names_variable(struct str text, const char *name)
{
	size_t dot = str_find_last(text, '.');
	struct str last = dot < text.n ? str_from(text, dot + 1) : text;
	while (str_starts(last, STR("@")))
		last = str_from(last, 1);
	return str_eq_nocase(last, str_of(name));
}

static int is_server_wide(const struct mydb_token *t)
{
	static const char *const scopes[] = { "@@global.", "@@persist.", "@@persist_only." };
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
		struct str scope = str_of(scopes[i]);
		if (t->kind == MYDB_VARIABLE && str_eq_nocase(str_first(t->text, scope.n), scope))
			return 1;
	}
	return mydb_is_word(t, "global") || mydb_is_word(t, "persist") ||
	       mydb_is_word(t, "persist_only");
}

/* An assignment to autocommit, or to a variable of the server, anywhere in a SET. */
static unsigned classify_assignments(struct str text, int comments_only)
{
	struct mydb_lexer l = { .text = text, .comments_only = comments_only };
	struct mydb_token before = { .kind = MYDB_END }, t;
	unsigned flags = DB_SESSION;
	while ((t = mydb_token(&l)).kind != MYDB_END) {
		int assigns = str_eq_cstr(t.text, "=") || str_eq_cstr(t.text, ":");
		int is_user_variable =
		    before.kind == MYDB_VARIABLE && !str_starts(before.text, STR("@@"));
		if (assigns && !is_user_variable &&
		    (names_variable(before.text, "autocommit") ||
		     str_eq_nocase(before.text, STR("`autocommit`"))))
			flags |= DB_CONTROL;
		if (is_server_wide(&t))
			flags = (flags & ~(unsigned)DB_SESSION) | DB_OUTSIDE | DB_REPEATABLE;
		before = t;
	}
	return flags;
}

static unsigned classify_set(const char **kind, const struct head *h, struct str text,
			     int comments_only)
{
	*kind = "SET";
	if (is(h, 1, "password") || is(h, 1, "default"))
		return DB_OUTSIDE;
	if (is(h, 1, "statement")) /* MariaDB: SET STATEMENT ... FOR any statement */
		return DB_OUTSIDE | DB_PARTIAL;
	return classify_assignments(text, comments_only);
}

/* ROLLBACK [WORK | TRANSACTION] TO goes back to a savepoint. */
static int rolls_back_all(const struct head *h)
{
	size_t noise = is(h, 1, "work") || is(h, 1, "transaction");
	return !is(h, 1 + noise, "to");
}

/* Those that their second word decides. */
static unsigned classify_pair(const char **kind, const struct head *h)
{
	if (is(h, 0, "rollback")) {
		*kind = "ROLLBACK";
		return rolls_back_all(h) ? DB_CONTROL : 0;
	}
	if (is(h, 0, "begin")) { /* MariaDB: BEGIN NOT ATOMIC */
		*kind = "BEGIN";
		return is(h, 1, "not") ? DB_OUTSIDE | DB_PARTIAL : DB_CONTROL;
	}
	if (is(h, 0, "start")) {
		*kind = is(h, 1, "transaction") ? "START TRANSACTION" : "START";
		return is(h, 1, "transaction") ? DB_CONTROL : DB_OUTSIDE;
	}
	if (is(h, 0, "load")) {
		*kind = is(h, 1, "index") ? "LOAD INDEX" : "LOAD DATA";
		return is(h, 1, "index") ? DB_OUTSIDE | DB_REPEATABLE : 0;
	}
	if (is(h, 0, "analyze")) { /* MariaDB's ANALYZE SELECT runs a statement */
		int table = has_word(h, 3, "table");
		*kind = table ? "ANALYZE TABLE" : NULL;
		return table ? DB_OUTSIDE | DB_REPEATABLE : 0;
	}
	*kind = "a statement that is not known";
	return DB_OUTSIDE | DB_PARTIAL;
}

static unsigned classify_once(const char **kind, struct str text, int comments_only)
{
	struct head h;
	read_head(&h, text, comments_only);
	*kind = NULL;
	if (h.n == 0 || h.t[0].kind == MYDB_OPEN)
		return 0;
	for (size_t i = 0; i < 4; i++) {
		if (is(&h, 0, ddl_verbs[i]))
			return classify_ddl(kind, &h, i);
	}
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (is(&h, 0, verbs[i].word)) {
			*kind = verbs[i].kind;
			return verbs[i].flags;
		}
	}
	if (is(&h, 0, "set"))
		return classify_set(kind, &h, text, comments_only);
	return classify_pair(kind, &h);
}
void mydb_classify(struct db_statement *s)
{
	const char *kind = NULL;
	s->flags = classify_once(&s->kind, s->text, 0);
	/* Whether the server executes a comment depends on its version: both ways count. */
	unsigned other = classify_once(&kind, s->text, 1);
	if (s->flags == 0 && other != 0)
		s->kind = kind;
	unsigned either = (s->flags | other) & (DB_OUTSIDE | DB_CONTROL | DB_PARTIAL);
	struct mydb_lexer l = { .text = s->text, .comments_only = 1 };
	int all_comment = mydb_token(&l).kind == MYDB_END;
	unsigned both = s->flags & (all_comment ? ~0U : other) & (DB_SESSION | DB_REPEATABLE);
	s->flags = either | (either & DB_CONTROL ? 0U : both);
}

static int refuse_command(const struct head *h, struct err *e)
{
	static const char *const commands[] = {
		"source", "system",  "tee",    "notee", "pager",    "nopager",   "connect",
		"prompt", "rehash",  "edit",   "ego",   "go",       "print",     "exit",
		"quit",   "charset", "status", "clear", "warnings", "nowarning",
	};
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (is(h, 0, commands[i]))
			return err_set(e, ERR_REFUSED,
				       "'%s' is a command of the mysql shell, not SQL; write it as "
				       "SQL or take it out",
				       commands[i]);
	}
	return 0;
}

static int refuse_once(struct str text, int comments_only, struct err *e)
{
	struct head h;
	read_head(&h, text, comments_only);
	if (refuse_command(&h, e) != 0)
		return -1;
	if (is(&h, 0, "load") && (is(&h, 2, "local") || is(&h, 3, "local")))
		return err_set(e, ERR_REFUSED,
			       "LOAD ... LOCAL is refused: a migration has no client with files; "
			       "use INSERT, or LOAD DATA with a file on the server");
	int locks = is(&h, 0, "lock") && (is(&h, 1, "tables") || is(&h, 1, "table"));
	int flushes =
	    is(&h, 0, "flush") && (has_word(&h, HEAD, "with") || has_word(&h, HEAD, "export"));
	if (locks || flushes || (is(&h, 0, "backup") && !has_word(&h, HEAD, "end")))
		return err_set(
		    e, ERR_REFUSED,
		    "'%.*s' is refused: with it the ledger could not be written; take it "
		    "out (mysqldump --skip-add-locks makes none)",
		    STR_ARG(h.t[0].text));
	return 0;
}

int mydb_refuse(struct str text, struct err *e)
{
	if (refuse_once(text, 0, e) != 0)
		return -1;
	return refuse_once(text, 1, e);
}

int mydb_changes_rows(struct str text, int returned)
{
	static const char *const words[] = { "insert", "replace", "delete",  "update",
					     "with",   "load",    "execute", "call" };
	struct mydb_lexer l = { .text = text };
	struct mydb_token first = mydb_token(&l);
	for (size_t i = 0; i < (returned ? 3 : sizeof words / sizeof words[0]); i++) {
		if (mydb_is_word(&first, words[i]))
			return 1;
	}
	return 0;
}

int mydb_uses_variables(struct str text)
{
	struct mydb_lexer l = { .text = text };
	struct mydb_token t;
	while ((t = mydb_token(&l)).kind != MYDB_END) {
		if (t.kind == MYDB_VARIABLE && !str_starts(t.text, STR("@@")))
			return 1;
	}
	return 0;
}
