/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the review, for all targets that have the same ledger: directives, splitting, syntax,
 * rules. SQLite's scripts are really run, in a copy of the schema that is kept from file to file.
 */

#include "base/num.h"
#include "db/db_rehearse.h"
#include "release/directive.h"
#include "release/review_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	FILE_MAX = 256 << 20,        /* bytes of one file */
	INSPECT_MAX = 512 << 20,     /* memory for its statements and facts */
	PARSED_MAX = 200,            /* statements that a server is asked about */
	SQLITE_CONSTRAINT_CODE = 19, /* sqlite3.h; the driver gives it as text */
};

/* A file that is looked at; what it needs of memory goes when it is done. */
struct look {
	struct review_state *r;
	struct review_group *g;
	struct review_work *w;
	const struct migration *file;
	struct str text;
	struct db_statement *statements;
	size_t n;
	struct directives directives;
	struct db_inspection in;
	struct arena memory;
};

static void look_free(struct look *l)
{
	arena_free(&l->memory);
}
AUTO_DEFINE_INPLACE(look, struct look, look_free);

struct advice review_advice(enum rule_level level, enum rule rule, struct db_place place,
			    struct str content)
{
	const struct lint_rule *about = lint_rule(rule);
	return (struct advice){ .level = level,
				.rule = rule,
				.code = advice_code(rule),
				.title = str_of(about->title),
				.content = content,
				.safer = str_of(about->safer),
				.place = place };
}

static int grow(struct review_state *r, struct review_work *w, size_t more)
{
	size_t cap = w->n + more;
	if (cap <= w->cap)
		return 0;
	cap = cap < 2 * w->cap ? 2 * w->cap : cap;
	struct advice *list = arena_array(r->arena, cap, sizeof *list);
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < w->n; i++)
		list[i] = w->advices[i];
	w->advices = list;
	w->cap = cap;
	return 0;
}

int review_add(struct review_state *r, struct review_work *w, enum rule_level level, enum rule rule,
	       struct db_place place, const char *fmt, ...)
{
	struct err e;
	char text[sizeof e.msg];
	va_list args;
	if (level == RULE_OFF)
		return 0;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	IGNORE(err_set(&e, ERR_INPUT, "%s", text)); /* it only cuts at a character's end */
	struct str content = arena_str(r->arena, str_of(e.msg));
	if (content.p == NULL || grow(r, w, 1) != 0)
		return -1;
	w->advices[w->n++] = review_advice(level, rule, place, content);
	return 0;
}

static enum rule_level level_of(const struct look *l, enum rule rule)
{
	return l->g->policy.levels[rule];
}

/* ---- what it is made of ---- */

/* 1: it can be looked at further; 0: an advice says why not; -1. */
static int refused(struct look *l, struct db_place place, const struct err *why)
{
	enum rule rule = why->code == ERR_REFUSED || why->code == ERR_INPUT ? RULE_SCRIPT_REFUSED
									    : RULE_NOT_CHECKED;
	return review_add(l->r, l->w, level_of(l, rule), rule, place, "%s", why->msg);
}

static int split(struct look *l)
{
	struct err why;
	struct db_place place = { .line = 0 };
	if (directives_read(&l->directives, &place, l->text, &why) == 0 &&
	    db_script_split(&l->statements, &l->n, &place, l->g->driver, l->text, &l->memory,
			    &why) == 0 &&
	    db_inspect(&l->in, l->g->driver, l->text, l->statements, l->n, &l->memory, &why) == 0)
		return 1;
	return refused(l, place, &why);
}

/* What would make the runner refuse it. */
static int check_transaction(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct db_statement *s = &l->statements[i];
		int alone = l->directives.mode == DIRECTIVE_MODE_ON &&
			    (s->flags & DB_OUTSIDE) != 0 &&
			    (l->g->driver->flags & DB_DDL_IN_TX) != 0;
		int control =
		    l->directives.mode != DIRECTIVE_MODE_OFF && (s->flags & DB_CONTROL) != 0;
		int rc = 0;
		if (control)
			rc = review_add(l->r, l->w, level_of(l, RULE_TRANSACTION_CONTROL),
					RULE_TRANSACTION_CONTROL, s->place,
					"'%s' would end the transaction of the script and its "
					"ledger row",
					s->kind != NULL ? s->kind : "transaction control");
		else if (alone)
			rc = review_add(l->r, l->w, level_of(l, RULE_SCRIPT_REFUSED),
					RULE_SCRIPT_REFUSED, s->place,
					"'%s' cannot run in a transaction, but the head of the "
					"file says txn-mode = on",
					s->kind != NULL ? s->kind : "this statement");
		if (control || alone)
			return rc;
	}
	return 0;
}

