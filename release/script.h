/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_SCRIPT_H
#define RELEASE_SCRIPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

#include <stddef.h>

/*
 * How a script is to be run, decided before any of it is: by its directives (release/directive.h)
 * and by what the driver knows of its statements. A pure function.
 */
enum script_way {
	SCRIPT_TRANSACTION, /* all in one transaction, with the ledger row */
	SCRIPT_STEPWISE,    /* statement by statement, each with a mark in the ledger */
};

struct script {
	enum script_way way;
	int is_off;                  /* the file says 'txn-mode = off' */
	enum db_isolation isolation; /* of the transaction, or of each */
	struct db_statement *statements;
	size_t n;
	int is_whole;  /* the file says 'txn-mode = on': one transaction, or not at all */
	char why[160]; /* of SCRIPT_STEPWISE: "VACUUM at 3:1 cannot run in a transaction" */
};

/*
 * Split and decide. ERR_REFUSED, with `*failed` telling where: what never runs (as db_script_split
 * has it), an unknown directive, transaction control without `txn-mode = off`, a statement that
 * cannot be in a transaction with `txn-mode = on`, and, with `off`, a transaction of the script's
 * own that is not ended, or has such a statement in it. `text` is lent as long as the statements.
 */
int script_read(struct script *out, struct db_place *failed, const struct db_driver *driver,
		struct str text, struct arena *arena, struct err *e) MUST_CHECK;

/*
 * The database has `table`, whose content outlives a rollback, and the script might write to it:
 * from statement number `from` on, no transaction promises anything of what writes, so that is
 * DB_OUTSIDE and DB_PARTIAL. ERR_REFUSED as script_read: with `txn-mode = on`, and for a
 * transaction of the script's own.
 */
int script_loosen(struct script *script, size_t from, struct str table, struct db_place *failed,
		  struct err *e) MUST_CHECK;

/* What a statement does to the transaction of a script with `txn-mode = off`. */
enum script_control {
	SCRIPT_NO_CONTROL,
	SCRIPT_BEGINS,
	SCRIPT_COMMITS,
	SCRIPT_ROLLS_BACK,
	SCRIPT_OTHER_CONTROL, /* such as PREPARE TRANSACTION: never runs */
};
enum script_control script_control(const struct db_statement *statement);

/*
 * The number of the statement that began the script's own transaction which is still open behind
 * its first `done` statements; 0: none is.
 */
size_t script_open_at(const struct script *script, size_t done);

/* Statement `number` begins a transaction of the script's own that it rolls back: the number of the
 * ROLLBACK; 0: it does not. */
size_t script_undone_at(const struct script *script, size_t number);

/*
 * script_temporary.c: a statement before number `from` that makes a temporary table or view which a
 * statement from there on names (*used: which one); 0: there is none. By words, so that it may be
 * another thing of that name. `*used` is set when it returns one.
 */
size_t script_lost_at(size_t *used, const struct script *script, size_t from);

/* What to call a statement: its kind, or the first word of its text. */
struct str script_kind(const struct db_statement *statement);

#endif
