/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of a script to the way in which it will run. What cannot be run exactly once is
 * refused here, before any statement of the task has run.
 */

#include "release/script.h"

#include "release/directive.h"

#include <stdio.h>

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* Take the next word, in the plain way that transaction control is written. */
static struct str take_word(struct str *rest)
{
	size_t n = 0;
	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = str_from(*rest, 1);
	while (n < rest->n && !is_blank(rest->p[n]) && rest->p[n] != ';')
		n++;
	struct str word = str_first(*rest, n);
	*rest = str_from(*rest, n);
	return word;
}

static int is_word(struct str word, const char *want)
{
	return str_eq_nocase(word, str_of(want));
}

enum script_control script_control(const struct db_statement *statement)
{
	if (!(statement->flags & DB_CONTROL))
		return SCRIPT_NO_CONTROL;
	struct str rest = statement->text;
	struct str first = take_word(&rest);
	struct str second = take_word(&rest);
	if (is_word(first, "begin") || (is_word(first, "start") && is_word(second, "transaction")))
		return SCRIPT_BEGINS;
	if (is_word(second, "work") || is_word(second, "transaction"))
		second = take_word(&rest);
	/* "and chain", "prepared" and what else there may be leave a state that we do not follow.
	 */
	if (second.n > 0)
		return SCRIPT_OTHER_CONTROL;
	if (is_word(first, "commit") || is_word(first, "end"))
		return SCRIPT_COMMITS;
	if (is_word(first, "rollback") || is_word(first, "abort"))
		return SCRIPT_ROLLS_BACK;
	return SCRIPT_OTHER_CONTROL;
}

struct str script_kind(const struct db_statement *statement)
{
	struct str rest = statement->text;
	if (statement->kind != NULL)
		return str_of(statement->kind);
	return str_first(take_word(&rest), 40);
}

size_t script_open_at(const struct script *script, size_t done)
{
	size_t open = 0;
	for (size_t i = 0; i < done && i < script->n; i++) {
		enum script_control control = script_control(&script->statements[i]);
		if (control == SCRIPT_BEGINS)
			open = i + 1;
		else if (control != SCRIPT_NO_CONTROL)
			open = 0;
	}
	return open;
}

size_t script_undone_at(const struct script *script, size_t number)
{
	if (script_control(&script->statements[number - 1]) != SCRIPT_BEGINS)
		return 0;
	for (size_t i = number; i < script->n; i++) {
		enum script_control control = script_control(&script->statements[i]);
		if (control != SCRIPT_NO_CONTROL)
			return control == SCRIPT_ROLLS_BACK ? i + 1 : 0;
	}
	return 0;
}

static const struct db_statement *first_with(const struct script *s, unsigned flag)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->statements[i].flags & flag)
			return &s->statements[i];
	}
	return NULL;
}

static int refuse_control(const struct db_statement *st, struct err *e)
{
	struct str rest = st->text;
	struct str word = str_first(take_word(&rest), 40);
	return err_set(e, ERR_REFUSED,
		       "'%.*s' is refused: the whole file runs in one transaction with its ledger "
		       "row; take it out, or begin the file with '-- txn-mode = off'",
		       STR_ARG(word));
}

static int refuse_outside(const struct db_statement *st, struct err *e)
{
	struct str kind = script_kind(st);
	return err_set(e, ERR_REFUSED,
		       "%.*s cannot run in a transaction, and the file says 'txn-mode = on': take "
		       "that line out, or put the statement into a file of its own",
		       STR_ARG(kind));
}

/* One statement of a script that has transactions of its own; `*open` as script_open_at. */
static int follow(size_t *open, const struct script *s, size_t i, struct err *e)
{
	const struct db_statement *st = &s->statements[i];
	struct str kind = script_kind(st);
	switch (script_control(st)) {
	case SCRIPT_NO_CONTROL:
		if (*open == 0 || !(st->flags & DB_OUTSIDE))
			return 0;
		return err_set(e, ERR_REFUSED,
			       "%.*s cannot run in the transaction that statement %zu begins: "
			       "COMMIT before it",
			       STR_ARG(kind), *open);
	case SCRIPT_BEGINS:
		if (*open != 0)
			return err_set(e, ERR_REFUSED,
				       "%.*s is refused: the transaction that statement %zu begins "
				       "is still open",
				       STR_ARG(kind), *open);
		*open = i + 1;
		return 0;
	case SCRIPT_COMMITS:
	case SCRIPT_ROLLS_BACK:
		if (*open == 0)
			return err_set(e, ERR_REFUSED,
				       "%.*s is refused: no transaction of the file is open",
				       STR_ARG(kind));
		*open = 0;
		return 0;
	case SCRIPT_OTHER_CONTROL:
		break;
	}
	return err_set(e, ERR_REFUSED,
		       "%.*s in this form is refused: whether it was done could not be told after "
		       "a crash; use BEGIN, COMMIT and ROLLBACK alone",
		       STR_ARG(kind));
}