static int is_transactional(const struct look *l)
{
	if (l->directives.mode == DIRECTIVE_MODE_OFF || (l->g->driver->flags & DB_DDL_IN_TX) == 0)
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		if ((l->statements[i].flags & DB_OUTSIDE) != 0)
			return 0;
	}
	return 1;
}

/* ---- syntax ---- */

static int add_syntax(struct look *l)
{
	enum rule_level level = level_of(l, RULE_SYNTAX);
	if (l->g->is_newer && level > RULE_WARNING)
		level = RULE_WARNING;
	for (size_t i = 0; i < l->in.n_faults; i++) {
		const struct db_fault *f = &l->in.faults[i];
		if (f->kind != DB_FAULT_SYNTAX)
			continue;
		if (review_add(l->r, l->w, level, RULE_SYNTAX, f->place, "%.*s%s",
			       STR_ARG(f->message),
			       l->g->is_newer ? " (to the grammar of PostgreSQL 15; the server is "
						"newer and may know it)"
					      : "") != 0)
			return -1;
	}
	return 0;
}

/* The copy is of no use after this: its schema is not what a later file will meet. */
static void end_trials(struct review_group *g)
{
	db_close(g->copy);
	g->copy = NULL;
}

/* Without rows, what depends on them fails for nothing. */
static int is_constraint(const struct err *why)
{
	int64_t code = 0;
	return num_parse_i64(&code, str_of(why->native), 0, INT32_MAX) == 0 &&
	       (code & 0xff) == SQLITE_CONSTRAINT_CODE;
}

/* What SQLite's parser says, as against what a missing table makes it say (parse.y, tokenize.c). */
static int is_grammar(const struct err *why)
{
	return strstr(why->msg, "syntax error") != NULL ||
	       strstr(why->msg, "unrecognized token") != NULL ||
	       strstr(why->msg, "incomplete input") != NULL;
}

static int add_trial(struct look *l, struct db_place place, const struct err *why)
{
	enum rule rule = RULE_SYNTAX;
	if (l->g->is_blank && why->code == ERR_DB && !is_grammar(why))
		return review_add(l->r, l->w, level_of(l, RULE_NOT_CHECKED), RULE_NOT_CHECKED,
				  place,
				  "tried on an empty database, since no target was asked: %s; it "
				  "and the files behind it are not tried further",
				  why->msg);
	if (why->code == ERR_REFUSED)
		rule = RULE_SCRIPT_REFUSED;
	else if ((why->code != ERR_DB && why->code != ERR_EXISTS) || is_constraint(why))
		rule = RULE_NOT_CHECKED;
	if (rule == RULE_NOT_CHECKED)
		return review_add(
		    l->r, l->w, level_of(l, rule), rule, place,
		    "tried on a copy of the schema, which has no rows: %s; it and the "
		    "files behind it are not tried further",
		    why->msg);
	return review_add(l->r, l->w, level_of(l, rule), rule, place, "%s", why->msg);
}

/* Run it where that harms nobody, and keep what it did for the files behind it. */
static int try_on_copy(struct look *l)
{
	struct db *copy = l->g->copy;
	struct db_script script = { .notice = NULL };
	struct err why = { .code = ERR_NONE };
	if (copy == NULL)
		return 0;
	if (!is_transactional(l)) {
		end_trials(l->g);
		return review_add(
		    l->r, l->w, RULE_INFO, RULE_NOT_CHECKED, (struct db_place){ .line = 0 },
		    "it runs outside a transaction, so it and the files behind it are "
		    "not tried on a copy of the schema");
	}
	int rc = db_begin(copy, &why);
	if (rc == 0)
		rc = db_script_run(copy, l->text, &script, &why);
	if (rc == 0)
		rc = db_commit(copy, &why);
	if (rc == 0)
		return 0;
	db_rollback(copy);
	end_trials(l->g);
	return add_trial(l, script.failed, &why);
}

