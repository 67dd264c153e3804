/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before an unfinished migration goes on. The session that worked on it is gone: the lock of the
 * target is ours. What it had set in its session is set again, and the statement that was in
 * flight, if there was one, is proved to be done or not: by what it changes, compared with how that
 * looked before. Where nothing can be proved nothing is run; a person says what is so.
 */

#include "release/runner_impl.h"

enum { HALVES_MAX = 64 }; /* a table has so many indexes, or a person looks */

static const struct db_statement *statement(const struct steps *s, size_t number)
{
	return &s->script->statements[number - 1];
}

/* SET and the like, up to where the file goes on. */
static int replay_session(struct steps *s, size_t before, struct err *e)
{
	for (size_t i = 1; i < before; i++) {
		size_t undone = script_undone_at(s->script, i);
		i = undone > 0 ? undone : i;
		if (!(statement(s, i)->flags & DB_SESSION))
			continue;
		s->has_session = 1;
		if (db_statement_run(s->r->db, statement(s, i), &s->counts, e) != 0)
			return err_wrap(e, "setting the session up again");
	}
	return 0;
}

static struct str known(struct str state)
{
	return state.p != NULL ? runner_shown(state, 120) : STR("nothing can be told of it");
}

static void log_settled(const struct steps *s, size_t number, const char *what, struct str state)
{
	struct str kind = script_kind(statement(s, number));
	runner_log(s->r, "info", "statement %zu (%.*s) was in flight: %s (%.*s)", number,
		   STR_ARG(kind), what, STR_ARG(state));
}

/* The one message that a person gets who has to find out what we could not. */
static int ask(struct steps *s, size_t number, const struct db_probe *now, struct err *e)
{
	const struct db_statement *st = statement(s, number);
	struct str target = s->r->job->target_name;
	struct str version = runner_shown(s->file->version, 48);
	struct str kind = script_kind(st);
	struct str state = known(now->state);
	char text[64];
	size_t n = 0;
	for (; n < sizeof text - 4 && n < st->text.n; n++)
		text[n] = (unsigned char)st->text.p[n] < 0x20 ? ' ' : st->text.p[n];
	struct str first = runner_shown((struct str){ text, n }, 60);
	target = target.n > 0 ? runner_shown(target, 128) : STR("TARGET");
	s->counts.failed = st->place;
	runner_log(s->r, "info", "before statement %zu: %.*s; now: %.*s", number,
		   STR_ARG(known(s->row.probe)), STR_ARG(state));
	return err_set(e, ERR_REFUSED,
		       "whether it ran is not known (%.*s: '%.*s'; %.*s): look at the database, "
		       "then say `tidegate revisions resolve %.*s %.*s --applied` or "
		       "`--not-applied`, and retry",
		       STR_ARG(kind), STR_ARG(first), STR_ARG(state), STR_ARG(target),
		       STR_ARG(version));
}

/* Whether two states are about one thing, which is named before the colon: in a session with
 * another search path the statement's names may mean another. */
static int is_same_thing(struct str a, struct str b)
{
	return str_eq(str_first(a, str_find(a, ':')), str_first(b, str_find(b, ':')));
}

/* Take the half away that the statement left, or finish it: *now becomes how it looks then. */
static int mend(struct db_probe *now, struct steps *s, size_t number, struct err *e)
{
	const struct db_statement *st = statement(s, number);
	struct db_statement repair = {
		.text = now->mend, .place = st->place, .flags = DB_OUTSIDE, .kind = st->kind
	};
	runner_log(s->r, "info", "statement %zu left a half (%.*s), which is %s: %.*s", number,
		   STR_ARG(now->state), now->finishes ? "finished" : "taken away",
		   STR_ARG(now->mend));
	if (db_statement_run(s->r->db, &repair, &s->counts, e) != 0 ||
	    db_probe(now, s->r->db, st, s->arena, e) != 0)
		return err_wrap(e, "mending what it left half done");
	return 0;
}

/* A half that was not there before. */
static int is_new_half(const struct steps *s, const struct db_probe *now)
{
	return now->state.p != NULL && s->row.probe.p != NULL && now->broken &&
	       now->mend.p != NULL && is_same_thing(now->state, s->row.probe) &&
	       !str_eq(now->state, s->row.probe);
}

enum mended {
	MENDED_NOTHING,
	MENDED_UNDONE, /* its half was taken away */
	MENDED_DONE,   /* what was missing was done */
};