static int check_own(const struct script *s, struct db_place *failed, struct err *e)
{
	size_t open = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (follow(&open, s, i, e) != 0) {
			*failed = s->statements[i].place;
			return -1;
		}
	}
	if (open == 0)
		return 0;
	*failed = s->statements[open - 1].place;
	return err_set(e, ERR_REFUSED, "the transaction that begins here is not ended by the file");
}

static void set_why(struct script *s, const struct db_statement *outside)
{
	s->way = SCRIPT_STEPWISE;
	if (outside == NULL) {
		(void)snprintf(s->why, sizeof s->why, "the file says 'txn-mode = off'");
		return;
	}
	struct str kind = str_first(script_kind(outside), 80);
	(void)snprintf(s->why, sizeof s->why, "%.*s at %zu:%zu cannot run in a transaction",
		       STR_ARG(kind), outside->place.line, outside->place.column);
}

static int decide(struct script *s, enum directive_mode mode, struct db_place *failed,
		  struct err *e)
{
	const struct db_statement *outside = first_with(s, DB_OUTSIDE);
	const struct db_statement *control = first_with(s, DB_CONTROL);
	if (mode == DIRECTIVE_MODE_OFF) {
		s->is_off = 1;
		set_why(s, NULL);
		return check_own(s, failed, e);
	}
	if (control != NULL) {
		*failed = control->place;
		return refuse_control(control, e);
	}
	if (outside == NULL)
		return 0;
	*failed = outside->place;
	if (mode == DIRECTIVE_MODE_ON)
		return refuse_outside(outside, e);
	set_why(s, outside);
	return 0;
}

/* Whether nothing of it would be left behind, or left out, by a transaction that breaks. */
static int is_harmless(const struct db_statement *st)
{
	return (st->flags & (DB_OUTSIDE | DB_CONTROL | DB_SESSION | DB_REPEATABLE)) != 0;
}

int script_loosen(struct script *s, size_t from, struct str table, struct db_place *failed,
		  struct err *e)
{
	table = str_first(table, 100);
	if (s->is_whole) {
		*failed = s->statements[from - 1].place;
		return err_set(e, ERR_REFUSED,
			       "the file says 'txn-mode = on', and the database has the table "
			       "%.*s, which takes part in no transaction: make it InnoDB, or take "
			       "that line out",
			       STR_ARG(table));
	}
	for (size_t i = from - 1; i < s->n; i++) {
		if (!is_harmless(&s->statements[i]))
			s->statements[i].flags |= DB_OUTSIDE | DB_PARTIAL;
	}
	if (s->way == SCRIPT_TRANSACTION)
		(void)snprintf(s->why, sizeof s->why, "%.*s takes part in no transaction",
			       STR_ARG(table));
	s->way = SCRIPT_STEPWISE;
	if (check_own(s, failed, e) == 0)
		return 0;
	return err_wrap(e, "the table %.*s takes part in no transaction", STR_ARG(table));
}

int script_read(struct script *out, struct db_place *failed, const struct db_driver *driver,
		struct str text, struct arena *arena, struct err *e)
{
	struct directives d;
	struct script s = { .way = SCRIPT_TRANSACTION };
	if (directives_read(&d, failed, text, e) != 0 ||
	    db_script_split(&s.statements, &s.n, failed, driver, text, arena, e) != 0)
		return -1;
	s.isolation = d.isolation;
	s.is_whole = d.mode == DIRECTIVE_MODE_ON;
	if (decide(&s, d.mode, failed, e) != 0)
		return -1;
	*out = s;
	return 0;
}
