/* SPDX-License-Identifier: Apache-2.0 */
/* What a post-receive hook does with a push. What it says, a person reads between git's lines. */

#include "hooks/push.h"

#include "base/auto.h"
#include "base/clock.h"
#include "hooks/body.h"
#include "hooks/child.h"
#include "hooks/client.h"
#include "hooks/detach.h"
#include "receiver/handin.h"
#include "vcs/provider.h"

#include <inttypes.h>
#include <stdarg.h>

enum { LINE_TEXT = 1024, ANCESTRY_MS = 3000, PATIENCE_MIN_MS = 1000 };

static void say(const struct push *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct push *p, const char *fmt, ...)
{
	char line[LINE_TEXT];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	p->say(p->context, str_of(line));
}

/* --- the configuration --- */

static int check_path(struct str path, const char *key, struct err *e)
{
	if (path.n > 0 && path.p[0] == '/')
		return 0;
	return err_set(e, ERR_INPUT,
		       "%s '%.*s' is a relative path, and git runs hooks in the repository: write "
		       "it from the root",
		       key, STR_ARG(path));
}

int push_check_paths(const struct conf *conf, struct err *e)
{
	const struct conf_instance *instances = conf->instances.items;
	struct str prefix = STR("sqlite:");
	struct str store = conf->store;
	if (str_starts(store, prefix))
		store = str_from(store, prefix.n);
	if (!str_starts(store, STR("postgres")) && check_path(store, "store", e) != 0)
		return -1;
	if (check_path(conf->state_dir, "state_dir", e) != 0 ||
	    check_path(conf->hook_socket, "hook_socket", e) != 0)
		return -1;
	for (size_t i = 0; i < conf->instances.n; i++) {
		if (str_starts(instances[i].url, prefix) &&
		    check_path(str_from(instances[i].url, prefix.n), "url of an instance", e) != 0)
			return -1;
	}
	return 0;
}

/* --- what was pushed --- */

/* 1: the old tip is not part of the new one; 0: it is, or one of them is none; -1: not known. */
static int is_forced(const struct post_receive_change *change)
{
	const char *argv[] = { "git",          "merge-base",  "--is-ancestor",
			       change->before, change->after, NULL };
	struct err e;
	int status;
	if (oid_is_zero(str_of(change->before)) || oid_is_zero(str_of(change->after)))
		return 0;
	if (child_run(&status, NULL, argv, ANCESTRY_MS, &e) != 0 || status > 1)
		return -1;
	return status;
}

static void say_kind(const struct push *p, int forced)
{
	const struct post_receive_change *change = &p->input->change;
	struct str branch = p->repository->branch;
	if (oid_is_zero(str_of(change->after)))
		say(p, "branch '%.*s' was deleted: what was applied stays applied",
		    STR_ARG(branch));
	else if (oid_is_zero(str_of(change->before)))
		say(p, "branch '%.*s' is new", STR_ARG(branch));
	else if (forced > 0)
		say(p,
		    "branch '%.*s' was force-pushed: what was applied stays applied, and what "
		    "changed after it was applied is refused",
		    STR_ARG(branch));
}

/* --- handing over --- */

struct way {
	int64_t delivery;
	int by_daemon;
	int over; /* nothing to watch: it was told why */
};

static void say_nobody_can(const struct push *p, const struct err *daemon, const struct err *alone)
{
	say(p, "the push is not released: %s", daemon->msg);
	say(p, "and this user cannot do it alone: %s", alone->msg);
	say(p,
	    "let `tidegate serve` run, add the user that git runs hooks as to the group of '%.*s', "
	    "and push again (an empty commit will do)",
	    STR_ARG(p->conf->hook_socket));
}

/* Without the daemon. 0 when the delivery is kept somewhere. */
static int hand_over_alone(struct way *out, const struct push *p, struct str body, int64_t until_ms,
			   const struct err *daemon)
{
	struct detach detached;
	struct err e = { .code = ERR_NONE };
	if (detach_push(&detached, p->conf, p->repository->id, body, until_ms, p->level, &e) != 0) {
		if (e.code == ERR_UNAVAILABLE)
			say(p, "%s; it goes on trying. Look later: tidegate deliveries list",
			    e.msg);
		else
			say_nobody_can(p, daemon, &e);
		return -1;
	}
	*out = (struct way){ .delivery = detached.delivery };
	if (detached.kept_only[0] == '\0')
		return 0;
	out->over = 1;
	say(p, "delivery %" PRId64 " is kept, but this user cannot roll it out: %s",
	    detached.delivery, detached.kept_only);
	say(p, "`tidegate serve` will, as soon as it runs");
	return 0;
}

static int hand_over(struct way *out, const struct push *p, struct str body, int64_t until_ms)
{
	struct err e = { .code = ERR_NONE };
	int64_t delivery;
	/* Half of the time, so that there is some left when the daemon hangs. */
	int64_t patience = (until_ms - clock_mono_ms()) / 2;
	/* However little is left, the daemon is asked. */
	if (patience < PATIENCE_MIN_MS)
		patience = PATIENCE_MIN_MS;
	if (client_hand_in(&delivery, p->conf, p->repository->id, body, patience, &e) == 0) {
		*out = (struct way){ .delivery = delivery, .by_daemon = 1 };
		return 0;
	}
	if (e.code == ERR_REFUSED) {
		say(p, "the push is not released: %s", e.msg);
		return -1;
	}
	/* The body is the same, and so is its delivery, should the daemon have it after all. */
	return hand_over_alone(out, p, body, until_ms, &e);
}

/* --- waiting --- */

static void watch(const struct push *p, const struct way *way, int64_t until_ms)
{
	struct err e = { .code = ERR_NONE };
	char rollout[256];
	const struct watch w = { .conf = p->conf,
				 .delivery = way->delivery,
				 .by_daemon = way->by_daemon,
				 .until_ms = until_ms,
				 .say = p->say,
				 .context = p->context };
	int rc = watch_push(&w, rollout, &e);
	if (rc > 0)
		return;
	if (rc < 0)
		say(p, "how it goes on cannot be seen from here: %s", e.msg);
	else
		say(p, "still under way after %" PRId64 " s; it goes on without you",
		    p->conf->hook_wait_ms / 1000);
	if (rollout[0] != '\0')
		say(p, "to look: tidegate rollouts show %s", rollout);
	else
		say(p, "to look: tidegate deliveries show %" PRId64, way->delivery);
}

void push_run(const struct push *p)
{
	AUTO(buf) struct buf text;
	struct way way = { .delivery = 0 };
	struct err e = { .code = ERR_NONE };
	int64_t until_ms = p->begun_ms + p->conf->hook_wait_ms;
	if (p->input->malformed > 0)
		say(p, "%zu lines of git's were malformed and left out", p->input->malformed);
	if (p->input->sha256 > 0) {
		say(p, "the repository's object ids are sha256, which is not supported (only sha1 "
		       "is): nothing is released");
		return;
	}
	if (!p->input->found)
		return;
	struct body body = { .repository = p->repository->full_name,
			     .branch = p->repository->branch,
			     .change = &p->input->change,
			     .forced = is_forced(&p->input->change),
			     .pusher = p->pusher,
			     .now_ms = clock_unix_ms() };
	buf_init(&text, HANDIN_BODY_MAX);
	say_kind(p, body.forced);
	if (push_check_paths(p->conf, &e) != 0 || body_write(&text, &body, &e) != 0) {
		say(p, "the push is not released: %s", e.msg);
		return;
	}
	if (hand_over(&way, p, buf_str(&text), until_ms) == 0 && !way.over)
		watch(p, &way, until_ms);
}
