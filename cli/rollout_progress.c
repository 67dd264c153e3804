/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of a stage. Each look compares the tasks with what was told of them; rates and remaining
 * times are of the databases that ended since the stage began.
 */
#include "cli/rollout_progress.h"

#include "base/clock.h"
#include "cli/rollout_out.h"

enum {
	LINES_MAX = 64 * 1024,
	ONE_BY_ONE_MAX = 50, /* larger stages are told as a whole */
	EVERY_MS = 5000,
	SHOWN_MAX = 8, /* databases at work, below the bar */
	BAR_MAX = 30,
};

int rollout_last_run(struct task_run *out, struct db *store, const struct task *task,
		     struct arena *arena, struct err *e)
{
	struct task_run *runs;
	size_t n;

	if (task_runs(&runs, &n, store, task, arena, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	*out = runs[n - 1];
	return 1;
}

static size_t failed_of(const struct stage *s)
{
	return s->counts[TASK_FAILED] + s->counts[TASK_CANCELED];
}

static size_t finished_of(const struct stage *s)
{
	return (size_t)stage_done(s) + failed_of(s);
}

static const char *databases(int64_t n)
{
	return n == 1 ? "database" : "databases";
}

/* "41 s", "3 min", "2.5 h" */
static void add_time(struct buf *out, int64_t ms)
{
	if (ms < 10000)
		buf_addf(out, "%.1f s", (double)ms / 1000.0);
	else if (ms < 120 * 1000)
		buf_addf(out, "%lld s", (long long)(ms / 1000));
	else if (ms < 2 * 3600 * 1000LL)
		buf_addf(out, "%lld min", (long long)(ms / 60000));
	else
		buf_addf(out, "%.1f h", (double)ms / 3600000.0);
}

/* "412/1000 done, 8 running, 2 failed, 14.2/s, 41 s left" */
static void add_counts(struct buf *out, const struct rollout_progress *p, const struct stage *s)
{
	const int64_t took_ms = clock_mono_ms() - p->began_ms;
	const size_t total = (size_t)stage_total(s), finished = finished_of(s);
	const size_t since = finished > p->finished_before ? finished - p->finished_before : 0;

	buf_addf(out, "%lld/%zu done", (long long)stage_done(s), total);
	if (s->counts[TASK_RUNNING] > 0)
		buf_addf(out, ", %zu running", s->counts[TASK_RUNNING]);
	if (failed_of(s) > 0)
		buf_addf(out, ", %zu failed", failed_of(s));
	if (since < 2 || took_ms < 1000)
		return;
	buf_addf(out, ", %.1f/s", (double)since * 1000.0 / (double)took_ms);
	if (finished == total)
		return;
	buf_adds(out, ", ");
	add_time(out, (int64_t)((double)took_ms / (double)since * (double)(total - finished)));
	buf_adds(out, " left");
}

/* --- lines that stay --- */

static void write_line(struct rollout_progress *p, const struct buf *line)
{
	live_area_clear(&p->area);
	(void)fwrite(line->p, 1, line->n, p->area.to);
}

/* "dev: instances/dev/databases/a: done: 2 applied, 1 there before, 0.1 s" */
static int tell_end(struct rollout_progress *p, const struct stage *s, const struct task *t,
		    struct arena *arena, struct err *e)
{
	const enum tint tint = task_tint(t->status);
	AUTO(buf) struct buf line;
	struct task_run run;
	int found;

	buf_init(&line, LINES_MAX);
	found = rollout_last_run(&run, p->store, t, arena, e);
	if (found < 0)
		return -1;
	buf_addf(&line, "%.*s: %.*s: %s", STR_ARG(s->environment), STR_ARG(t->target),
		 screen_tint(&p->screen, tint));
	if (t->status == TASK_DONE && found) {
		buf_addf(&line, "done%s: %lld applied, %lld there before, ",
			 screen_plain(&p->screen, tint), (long long)run.applied,
			 (long long)run.present);
		add_time(&line, run.finished_ms - run.started_ms);
	} else {
		buf_addf(&line, "%s%s", task_status_name(t->status),
			 screen_plain(&p->screen, tint));
		if (t->detail.n > 0)
			buf_adds(&line, ": ");
		screen_add(&line, t->detail);
	}
	buf_addc(&line, '\n');
	if (buf_check(&line, e) != 0)
		return -1;
	write_line(p, &line);
	return 0;
}

/* A task that goes back to pending with something to say waits to try again. */
static int tell_wait(struct rollout_progress *p, const struct stage *s, const struct task *t,
		     struct err *e)
{
	const int64_t wait_ms = t->not_before_ms - clock_unix_ms();
	AUTO(buf) struct buf line;

	buf_init(&line, LINES_MAX);
	buf_addf(&line, "%.*s: %.*s: waits: ", STR_ARG(s->environment), STR_ARG(t->target));
	screen_add(&line, t->detail);
	if (wait_ms > 0) {
		buf_adds(&line, " (again in ");
		add_time(&line, wait_ms);
		buf_addc(&line, ')');
	}
	buf_addc(&line, '\n');
	if (buf_check(&line, e) != 0)
		return -1;
	write_line(p, &line);
	return 0;
}

/*
 * Until when everything that is left waits for its time (a window, the next batch), and which task
 * is the first; 0: something goes on, or waits to try again, which was told.
 */
static int64_t pause_of(const struct task **first, const struct stage *s)
{
	const int64_t now = clock_unix_ms();
	int64_t until = 0;

	if (s->counts[TASK_RUNNING] > 0)
		return 0;
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct task *t = &s->tasks[i];

		if (t->status != TASK_PENDING)
			continue;
		if (t->attempt > 0 || t->not_before_ms <= now)
			return 0;
		if (until == 0 || t->not_before_ms < until) {
			until = t->not_before_ms;
			*first = t;
		}
	}
	return until;
}

static int tell_pause(struct rollout_progress *p, const struct stage *s, struct err *e)
{
	const struct task *first = NULL;
	const int64_t until = pause_of(&first, s);
	char at[CLOCK_TEXT];
	AUTO(buf) struct buf line;

	buf_init(&line, LINES_MAX);
	if (until == 0 || until == p->paused_ms)
		return 0;
	p->paused_ms = until;
	buf_addf(&line, "%.*s: waits until %s", STR_ARG(s->environment), clock_format(at, until));
	if (first->detail.n > 0)
		buf_adds(&line, ": ");
	screen_add(&line, first->detail);
	buf_addc(&line, '\n');
	if (buf_check(&line, e) != 0)
		return -1;
	write_line(p, &line);
	return 0;
}

static int is_end(enum task_status status)
{
	return status == TASK_DONE || status == TASK_FAILED || status == TASK_CANCELED ||
	       status == TASK_SKIPPED;
}

static int tell_task(struct rollout_progress *p, const struct stage *s, const struct task *t,
		     enum task_status before, struct arena *arena, struct err *e)
{
	const int good = t->status == TASK_DONE || t->status == TASK_SKIPPED;

