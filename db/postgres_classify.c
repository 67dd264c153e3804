/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind a statement is, by its words: what cannot run in a transaction (each caller of
 * PreventInTransactionBlock in PostgreSQL's source), what controls one, what only changes the
 * session, and what may be done again.
 */

#include "db/postgres_classify.h"

#include "db/postgres_lex.h"

#include <string.h>

/*
 * A statement begins with `words`, where "?" follows one that may be missing; behind them come the
 * words of `within`, in this order and with others between them. The first rule that fits counts.
 */
static const struct rule {
	const char *words;
	const char *within;
	const char *kind;
	unsigned flags;
} rules[] = {
	{ "commit prepared", "", "COMMIT PREPARED", DB_OUTSIDE },
	{ "rollback prepared", "", "ROLLBACK PREPARED", DB_OUTSIDE },
	{ "rollback work? transaction? to", "", NULL, 0 },
	{ "begin", "", "BEGIN", DB_CONTROL },
	{ "start transaction", "", "START TRANSACTION", DB_CONTROL },
	{ "commit", "", "COMMIT", DB_CONTROL },
	{ "end", "", "END", DB_CONTROL },
	{ "abort", "", "ABORT", DB_CONTROL },
	{ "rollback", "", "ROLLBACK", DB_CONTROL },
	{ "prepare transaction", "", "PREPARE TRANSACTION", DB_CONTROL },

	{ "create unique? index concurrently", "", "CREATE INDEX CONCURRENTLY", DB_OUTSIDE },
	{ "drop index concurrently", "", "DROP INDEX CONCURRENTLY", DB_OUTSIDE },
	{ "reindex", "concurrently", "REINDEX CONCURRENTLY", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex database", "", "REINDEX DATABASE", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex schema", "", "REINDEX SCHEMA", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex system", "", "REINDEX SYSTEM", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex", "", "REINDEX", DB_REPEATABLE },
	{ "alter table", "detach partition concurrently", "DETACH PARTITION CONCURRENTLY",
	  DB_OUTSIDE },
	{ "vacuum", "", "VACUUM", DB_OUTSIDE | DB_REPEATABLE },
	{ "analyze", "", "ANALYZE", DB_REPEATABLE },
	{ "analyse", "", "ANALYZE", DB_REPEATABLE },
	{ "checkpoint", "", "CHECKPOINT", DB_REPEATABLE },
	{ "refresh materialized view", "", "REFRESH MATERIALIZED VIEW", DB_REPEATABLE },
	{ "create database", "", "CREATE DATABASE", DB_OUTSIDE },
	{ "drop database", "", "DROP DATABASE", DB_OUTSIDE },
	{ "alter database", "set tablespace", "ALTER DATABASE SET TABLESPACE", DB_OUTSIDE },
	{ "create tablespace", "", "CREATE TABLESPACE", DB_OUTSIDE },
	{ "drop tablespace", "", "DROP TABLESPACE", DB_OUTSIDE },
	{ "alter system", "", "ALTER SYSTEM", DB_OUTSIDE | DB_REPEATABLE },
	{ "create subscription", "", "CREATE SUBSCRIPTION", DB_OUTSIDE },
	{ "drop subscription", "", "DROP SUBSCRIPTION", DB_OUTSIDE },
	{ "alter subscription", "publication", "ALTER SUBSCRIPTION", DB_OUTSIDE },
	{ "alter type", "add value", "ALTER TYPE ADD VALUE", DB_OUTSIDE },

	{ "set local", "", NULL, 0 },
	{ "set transaction", "", NULL, 0 },
	{ "set constraints", "", NULL, 0 },
	{ "set", "", "SET", DB_SESSION },
	{ "reset", "", "RESET", DB_SESSION },
	{ "listen", "", "LISTEN", DB_SESSION },
	{ "unlisten", "", "UNLISTEN", DB_SESSION },
	{ "load", "", "LOAD", DB_SESSION },
	{ "prepare", "", "PREPARE", DB_SESSION },
	{ "deallocate", "", "DEALLOCATE", DB_SESSION },
	{ "discard", "", "DISCARD", DB_SESSION },
};

enum { WORD_MAX = 16 };

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

/* Whether `text` begins with the words; *end is behind them. */
static int begins(size_t *end, struct str text, const char *pattern)
{
	char word[WORD_MAX];
	int optional;
	size_t at = 0;
	while (next_word(word, &optional, &pattern)) {
		struct postgres_token t;
		size_t next = postgres_token(&t, text, at);
		if (postgres_token_is(&t, word))
			at = next;
		else if (!optional)
			return 0;
	}
	*end = at;
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

void postgres_classify(struct db_statement *statement)
{
	statement->flags = 0;
	statement->kind = NULL;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		size_t at = 0;
		if (!begins(&at, statement->text, rules[i].words) ||
		    !follows(statement->text, at, rules[i].within))
			continue;
		statement->flags = rules[i].flags;
		statement->kind = rules[i].kind;
		return;
	}
}
