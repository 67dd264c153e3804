/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind a statement is: what cannot run in a transaction (each caller of
 * PreventInTransactionBlock in PostgreSQL's source), what controls one, what only changes the
 * session, and what may be done again. Its words tell that, or say that it is one of the few whose
 * parse tree is asked.
 */

#include "db/postgres_classify.h"

#include "db/postgres_lex.h"
#include "db/postgres_tree.h"

#include <string.h>

/*
 * A statement begins with `words`, where "?" follows one that may be missing; behind them come the
 * words of `within`, in this order and with others between them. The first rule that fits counts;
 * where `ask` is set it does not fit when the tree says that a transaction is no hindrance.
 *
 * What the text cannot tell is taken to run in a transaction: REINDEX and CLUSTER of a partitioned
 * table, CALL and DO with a COMMIT inside. The server refuses them there, and nothing has happened.
 */
enum { NO, ASK };
static const struct rule {
	const char *words;
	const char *within;
	const char *kind;
	unsigned flags;
	int ask;
} rules[] = {
	{ "commit prepared", "", "COMMIT PREPARED", DB_OUTSIDE, NO },
	{ "rollback prepared", "", "ROLLBACK PREPARED", DB_OUTSIDE, NO },
	{ "rollback work? transaction? to", "", NULL, 0, NO },
	{ "begin", "", "BEGIN", DB_CONTROL, NO },
	{ "start transaction", "", "START TRANSACTION", DB_CONTROL, NO },
	{ "commit", "", "COMMIT", DB_CONTROL, NO },
	{ "end", "", "END", DB_CONTROL, NO },
	{ "abort", "", "ABORT", DB_CONTROL, NO },
	{ "rollback", "", "ROLLBACK", DB_CONTROL, NO },
	{ "prepare transaction", "", "PREPARE TRANSACTION", DB_CONTROL, NO },

	{ "create unique? index concurrently", "", "CREATE INDEX CONCURRENTLY", DB_OUTSIDE, NO },
	{ "drop index concurrently", "", "DROP INDEX CONCURRENTLY", DB_OUTSIDE, NO },
	{ "reindex", "concurrently", "REINDEX CONCURRENTLY", DB_OUTSIDE | DB_REPEATABLE, ASK },
	{ "reindex", "database", "REINDEX DATABASE", DB_OUTSIDE | DB_REPEATABLE, ASK },
	{ "reindex", "schema", "REINDEX SCHEMA", DB_OUTSIDE | DB_REPEATABLE, ASK },
	{ "reindex", "system", "REINDEX SYSTEM", DB_OUTSIDE | DB_REPEATABLE, ASK },
	{ "reindex", "", "REINDEX", DB_REPEATABLE, NO },
	{ "alter table", "detach partition concurrently", "DETACH PARTITION CONCURRENTLY",
	  DB_OUTSIDE, ASK },
	{ "vacuum", "", "VACUUM", DB_OUTSIDE | DB_REPEATABLE, NO },
	{ "cluster", "", "CLUSTER", DB_OUTSIDE | DB_REPEATABLE, ASK },
	{ "cluster", "", "CLUSTER", DB_REPEATABLE, NO },
	{ "analyze", "", "ANALYZE", DB_REPEATABLE, NO },
	{ "analyse", "", "ANALYZE", DB_REPEATABLE, NO },
	{ "checkpoint", "", "CHECKPOINT", DB_REPEATABLE, NO },
	{ "refresh materialized view", "", "REFRESH MATERIALIZED VIEW", DB_REPEATABLE, NO },
	{ "create database", "", "CREATE DATABASE", DB_OUTSIDE, NO },
	{ "drop database", "", "DROP DATABASE", DB_OUTSIDE, NO },
	{ "alter database", "set tablespace", "ALTER DATABASE SET TABLESPACE", DB_OUTSIDE, ASK },
	{ "create tablespace", "", "CREATE TABLESPACE", DB_OUTSIDE, NO },
	{ "drop tablespace", "", "DROP TABLESPACE", DB_OUTSIDE, NO },
	{ "alter system", "", "ALTER SYSTEM", DB_OUTSIDE | DB_REPEATABLE, NO },
	{ "create subscription", "", "CREATE SUBSCRIPTION", DB_OUTSIDE, ASK },
	{ "alter subscription", "", "ALTER SUBSCRIPTION", DB_OUTSIDE, ASK },
	{ "drop subscription", "", "DROP SUBSCRIPTION", DB_OUTSIDE, NO },
	{ "alter type", "add value", "ALTER TYPE ADD VALUE", DB_OUTSIDE, ASK },
	{ "alter type", "add value", "ALTER TYPE ADD VALUE", 0, NO },

	{ "set local", "", NULL, 0, NO },
	{ "set transaction", "", NULL, 0, NO },
	{ "set constraints", "", NULL, 0, NO },
	{ "set", "", "SET", DB_SESSION, NO },
	{ "reset", "", "RESET", DB_SESSION, NO },
	{ "listen", "", "LISTEN", DB_SESSION, NO },
	{ "unlisten", "", "UNLISTEN", DB_SESSION, NO },
	{ "load", "", "LOAD", DB_SESSION, NO },
	{ "prepare", "", "PREPARE", DB_SESSION, NO },
	{ "deallocate", "", "DEALLOCATE", DB_SESSION, NO },
	{ "discard", "", "DISCARD", DB_SESSION, NO },
};

enum {
	WORD_MAX = 16,
	HEAD_MAX = 4,
	BEHIND_MAX = 256 << 10, /* a longer rest is not searched, so that many do not add up */
};

/* The next word of a pattern; 0: none is left. */
static int next_word(char word[WORD_MAX], int *optional, const char **pattern)
{
	size_t n = strcspn(*pattern, " ");
	if (n == 0 || n >= WORD_MAX)
		return 0;
	*optional = (*pattern)[n - 1] == '?';
	memcpy(word, *pattern, n);
	word[*optional ? n - 1 : n] = '\0';
	*pattern += n + strspn(*pattern + n, " ");
	return 1;
}

/* The first words of a statement. */
struct head {
	struct postgres_token t[HEAD_MAX];
	size_t end[HEAD_MAX];
};

static void read_head(struct head *head, struct str text)
{
	size_t at = 0;
	for (size_t i = 0; i < HEAD_MAX; i++) {
		at = postgres_token(&head->t[i], text, at);
		head->end[i] = at;
	}
}

/* Whether it is the pattern's; *end is behind its words. */
static int begins(size_t *end, const struct head *head, const char *pattern)
{
	char word[WORD_MAX];
	int optional;
	size_t i = 0;
	while (next_word(word, &optional, &pattern)) {
		if (i < HEAD_MAX && postgres_token_is(&head->t[i], word))
			i++;
		else if (!optional)
			return 0;
	}
	*end = head->end[i - 1];
	return 1;
}

/* Whether the words come in this order from `at` on. */
static int follows(struct str text, size_t at, const char *pattern)
{
	char word[WORD_MAX];
	int optional;
	while (next_word(word, &optional, &pattern)) {
		struct postgres_token t;
		do {
			at = postgres_token(&t, text, at);
		} while (t.kind != POSTGRES_TOKEN_END && !postgres_token_is(&t, word));
		if (t.kind == POSTGRES_TOKEN_END)
			return 0;
	}
	return 1;
}

static int holds(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++) {
		i += str_find(str_from(text, i), part.p[0]);
		if (str_starts(str_from(text, i), part))
			return 1;
	}
	return 0;
}