	if (t->status == before)
		return 0;
	if (is_end(t->status) && (!good || p->n <= ONE_BY_ONE_MAX))
		return tell_end(p, s, t, arena, e);
	if (t->status == TASK_PENDING && before == TASK_RUNNING && t->detail.n > 0)
		return tell_wait(p, s, t, e);
	return 0;
}

/* --- lines that are redrawn --- */

static void add_bar(struct buf *out, const struct rollout_progress *p, const struct stage *s)
{
	const int width = live_area_width(p->area.to) - 70;
	const int64_t cells = width > BAR_MAX ? BAR_MAX : width;
	const int64_t total = stage_total(s);

	if (cells < 5 || total == 0)
		return;
	buf_addc(out, '[');
	for (int64_t i = 0; i < cells; i++)
		buf_addc(out, i < (int64_t)finished_of(s) * cells / total ? '#' : '.');
	buf_adds(out, "] ");
}

static void draw(struct rollout_progress *p, const struct stage *s)
{
	const enum tint tint = failed_of(s) > 0 ? TINT_BAD : TINT_BUSY;
	AUTO(buf) struct buf lines;
	size_t shown = 0;

	buf_init(&lines, LINES_MAX);
	buf_addf(&lines, "%s%.*s%s ", screen_tint(&p->screen, tint), STR_ARG(s->environment),
		 screen_plain(&p->screen, tint));
	add_bar(&lines, p, s);
	add_counts(&lines, p, s);
	buf_addc(&lines, '\n');
	for (size_t i = 0; i < s->n_tasks && shown < SHOWN_MAX; i++) {
		if (s->tasks[i].status != TASK_RUNNING)
			continue;
		buf_addf(&lines, "  %s%.*s%s\n", screen_tint(&p->screen, TINT_DIM),
			 STR_ARG(s->tasks[i].target), screen_plain(&p->screen, TINT_DIM));
		shown++;
	}
	if (s->counts[TASK_RUNNING] > shown)
		buf_addf(&lines, "  and %zu more\n", s->counts[TASK_RUNNING] - shown);
	live_area_draw(&p->area, buf_str(&lines));
}

/* Off a terminal, and only for what is not told one by one. */
static void tell_now_and_then(struct rollout_progress *p, const struct stage *s)
{
	AUTO(buf) struct buf line;

	if (p->n <= ONE_BY_ONE_MAX || clock_mono_ms() - p->told_ms < EVERY_MS)
		return;
	p->told_ms = clock_mono_ms();
	buf_init(&line, LINES_MAX);
	buf_addf(&line, "%.*s: ", STR_ARG(s->environment));
	add_counts(&line, p, s);
	buf_addc(&line, '\n');
	write_line(p, &line);
}

/* --- a stage's life --- */

int rollout_progress_begin(struct rollout_progress *p, const struct stage *stage,
			   struct arena *arena, struct err *e)
{
	const int64_t total = stage_total(stage);