/* Look at it, and mend each half that was not there before. */
static int look(enum mended *how, struct db_probe *now, struct steps *s, size_t number,
		struct err *e)
{
	*how = MENDED_NOTHING;
	if (db_probe(now, s->r->db, statement(s, number), s->arena, e) != 0)
		return err_wrap(e, "cannot look whether it ran");
	for (int i = 0; i < HALVES_MAX && is_new_half(s, now); i++) {
		*how = now->finishes ? MENDED_DONE : MENDED_UNDONE;
		if (mend(now, s, number, e) != 0)
			return -1;
	}
	return 0;
}

/* It failed with an error, and may have left a half. 1: the row says where it goes on; 0, -1. */
static int settle_failed(struct steps *s, size_t number, struct err *e)
{
	const struct steps_mark done = { .done = number };
	struct db_probe now;
	enum mended how;
	if (number > s->script->n || s->row.probe.p == NULL)
		return 1;
	if (look(&how, &now, s, number, e) != 0)
		return -1;
	return how == MENDED_DONE && !now.broken ? runner_steps_mark(s, &done, e) : 1;
}

/* It was in flight. 1: the row says what became of it; 0, -1. */
static int settle(struct steps *s, size_t number, struct err *e)
{
	const struct steps_mark undone = { number - 1, 0, s->row.probe };
	const struct steps_mark done = { .done = number };
	struct db_probe now;
	enum mended how;
	if (look(&how, &now, s, number, e) != 0)
		return -1;
	if (statement(s, number)->flags & DB_REPEATABLE) {
		log_settled(s, number, "it may be run again", STR("harmless"));
		return runner_steps_mark(s, &undone, e);
	}
	if (now.state.p == NULL || s->row.probe.p == NULL ||
	    !is_same_thing(now.state, s->row.probe))
		return ask(s, number, &now, e);
	if (str_eq(now.state, s->row.probe)) {
		log_settled(s, number, "it was not applied", now.state);
		return runner_steps_mark(s, &undone, e);
	}
	if (now.broken || how == MENDED_UNDONE)
		return ask(s, number, &now, e);
	log_settled(s, number, how == MENDED_DONE ? "it is done now" : "it was applied", now.state);
	return runner_steps_mark(s, &done, e);
}

/* A row that a person or another version of the file has left. */
static int check_row(struct steps *s, struct err *e)
{
	size_t n = s->script->n;
	size_t done = (size_t)s->row.statements_done;
	size_t flight = (size_t)s->row.in_flight;
	struct str version = runner_shown(s->file->version, 48);
	if (s->row.statements_done < 0 || s->row.in_flight < 0 || done > n || flight > n ||
	    (flight != 0 && flight != done + 1))
		return err_set(e, ERR_REFUSED,
			       "the ledger says that %zu of its statements are done, and it has "
			       "%zu: say where it goes on with `tidegate revisions resolve` and "
			       "`--from-statement N`, version '%.*s'",
			       done, n, STR_ARG(version));
	/* The content is the same, but not what we read in it: the numbers mean other ones. A
	 * person who has said where it goes on has seen the file. */
	if (s->row.sha256.n > 0 && s->row.statements != (int64_t)n)
		return err_set(e, ERR_REFUSED,
			       "it was begun as %lld statements, and this version of tidegate "
			       "reads %zu in it: say where it goes on with `tidegate revisions "
			       "resolve` and `--from-statement N`, version '%.*s'",
			       (long long)s->row.statements, n, STR_ARG(version));
	size_t open = script_open_at(s->script, done);
	if (open == 0)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "it cannot go on within the transaction that statement %zu begins: say "
		       "`tidegate revisions resolve` with `--from-statement %zu`, or one behind "
		       "its end",
		       open, open);
}

/* Without its temporary table, a statement could meet a real one of that name. */
static int check_lost(const struct steps *s, size_t next, struct err *e)
{
	size_t used = 0;
	size_t made = script_lost_at(&used, s->script, next);
	if (made == 0)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "the temporary table that statement %zu makes was lost with its session, "
		       "and statement %zu names it: say `tidegate revisions resolve` with "
		       "`--from-statement %zu`, or do the rest by hand and say `--all-applied`",
		       made, used, made);
}

int runner_steps_resume(struct steps *s, struct err *e)
{
	if (check_row(s, e) != 0)
		return -1;
	size_t next = (size_t)s->row.statements_done + 1;
	if (check_lost(s, next, e) != 0)
		return -1;
	if (next <= s->script->n) {
		s->counts.failed = statement(s, next)->place;
		runner_log(s->r, "info", "%.*s goes on at statement %zu of %zu (%zu:%zu)",
			   STR_ARG(runner_shown(s->file->path, 4096)), next, s->script->n,
			   s->counts.failed.line, s->counts.failed.column);
	}
	if (replay_session(s, next, e) != 0)
		return -1;
	return s->row.in_flight != 0 ? settle(s, next, e) : settle_failed(s, next, e);
}
