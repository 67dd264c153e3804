/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stage waits for, in a line that says the next step: the same text for every reader, be it
 * a table, JSON, or the pusher's terminal.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/window.h"
#include "release/rollout_view.h"

enum { LINE_MAX = 2048, NAMES_MAX = 10, WINDOWS_MAX = 64 };

struct teller {
	struct buf *out;
	const struct rollout *r;
	const struct stage *s;
	const struct conf_environment *environment; /* NULL: no longer configured */
};

/* "tidegate VERB ROLLOUT --stage E" */
static void add_command(const struct teller *t, const char *verb)
{
	buf_addf(t->out, "tidegate %s %.*s --stage %.*s", verb, STR_ARG(t->r->name),
		 STR_ARG(t->s->environment));
}

/* "2 of 3 approvals are missing (so far alice)" */
static void add_missing(const struct teller *t)
{
	const struct stage *s = t->s;
	size_t named = 0;
	buf_addf(t->out, "%lld of %lld approval%s missing", (long long)(s->approvals - s->approved),
		 (long long)s->approvals, s->approvals == 1 ? " is" : "s are");
	for (size_t i = 0; i < s->n_approved_by && named < NAMES_MAX; i++) {
		const struct approval *a = &s->approved_by[i];
		if (a->void_reason.p != NULL || approval_by(s->approved_by, i, a->who))
			continue;
		buf_adds(t->out, named++ == 0 ? " (so far " : ", ");
		buf_add(t->out, a->who);
	}
	buf_adds(t->out, named > 0 ? ")" : "");
}

static void tell_waiting(const struct teller *t)
{
	const struct rollout *r = t->r;
	for (size_t i = 0; i < r->n_stages && &r->stages[i] != t->s; i++) {
		if (r->stages[i].status == STAGE_DONE)
			continue;
		buf_adds(t->out, "waits for stage ");
		buf_add(t->out, r->stages[i].environment);
		break;
	}
	if (t->s->approved >= t->s->approvals)
		return;
	buf_adds(t->out, "; ");
	add_missing(t);
}

/* Until when the stage rests, as its environment's clock shows it. */
static void add_due(const struct teller *t, const struct zone *zone)
{
	char utc[CLOCK_TEXT], local[WINDOW_TIME_TEXT];
	if (zone != NULL)
		buf_adds(t->out, window_time(local, zone, t->s->due_ms));
	else
		buf_adds(t->out, clock_format(utc, t->s->due_ms));
}

/* The window that opens when the stage is due. */
static void tell_window(const struct teller *t)
{
	const struct conf_environment *en = t->environment;
	const struct str *texts = en->windows.items;
	AUTO(zone) struct zone *zone = NULL;
	struct window list[WINDOWS_MAX];
	struct err ignored;
	size_t n = 0, which = 0;
	while (n < en->windows.n && n < WINDOWS_MAX &&
	       window_parse(&list[n], texts[n], &ignored) == 0)
		n++;
	if (zone_open(&zone, en->timezone.p, &ignored) != 0)
		zone = NULL;
	if (n > 0 && zone != NULL)
		(void)window_next(&which, list, n, zone, t->s->due_ms);
	buf_addf(t->out, "waits for the window %.*s %.*s: opens ", STR_ARG(texts[which]),
		 STR_ARG(en->timezone));
	add_due(t, zone);
}

static void tell_paused(const struct teller *t)
{
	const struct stage *s = t->s;
	if (s->is_held && t->environment != NULL && t->environment->windows.n > 0) {
		tell_window(t);
		return;
	}
	if (s->batch > 1)
		buf_addf(t->out, "batch %lld of %lld starts at ", (long long)s->batch,
			 (long long)s->batches);
	else
		buf_adds(t->out, "starts at ");
	add_due(t, NULL);
	buf_adds(t->out, s->batch > 1 ? " after a pause; sooner by: " : "; sooner by: ");
	add_command(t, "run");
}

static void tell_failed(const struct teller *t)
{
	const struct stage *s = t->s;
	if (!stage_is_between(s)) {
		buf_addf(t->out, "%zu failed; once the cause is mended: ", s->counts[TASK_FAILED]);
		add_command(t, "retry");
		return;
	}
	const struct str threshold =
	    t->environment != NULL ? t->environment->failure_threshold : STR("0");
	buf_addf(t->out,
		 "stopped after batch %lld of %lld: %zu of %zu failed, threshold %.*s; "
		 "retry or skip them, or go on all the same by: ",
		 (long long)s->batch, (long long)s->batches, s->fallen, s->started,
		 STR_ARG(threshold));
	add_command(t, "run");
	buf_adds(t->out, " --force");
}

static void tell(const struct teller *t)
{
	switch (t->s->status) {
	case STAGE_WAITING:
		tell_waiting(t);
		return;
	case STAGE_APPROVAL:
		add_missing(t);
		buf_adds(t->out, ": ");
		add_command(t, "approve");
		return;
	case STAGE_READY:
		if (t->environment == NULL) {
			buf_adds(t->out, "its environment is no longer configured");
			return;
		}
		buf_adds(t->out, "waits for a person: ");
		add_command(t, "run");
		return;
	case STAGE_PAUSED:
		tell_paused(t);
		return;
	case STAGE_FAILED:
		tell_failed(t);
		return;
	case STAGE_CANCELED:
		buf_addf(t->out, "%zu canceled; again by: ", t->s->counts[TASK_CANCELED]);
		add_command(t, "retry");
		return;
	case STAGE_RUNNING:
	case STAGE_DONE:
	case STAGE_STATUSES:
		return;
	}
}

int stage_tell_waits(struct rollout *r, const struct conf *conf, struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf line;
	buf_init(&line, LINE_MAX);
	for (size_t i = 0; i < r->n_stages; i++) {
		struct stage *s = &r->stages[i];
		const struct teller t = { &line, r, s, conf_environment(conf, s->environment) };
		/* Opened by policy in a moment: nobody needs to do anything. */
		if (s->status == STAGE_READY && s->position <= r->plan.target_position &&
		    (s->automatic || s->approvals > 0))
			continue;
		buf_clear(&line);
		tell(&t);
		if (buf_check(&line, e) != 0)
			return -1;
		if (line.n == 0)
			continue;
		s->waits = arena_str(arena, buf_str(&line));
		if (s->waits.p == NULL)
			return arena_err(arena, e);
	}
	return 0;
}