	p->n = stage->n_tasks;
	p->seen = arena_array(arena, p->n, sizeof(*p->seen));
	if (p->seen == NULL)
		return arena_err(arena, e);
	p->began_ms = clock_mono_ms();
	p->told_ms = p->began_ms;
	p->paused_ms = 0;
	p->finished_before = 0;
	for (size_t i = 0; i < p->n; i++)
		p->seen[i] = TASK_NOT_STARTED;
	if (!p->screen.terminal)
		(void)fprintf(p->area.to, "%.*s: %lld %s\n", STR_ARG(stage->environment),
			      (long long)total, databases(total));
	return 0;
}

int rollout_progress_look(struct rollout_progress *p, const struct stage *stage,
			  struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < stage->n_tasks && i < p->n; i++) {
		const struct task *t = &stage->tasks[i];

		if (tell_task(p, stage, t, (enum task_status)p->seen[i], arena, e) != 0)
			return -1;
		p->seen[i] = (unsigned char)t->status;
	}
	if (tell_pause(p, stage, e) != 0)
		return -1;
	if (p->screen.terminal)
		draw(p, stage);
	else
		tell_now_and_then(p, stage);
	(void)fflush(p->area.to);
	return 0;
}

void rollout_progress_end(struct rollout_progress *p, const struct stage *stage)
{
	const enum tint tint = stage_tint(stage->status);
	AUTO(buf) struct buf line;

	buf_init(&line, LINES_MAX);
	buf_addf(&line, "%.*s: %s%s%s: %lld of %lld %s done", STR_ARG(stage->environment),
		 screen_tint(&p->screen, tint), stage_status_name(stage->status),
		 screen_plain(&p->screen, tint), (long long)stage_done(stage),
		 (long long)stage_total(stage), databases(stage_total(stage)));
	if (failed_of(stage) > 0)
		buf_addf(&line, ", %zu failed", failed_of(stage));
	buf_adds(&line, ", ");
	add_time(&line, clock_mono_ms() - p->began_ms);
	buf_addc(&line, '\n');
	write_line(p, &line);
	(void)fflush(p->area.to);
}