/* Ask the server about each statement, where it can be asked without effect. */
static int parse_on_server(struct look *l, struct db *db)
{
	size_t n = l->n < PARSED_MAX ? l->n : PARSED_MAX;
	for (size_t i = 0; i < n; i++) {
		struct err why = { .code = ERR_NONE };
		struct db_place place;
		if (db_parse(&place, db, &l->statements[i], &why) == 0 || why.code == ERR_NOTFOUND)
			continue;
		if (why.code == ERR_LOST || why.code == ERR_UNAVAILABLE)
			return 0;
		if (why.code == ERR_INPUT && review_add(l->r, l->w, level_of(l, RULE_SYNTAX),
							RULE_SYNTAX, place, "%s", why.msg) != 0)
			return -1;
	}
	return 0;
}

/* ---- rules ---- */

static int run_lint(struct look *l, struct db *db, struct err *e)
{
	const struct lint_file file = { .text = l->text,
					.statements = l->statements,
					.n = l->n,
					.inspection = &l->in,
					.transactional = is_transactional(l) };
	struct advice *found;
	size_t n;
	for (size_t i = 0; db != NULL && i < l->w->n_tables; i++) {
		struct lint_table *t = &l->w->tables[i];
		if (db_count(&t->rows, db, t->schema, t->table, NULL) != 0)
			t->rows = -1;
	}
	l->g->context.known = l->w->tables;
	l->g->context.n_known = l->w->n_tables;
	if (lint_file(&found, &n, &l->g->context, &file, l->r->arena, e) != 0)
		return -1;
	if (grow(l->r, l->w, n) != 0)
		return arena_err(l->r->arena, e);
	for (size_t i = 0; i < n; i++)
		l->w->advices[l->w->n++] = found[i];
	return 0;
}

static int check_file(struct look *l, struct db *db, struct err *e)
{
	int rc = split(l);
	if (rc <= 0)
		end_trials(l->g);
	if (rc < 0)
		return arena_err(l->r->arena, e);
	if (rc == 0)
		return 0;
	l->w->risk = review_risk_of(&l->in);
	if (check_transaction(l) != 0 || add_syntax(l) != 0 || try_on_copy(l) != 0 ||
	    (db != NULL && parse_on_server(l, db) != 0))
		return arena_err(l->r->arena, e);
	if (review_keep(l->r, l->w, l->statements, &l->in, e) != 0)
		return -1;
	return run_lint(l, db, e);
}

/* ---- what the ledger says of it ---- */

static int check_verdict(struct look *l, enum check_verdict verdict, struct err *e)
{
	static const struct {
		enum rule rule;
		const char *what;
	} said[] = {
		[CHECK_EDITED] = { RULE_EDITED_FILE, "was applied with another content" },
		[CHECK_OUT_OF_ORDER] = { RULE_OUT_OF_ORDER,
					 "is below the newest one that is applied" },
		[CHECK_UNFINISHED] = { RULE_UNFINISHED, "was started and not finished" },
	};
	if (verdict == CHECK_APPLIED || verdict == CHECK_RUN)
		return 0;
	int allowed = (verdict == CHECK_EDITED && l->g->rules.allow_edited) ||
		      (verdict == CHECK_OUT_OF_ORDER && l->g->rules.allow_out_of_order);
	enum rule_level level = level_of(l, said[verdict].rule);
	if (allowed && level > RULE_WARNING)
		level = RULE_WARNING;
	struct str version = str_first(l->file->version, 64);
	if (review_add(l->r, l->w, level, said[verdict].rule, (struct db_place){ .line = 0 },
		       "version '%.*s' %s", STR_ARG(version), said[verdict].what) != 0)
		return arena_err(l->r->arena, e);
	return 0;
}

static int is_pending(enum check_verdict verdict)
{
	return verdict == CHECK_RUN || verdict == CHECK_OUT_OF_ORDER;
}

int review_file(struct review_state *r, struct review_group *g, size_t i, struct db *db,
		struct err *e)
{
	AUTO(buf) struct buf text;
	AUTO(look)
	struct look l = { .r = r, .g = g, .w = &g->works[i], .file = &r->job->manifest->files[i] };
	const enum check_verdict verdict = (enum check_verdict)g->verdicts[i];
	arena_init(&l.memory, INSPECT_MAX);
	buf_init(&text, FILE_MAX);
	l.w->done = 1;
	if (check_verdict(&l, verdict, e) != 0)
		return -1;
	if (!is_pending(verdict))
		return 0;
	if (r->job->read(r->job->context, &text, l.file, e) != 0 || buf_check(&text, e) != 0)
		return err_wrap(e, "cannot read '%.*s'", STR_ARG(str_first(l.file->path, 200)));
	l.text = buf_str(&text);
	return check_file(&l, db, e);
}
