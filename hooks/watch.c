/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that a pusher sees, and the polling that they come from. */

#include "hooks/watch.h"

#include "base/auto.h"
#include "base/clock.h"
#include "hooks/client.h"
#include "release/store.h"

#include <inttypes.h>
#include <time.h>

enum {
	ARENA_MAX = 256 * 1024 * 1024,
	LINES_MAX = 256 * 1024,
	TEXT_SHOWN = 400, /* bytes of a reason or a detail */
	POLL_FIRST_MS = 50,
	POLL_MAX_MS = 500,
	ANSWER_MS = 5000,
};

/* --- the lines --- */

static void add_shown(struct buf *out, struct str s)
{
	struct str cut = str_first(s, TEXT_SHOWN);
	while (cut.n > 0 && cut.n < s.n && !str_is_utf8(cut))
		cut.n--;
	for (size_t i = 0; i < cut.n; i++)
		buf_addc(out, cut.p[i] == '\n' ? ' ' : cut.p[i]); /* a line is a line */
	if (cut.n < s.n)
		buf_adds(out, "...");
}

static void add_line(struct buf *out, const char *before, struct str text)
{
	buf_adds(out, before);
	add_shown(out, text);
	buf_addc(out, '\n');
}

static void add_databases(struct buf *out, int64_t n)
{
	buf_addf(out, "%" PRId64 " database%s", n, n == 1 ? "" : "s");
}

static void tell_state(struct buf *out, struct watch_told *told, const struct progress *p)
{
	const char *before = NULL;
	if (told->settled)
		return;
	switch (p->state) {
	case DELIVERY_QUEUED:
	case DELIVERY_PROCESSING:
		if (p->reason.n > 0 && !told->retry) {
			told->retry = 1;
			add_line(out, "not yet, it is tried again: ", p->reason);
		}
		return;
	case DELIVERY_RELEASED:
		break;
	case DELIVERY_IGNORED:
		before = "nothing to roll out: ";
		break;
	case DELIVERY_REFUSED:
		before = "refused: ";
		break;
	case DELIVERY_FAILED:
		before = "failed: ";
		break;
	}
	told->settled = 1;
	if (before == NULL)
		add_line(out, "release ", p->release);
	if (before != NULL || p->reason.n > 0)
		add_line(out, before != NULL ? before : "", p->reason);
}

static void tell_failure(struct buf *out, const struct progress *p, const struct progress_stage *s)
{
	add_shown(out, s->environment);
	buf_addf(out, ": failed on %" PRId64 " of ", s->failed);
	add_databases(out, s->tasks);
	buf_addc(out, '\n');
	if (s->detail.n > 0) {
		add_shown(out, s->target);
		add_line(out, ": ", s->detail);
	}
	buf_adds(out, "to look: tidegate rollouts show ");
	add_line(out, "", p->rollout);
	if (s->waits.n > 0)
		add_line(out, "", s->waits);
}

static void tell_stage(struct buf *out, const struct progress *p, const struct progress_stage *s)
{
	switch (s->status) {
	case STAGE_WAITING:
		return;
	case STAGE_APPROVAL:
	case STAGE_READY:
	case STAGE_PAUSED:
	case STAGE_CANCELED:
		add_shown(out, s->environment);
		add_line(out, ": ", s->waits);
		return;
	case STAGE_RUNNING:
		add_shown(out, s->environment);
		buf_adds(out, ": running on ");
		break;
	case STAGE_DONE:
		add_shown(out, s->environment);
		buf_adds(out, ": done on ");
		break;
	case STAGE_FAILED:
		tell_failure(out, p, s);
		return;
	case STAGE_STATUSES:
		return;
	}
	add_databases(out, s->tasks);
	buf_addc(out, '\n');
}

/* A database that cannot be reached is tried again for a while. */
static void tell_waiting(struct buf *out, int *told, const struct progress_stage *s)
{
	if (*told || s->status != STAGE_RUNNING || s->detail.n == 0)
		return;
	*told = 1;
	add_shown(out, s->environment);
	buf_adds(out, ": ");
	add_shown(out, s->target);
	add_line(out, ": ", s->detail);
}

void watch_tell(struct buf *out, struct watch_told *told, const struct progress *p)
{
	if (!told->begun) {
		told->begun = 1;
		buf_addf(out, "delivery %" PRId64, p->delivery);
		add_line(out, p->summary.n > 0 ? ": " : "", p->summary);
	}
	tell_state(out, told, p);
	for (size_t i = 0; i < p->n && i < WATCH_STAGES_MAX; i++) {
		const struct progress_stage *s = &p->stages[i];
		/* A stage that opens by itself is ready for a moment only. */
		int passing = s->status == STAGE_READY && !p->over;
		int same = told->stages[i].known && told->stages[i].status == s->status;
		if (!passing && !same) {
			told->stages[i].known = 1;
			told->stages[i].status = s->status;
			tell_stage(out, p, s);
		}
		tell_waiting(out, &told->stages[i].waits, s);
	}
}

/* --- looking --- */

static void say_lines(const struct watch *w, struct str text)
{
	struct str line;
	while (str_split(&line, &text, '\n')) {
		if (line.n > 0)
			w->say(w->context, line);
	}
}

static int look(struct progress *out, const struct watch *w, struct db *store, struct arena *arena,
		struct err *e)
{
	int64_t left = w->until_ms - clock_mono_ms();
	if (!w->by_daemon)
		return progress_read(out, store, w->conf, w->delivery, arena, e);
	if (left > ANSWER_MS)
		left = ANSWER_MS;
	return client_progress(out, w->conf, w->delivery, left > 0 ? left : 1, arena, e);
}

/* One look: 1 over, 0 not yet, -1. */
static int look_and_tell(const struct watch *w, struct watch_told *told, struct db *store,
			 char rollout[256], struct err *e)
{
	AUTO(arena) struct arena arena;
	AUTO(buf) struct buf lines;
	struct progress p;
	arena_init(&arena, ARENA_MAX);
	buf_init(&lines, LINES_MAX);
	if (look(&p, w, store, &arena, e) != 0)
		return -1;
	(void)snprintf(rollout, 256, "%.*s", STR_ARG(p.rollout));
	watch_tell(&lines, told, &p);
	say_lines(w, buf_str(&lines));
	return p.over;
}

static void pause_for(int64_t ms)
{
	const struct timespec wait = { .tv_sec = (time_t)(ms / 1000),
				       .tv_nsec = (long)(ms % 1000) * 1000000L };
	if (ms > 0)
		(void)nanosleep(&wait, NULL);
}

int watch_push(const struct watch *w, char rollout[256], struct err *e)
{
	const struct store_options options = { .create = 0 };
	AUTO(db) struct db *store = NULL;
	struct watch_told told = { .begun = 0 };
	int64_t pause_ms = POLL_FIRST_MS;
	rollout[0] = '\0';
	if (!w->by_daemon && store_open(&store, w->conf, &options, e) != 0)
		return -1;
	for (;;) {
		int rc = look_and_tell(w, &told, store, rollout, e);
		int64_t left = w->until_ms - clock_mono_ms();
		if (rc < 0 && left <= 0)
			return 0; /* it had no time to answer */
		if (rc != 0)
			return rc;
		if (left <= 0)
			return 0;
		pause_for(pause_ms < left ? pause_ms : left);
		if (pause_ms < POLL_MAX_MS)
			pause_ms += pause_ms / 2;
	}
}
