/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be done with a request: who sent it, what it says, and whether that concerns this
 * endpoint. Decisions only: no socket, no store, no clock.
 */

#include "receiver/intake.h"

#include "base/mem.h"
#include "vcs/api.h"

enum {
	NAME_SHOWN = 140, /* bytes of a sender's string that a reason or a summary shows */
	LINE_MAX_BYTES = 1024,
};

const char *intake_verdict_name(enum intake_verdict v)
{
	switch (v) {
	case INTAKE_RELEASE:
		return "release";
	case INTAKE_IGNORE:
	case INTAKE_PING:
		return "ignore";
	case INTAKE_REFUSE:
		return "refuse";
	}
	return "ignore";
}

int intake_authenticate(const struct conf_repository *repository, const struct provider *provider,
			const struct request *request, int64_t now_s, struct digest *d,
			struct err *e)
{
	const struct conf_secret *secrets = repository->secrets.items;
	const size_t n = repository->secrets.n;
	AUTO(free) struct str *values = mem_array(n, sizeof *values);
	if (values == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	size_t loaded = 0;
	for (size_t i = 0; i < n; i++) {
		if (secrets[i].value != NULL)
			values[loaded++] = secret_reveal(secrets[i].value);
	}
	if (loaded == 0)
		return err_set(e, ERR_AUTH, "repository '%.*s' has no secret",
			       STR_ARG(repository->id));
	return provider->authenticate(request, values, loaded, now_s, d, e);
}

/* A sender's string in a line of ours: cut, and without control bytes. */
static void add_shown(struct buf *out, struct str s)
{
	struct str cut = str_first(s, NAME_SHOWN);
	while (cut.n > 0 && !str_is_utf8(cut)) /* parsed strings are UTF-8, a cut one may not be */
		cut.n--;
	for (size_t i = 0; i < cut.n; i++) {
		unsigned char c = (unsigned char)cut.p[i];
		buf_addc(out, c < ' ' || c == 0x7f ? ' ' : cut.p[i]);
	}
	if (cut.n < s.n)
		buf_adds(out, "...");
}

static void add_number(struct buf *out, const struct event *event)
{
	if (event->pull_request.number.n == 0)
		return;
	buf_adds(out, " #");
	add_shown(out, event->pull_request.number);
}

static void add_summary(struct buf *out, const struct event *event)
{
	struct str who = event->author.login;
	switch (event->kind) {
	case EVENT_MERGE:
		buf_adds(out, "merge of");
		add_number(out, event);
		buf_adds(out, " into ");
		add_shown(out, event->target_branch);
		break;
	case EVENT_PR:
		buf_adds(out, "pull request");
		add_number(out, event);
		buf_addc(out, ' ');
		add_shown(out, event->action);
		break;
	case EVENT_PUSH:
		buf_adds(out, event->deleted ? "deletion of " : "push to ");
		add_shown(out,
			  event->target_branch.p != NULL ? event->target_branch : STR("a tag"));
		who = event->actor;
		break;
	case EVENT_PING:
		buf_adds(out, "ping");
		who = event->actor;
		break;
	case EVENT_OTHER:
		buf_adds(out, "event");
		if (event->action.n > 0) {
			buf_addc(out, ' ');
			add_shown(out, event->action);
		}
		who = event->actor;
		break;
	}
	if (who.n > 0) {
		buf_adds(out, " by ");
		add_shown(out, who);
	}
}

/* --- the decision --- */

/* Where the reason is put together. */
struct decision {
	const struct conf_repository *repository; /* NULL: any */
	const struct provider *provider;
	const struct event *event;
	struct str type; /* the provider's word for the event; may be absent */
	struct buf reason;
};

static enum intake_verdict say(struct decision *d, enum intake_verdict v, const char *text)
{
	buf_adds(&d->reason, text);
	return v;
}

/* The same with a sender's string, quoted, and what stands behind it. */
static enum intake_verdict say_of(struct decision *d, enum intake_verdict v, const char *before,
				  struct str subject, const char *after)
{
	buf_adds(&d->reason, before);
	buf_addc(&d->reason, '\'');
	add_shown(&d->reason, subject);
	buf_addc(&d->reason, '\'');
	buf_adds(&d->reason, after);
	return v;
}

static enum intake_verdict decide_commit(struct decision *d)
{
	struct str commit = d->event->merge_commit;
	const int merge = d->event->kind == EVENT_MERGE;
	if (commit.n == 0 && merge && d->repository != NULL && d->repository->api != NULL)
		return INTAKE_RELEASE; /* complete_event asks for it */
	if (commit.n == 0 && merge)
		return say(d, INTAKE_REFUSE,
			   "the event does not say which commit was made (with 'api' in the "
			   "repository's configuration the provider is asked for it)");
	if (commit.n == 0)
		return say(d, INTAKE_REFUSE, "the event does not say which commit was made");
	/* What a provider cut is made whole in the mirror, and must be on the branch there. */
	if (merge && api_commit_is_short(commit))
		return INTAKE_RELEASE;
	if (!oid_is_valid(commit))
		return say_of(d, INTAKE_REFUSE, "commit ", commit,
			      " is malformed (expected 40 hexadecimal digits)");
	return INTAKE_RELEASE;
}

static int same_repository(const struct decision *d)
{
	struct str wanted = d->repository->full_name, got = d->event->repository;
	const struct str provider = str_of(d->provider->name);
	/* Names at GitHub and Azure keep their case and compare without it. */
	const int no_case = str_eq_cstr(provider, "github") || str_eq_cstr(provider, "azure");
	return no_case ? str_eq_nocase(wanted, got) : str_eq(wanted, got);
}

/* "{...}" as Bitbucket writes its ids, or without. */
static struct str bare_id(struct str id)
{
	if (str_starts(id, STR("{")) && str_ends(id, STR("}")) && id.n > 2)
		return str_first(str_from(id, 1), id.n - 2);
	return id;
}

int intake_lists(const struct conf_list *ids, struct str id)
{
	const struct str *items = ids->items;
	for (size_t i = 0; i < ids->n; i++) {
		if (str_eq_nocase(bare_id(items[i]), bare_id(id)))
			return 1;
	}
	return ids->n == 0;
}

/* The ids of who sent it and of what it is about, which no name can pretend. 0: both may be. */
static int has_foreign_id(struct decision *d)
{
	if (!intake_lists(&d->repository->subscription_ids, d->event->subscription_id)) {
		(void)say_of(d, INTAKE_REFUSE, "the event is of service hook ",
			     d->event->subscription_id, ", which is not among subscription_ids");
		return 1;
	}
	if (!intake_lists(&d->repository->repository_ids, d->event->repository_id)) {
		(void)say_of(d, INTAKE_REFUSE, "the event is of repository id ",
			     d->event->repository_id, ", which is not among repository_ids");
		return 1;
	}
	return 0;
}

static enum intake_verdict decide_place(struct decision *d)
{
	if (d->repository == NULL)
		return decide_commit(d);
	if (d->event->repository.n == 0)
		return say(d, INTAKE_REFUSE, "the event names no repository");
	if (!same_repository(d)) {
		(void)say_of(d, INTAKE_REFUSE, "the event is of repository ", d->event->repository,
			     "");
		return say_of(d, INTAKE_REFUSE, ", this endpoint is for ", d->repository->full_name,
			      "");
	}
	if (has_foreign_id(d))
		return INTAKE_REFUSE;
	if (d->event->target_branch.n == 0)
		return say(d, INTAKE_REFUSE, "the event names no target branch");
	if (!str_eq(d->event->target_branch, d->repository->branch)) {
		(void)say_of(d, INTAKE_IGNORE, "branch ", d->event->target_branch, "");
		return say_of(d, INTAKE_IGNORE, " is of no interest, this endpoint is for ",
			      d->repository->branch, "");
	}
	return decide_commit(d);
}

static enum intake_verdict decide_push(struct decision *d)
{
	if (d->repository == NULL)
		return say(d, INTAKE_IGNORE,
			   "a push is released only where the repository has 'trigger: push'");
	if (d->repository->trigger != CONF_TRIGGER_PUSH)
		return say(d, INTAKE_IGNORE,
			   "a push; this endpoint waits for merges (it has 'trigger: merge')");
	if (d->event->target_branch.n == 0)
		return say(d, INTAKE_IGNORE, "a push of a tag, not of a branch");
	if (d->event->deleted)
		return say_of(d, INTAKE_IGNORE, "branch ", d->event->target_branch, " was deleted");
	return decide_place(d);
}

static enum intake_verdict decide(struct decision *d)
{
	switch (d->event->kind) {
	case EVENT_PING:
		return say(d, INTAKE_PING, "a ping");
	case EVENT_OTHER:
		(void)say(d, INTAKE_IGNORE, "an event of no interest");
		if (d->type.n > 0)
			(void)say_of(d, INTAKE_IGNORE, ": ", d->type, "");
		if (d->event->action.n > 0)
			(void)say_of(d, INTAKE_IGNORE, ", ", d->event->action, "");
		return INTAKE_IGNORE;
	case EVENT_PR:
		return say_of(d, INTAKE_IGNORE, "the pull request was not merged, its event is ",
			      d->event->action, "");
	case EVENT_PUSH:
		return decide_push(d);
	case EVENT_MERGE:
		if (d->repository != NULL && d->repository->trigger == CONF_TRIGGER_PUSH)
			return say(
			    d, INTAKE_IGNORE,
			    "a merge; this endpoint waits for pushes (it has 'trigger: push')");
		return decide_place(d);
	}
	return say(d, INTAKE_IGNORE, "an event of no interest");
}

int intake_read(struct intake *out, const struct conf_repository *repository,
		const struct provider *provider, const struct request *request, struct arena *arena,
		struct err *e)
{
	struct intake in = { .verdict = INTAKE_IGNORE };
	if (provider->parse(&in.event, request, arena, e) != 0)
		return -1;
	/* Of a push that moves several refs, the one that this endpoint is about. */
	if (repository != NULL && in.event.n_changes > 1)
		(void)event_select_branch(&in.event, repository->branch);
	AUTO(buf) struct buf summary;
	buf_init(&summary, LINE_MAX_BYTES);
	add_summary(&summary, &in.event);

	struct decision d = { .repository = repository, .provider = provider, .event = &in.event };
	struct err unnamed;
	if (provider->event_header == NULL ||
	    request_header(&d.type, request, provider->event_header, &unnamed) != 0)
		d.type = STR_NULL;
	buf_init(&d.reason, LINE_MAX_BYTES);
	in.verdict = decide(&d);
	AUTO(buf) struct buf reason = d.reason;
	if (buf_check(&summary, e) != 0 || buf_check(&reason, e) != 0)
		return -1;
	in.summary = arena_str(arena, buf_str(&summary));
	in.reason = in.verdict == INTAKE_RELEASE ? STR_NULL : arena_str(arena, buf_str(&reason));
	if (in.summary.p == NULL || (in.verdict != INTAKE_RELEASE && in.reason.p == NULL))
		return arena_err(arena, e);
	*out = in;
	return 0;
}