/* Whether the rest of the script may use the value that was added: it then names it. */
static int may_use(struct str behind, const char *label)
{
	struct str plain = str_first(str_of(label), strcspn(label, "'\\"));
	if (plain.n == 0 || behind.n > BEHIND_MAX)
		return behind.n > 0;
	return holds(behind, plain);
}

static int is_hindered(struct str text, struct str behind)
{
	struct postgres_tree tree;
	if (!postgres_tree(&tree, text))
		return 1;
	return tree.outside || (tree.adds_value && may_use(behind, tree.label));
}

/* A text in quotes; a doubled quote in it reads as two texts side by side. */
static size_t skip_text(struct str text, size_t at)
{
	struct postgres_token t;
	size_t end = postgres_token(&t, text, at);
	while (t.text.n > 0 && t.text.p[0] == '\'') {
		at = end;
		end = postgres_token(&t, text, at);
	}
	return at;
}

/* "select pg_catalog.set_config('search_path', '', false)", as pg_dump writes it: a SET. Where a
 * value is computed, nobody knows what doing it again would do. */
static int is_set_config(struct str text)
{
	static const char *const heads[] = { "select", "pg_catalog", ".", "set_config", "(" };
	static const char *const tails[] = { "false", ")" };
	struct postgres_token t;
	size_t at = 0;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		size_t end = postgres_token(&t, text, at);
		if (str_eq_nocase(t.text, str_of(heads[i])))
			at = end;
		else if (i != 1 && i != 2)
			return 0;
	}
	for (int i = 0; i < 2; i++) {
		size_t end = skip_text(text, at);
		at = postgres_token(&t, text, end);
		if (!str_eq_cstr(t.text, ","))
			return 0;
	}
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		at = postgres_token(&t, text, at);
		if (!str_eq_nocase(t.text, str_of(tails[i])))
			return 0;
	}
	(void)postgres_token(&t, text, at);
	return t.kind == POSTGRES_TOKEN_END;
}

static int fits(const struct rule *rule, const struct head *head, struct str text,
		struct str behind)
{
	size_t at = 0;
	return begins(&at, head, rule->words) && follows(text, at, rule->within) &&
	       (rule->ask == NO || is_hindered(text, behind));
}

void postgres_classify(struct db_statement *statement, struct str behind)
{
	struct head head;
	statement->flags = 0;
	statement->kind = NULL;
	read_head(&head, statement->text);
	if (head.t[0].kind != POSTGRES_TOKEN_WORD)
		return;
	int first = head.t[0].text.p[0] | 0x20; /* in lower case: nearly all rules end here */
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].words[0] != first || !fits(&rules[i], &head, statement->text, behind))
			continue;
		statement->flags = rules[i].flags;
		statement->kind = rules[i].kind;
		return;
	}
	if (first == 's' && is_set_config(statement->text)) {
		statement->flags = DB_SESSION;
		statement->kind = "SET";
	}
}
