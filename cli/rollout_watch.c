/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching a rollout: the store is looked at again and again, and what changed is told: a line per
 * change, or lines that are redrawn where the output is a terminal. Each look has its own memory.
 */
#include "cli/rollout_watch.h"

#include "base/clock.h"
#include "cli/live_area.h"
#include "cli/poll.h"
#include "cli/rollout_out.h"

#include <errno.h>

enum { LINES_MAX = 1024 * 1024, LOOK_MEMORY_MAX = 256 * 1024 * 1024 };

struct view {
	struct buf now, before; /* a line per stage */
	struct live_area area;  /* where they stand on a terminal */
};

static int is_meant(const struct rollout_watch *w, const struct stage *s)
{
	return w->environment.p == NULL || str_eq(w->environment, s->environment);
}

static void describe(struct buf *out, const struct rollout_watch *w, const struct rollout *r)
{
	buf_clear(out);
	for (size_t i = 0; i < r->n_stages; i++) {
		if (!is_meant(w, &r->stages[i]))
			continue;
		stage_line(out, &r->stages[i]);
		buf_addc(out, '\n');
	}
}

static int has_line(struct str text, struct str wanted)
{
	struct str line;

	while (str_split(&line, &text, '\n')) {
		if (str_eq(line, wanted))
			return 1;
	}
	return 0;
}

/* The lines that are new, with the time. */
static void tell_changes(const struct view *v, FILE *to)
{
	struct str line, rest = buf_str(&v->now);
	char at[CLOCK_TEXT];

	while (str_split(&line, &rest, '\n')) {
		if (line.n > 0 && !has_line(buf_str(&v->before), line))
			(void)fprintf(to, "%s %.*s\n", clock_format(at, clock_unix_ms()),
				      STR_ARG(line));
	}
}

static int tell_json(const struct rollout *r, FILE *to, struct arena *arena, struct err *e)
{
	const struct rollout_details counts_only = { .store = NULL };
	AUTO(buf) struct buf out;
	struct json_writer w;

	buf_init(&out, LINES_MAX);
	jw_init(&w, &out, 0);
	if (rollout_json(&w, r, &counts_only, arena, e) != 0 || buf_check(&out, e) != 0)
		return -1;
	(void)fwrite(out.p, 1, out.n, to);
	(void)fputc('\n', to);
	return 0;
}

static int tell(struct view *v, const struct rollout_watch *w, const struct rollout *r,
		struct arena *arena, struct err *e)
{
	describe(&v->now, w, r);
	if (buf_check(&v->now, e) != 0)
		return -1;
	if (w->to == NULL || str_eq(buf_str(&v->now), buf_str(&v->before)))
		return 0;
	if (w->json) {
		if (tell_json(r, w->to, arena, e) != 0)
			return -1;
	} else if (w->screen.terminal) {
		live_area_draw(&v->area, buf_str(&v->now));
	} else {
		tell_changes(v, w->to);
	}
	if (fflush(w->to) != 0 || ferror(w->to))
		return err_sys(e, errno, "cannot write what changed");
	buf_clear(&v->before);
	buf_add(&v->before, buf_str(&v->now));
	return buf_check(&v->before, e);
}

/* What is watched, as it stands. ERR_NOTFOUND when the rollout has no such stage. */
static int status_of(enum stage_status *out, const struct rollout_watch *w, const struct rollout *r,
		     struct err *e)
{
	if (w->environment.p == NULL) {
		*out = r->status;
		return 0;
	}
	for (size_t i = 0; i < r->n_stages; i++) {
		if (is_meant(w, &r->stages[i])) {
			*out = r->stages[i].status;
			return 0;
		}
	}
	return err_set(e, ERR_NOTFOUND, "rollout '%.*s' has no stage '%.*s'", STR_ARG(r->name),
		       STR_ARG(w->environment));
}

static void tell_failures(const struct app *app, const struct rollout_watch *w,
			  const struct rollout *r)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		for (size_t k = 0; is_meant(w, &r->stages[i]) && k < r->stages[i].n_tasks; k++) {
			const struct task *t = &r->stages[i].tasks[k];

			if (t->status == TASK_FAILED)
				app_note(app, "task %lld, %.*s: %.*s", (long long)t->id,
					 STR_ARG(t->target), STR_ARG(t->detail));
		}
	}
}

/* One look. 1: it has ended; 0: not yet; -1. */
static int look(struct app *app, struct rollout_watch *w, struct view *v, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct rollout r;

	arena_init(&arena, LOOK_MEMORY_MAX);
	if (rollout_get(&r, app->store, app->conf, w->name.project, w->name.plan, &arena, e) != 0 ||
	    status_of(&w->status, w, &r, e) != 0 || tell(v, w, &r, &arena, e) != 0)
		return -1;
	if (w->status == STAGE_FAILED)
		tell_failures(app, w, &r);
	return w->status == STAGE_FAILED || w->status == STAGE_DONE || w->status == STAGE_CANCELED;
}

int rollout_watch(struct app *app, struct rollout_watch *watch)
{
	struct view view = { .area = { .to = watch->to } };
	struct poll_clock clock;
	struct err e;
	int ended;

	buf_init(&view.now, LINES_MAX);
	buf_init(&view.before, LINES_MAX);
	poll_start(&clock, watch->timeout_ms);
	do {
		ended = look(app, watch, &view, &e);
		if (ended == 0 && poll_again(&clock, "the rollout", &e) != 0)
			ended = -1;
	} while (ended == 0);
	buf_free(&view.now);
	buf_free(&view.before);
	/* a reader that has seen enough is told nothing */
	if (ended < 0 && e.code == ERR_SYS && e.sys == EPIPE)
		return EXIT_FAILED;
	if (ended < 0)
		return app_fail(app, &e);
	return watch->status == STAGE_DONE ? EXIT_DONE : EXIT_FAILED;
}
