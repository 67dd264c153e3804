/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_RUNNER_IMPL_H
#define RELEASE_RUNNER_IMPL_H

#include "base/digest.h"
#include "release/revision.h"
#include "release/runner.h"
#include "release/script.h"

/* What the files of the runner share: one task on its way. */

/* How one file will run: found out before the first one does. */
struct runner_plan {
	int known;
	enum script_way way;
	enum db_isolation isolation;
	struct buf kept; /* its content, as long as there is room; empty: fetch it again */
};

/* Tables whose content outlives a rollback, in one database of the server. */
struct runner_lasting {
	struct str database; /* absent: any script may write there */
	struct str table;    /* one of them, to be shown */
};

struct runner {
	struct runner_result *result;
	const struct runner_job *job;
	const struct runner_events *events;
	struct digest *digest;
	struct arena *arena;
	struct runner_plan *plans; /* for each file of the manifest */
	size_t kept;               /* bytes of content in them */
	struct db *db;             /* the session that works */
	size_t rows;               /* of the ledger: as it was read, and ours since */
	size_t commits;            /* so far: whether a retry got on */
	int lock_timeout;          /* the session ended because a lock was not free */
	struct runner_lasting *lasting;
	size_t n_lasting;
	int lasting_known; /* since the last statement that may have made such a table */
	struct arena lasting_arena;
};

enum runner_step {
	RUNNER_APPLIED,
	RUNNER_AGAIN, /* somebody else wrote to the ledger, nothing was done: read it again */
};

/* runner_plan.c */

/* Look at each file that `check` says is to be run. What must not run is refused; `failed` and
 * `place` tell which. */
int runner_plan_all(struct runner *r, const struct check *check, struct err *e) MUST_CHECK;
void runner_plan_free(struct runner *r);
/* The verified content of a file, which was looked at: `*text` lies in its plan or in `own`. */
int runner_content(struct str *text, struct buf *own, struct runner *r,
		   const struct migration *file, struct err *e) MUST_CHECK;
struct runner_plan *runner_plan_of(const struct runner *r, const struct migration *file);
/* Put the file's name before the message, and keep which and where in the result; returns -1. */
int runner_fail(struct runner *r, const struct migration *file, struct db_place place,
		struct err *e);
/* Names in messages are bounded, so that what to do still fits behind them. */
struct str runner_shown(struct str s, size_t max);
int runner_stopped(const struct runner *r);
/* A line for the log. */
void runner_log(const struct runner *r, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* db_script.notice, whose context is the runner. */
void runner_notice(void *runner, struct str text);
/* A ledger row of `file` that belongs to this run. */
struct revision runner_row(struct runner *r, const struct migration *file);
/* 1, or 0 where the transaction is the lock and others have written since the ledger was read; -1.
 */
int runner_is_unchanged(struct runner *r, struct err *e) MUST_CHECK;
/* After a rollback because of `clash`: 0 when another runner wrote the row, -1 with `clash` in `e`
 * when it was something else that collided. */
int runner_look_again(const struct runner *r, const struct migration *file, const struct err *clash,
		      struct err *e) MUST_CHECK;

/*
 * runner_lasting.c: 1 when the script of `text` might write to a table whose content outlives a
 * rollback, and `*table` tells which, lent until runner_lasting_forget; 0; or -1. Outside a
 * transaction: it may look into the database.
 */
int runner_lasting(struct str *table, struct runner *r, struct str text, struct err *e) MUST_CHECK;
/* A statement outside of a transaction has run, or a session has begun: look again. */
void runner_lasting_forget(struct runner *r);

/* runner_file.c: run one migration with its ledger row in one transaction. On failure nothing of it
 * is in the database, but with ERR_LOST, where that is not known; `failed` and `place` are filled.
 */
int runner_file(enum runner_step *step, struct runner *r, const struct migration *file,
		struct err *e) MUST_CHECK;

/* A file that runs statement by statement. */
struct steps {
	struct runner *r;
	const struct migration *file;
	struct script *script;
	struct str text;
	struct arena *arena;  /* of this file */
	struct revision base; /* what is the same in each row of this run */
	struct revision row;  /* as it stands in the ledger, when `there` */
	int there;
	size_t open; /* the statement that began the script's own transaction; 0: none is open */
	int has_session; /* a statement that changes the session has run in this one */
	struct db_script counts;
	int64_t started; /* clock_mono_ms */
};

/* Where the ledger shall say that the file stands. */
struct steps_mark {
	size_t done;
	size_t in_flight;
	struct str probe;
};

/*
 * runner_steps.c: move the row there, in a transaction of its own, or (steps_write) in the one that
 * is open, where `*next` becomes steps.row once that is committed. 1; 0: somebody else has moved
 * it, and the transaction was or must be rolled back; -1.
 */
int runner_steps_mark(struct steps *s, const struct steps_mark *mark, struct err *e) MUST_CHECK;
int runner_steps_write(struct revision *next, struct steps *s, const struct steps_mark *mark,
		       struct err *e) MUST_CHECK;

/* runner_settle.c: what is to be known before an unfinished file goes on: the session's settings,
 * what became of the statement that was in flight, and halves that one left. 1, 0 or -1 as above;
 * ERR_REFUSED when only a person can tell. */
int runner_steps_resume(struct steps *s, struct err *e) MUST_CHECK;

/* runner_steps.c: run one migration statement by statement, or what is left of it; `row` is its
 * unfinished row, or NULL. `failed` and `place` are filled on failure. */
int runner_steps(enum runner_step *step, struct runner *r, const struct migration *file,
		 const struct revision *row, struct err *e) MUST_CHECK;

#endif
