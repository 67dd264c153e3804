/* SPDX-License-Identifier: Apache-2.0 */
/* What was merged against what arrived, and the deliveries that make up for the difference. */

#include "receiver/reconcile.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "receiver/intake.h"
#include "receiver/provider_api.h"
#include "release/release.h"
#include "vcs/provider.h"

#include <stdio.h>

enum {
	DELIVERIES_MAX = 20000, /* of one endpoint since then */
	BODY_MAX = 1024 * 1024, /* of what is composed */
	EVENT_MEMORY = 256 * 1024 * 1024,
	NAME_MAX_BYTES = 200,
};
/* A delivery may have come before the merge, by clocks that differ. */
static const int64_t SLACK_MS = 60 * 60 * 1000;

const char *reconcile_status_name(enum reconcile_status s)
{
	switch (s) {
	case RECONCILE_KNOWN:
		return "known";
	case RECONCILE_QUEUED:
		return "queued";
	case RECONCILE_MISSING:
		return "missing";
	case RECONCILE_REFUSED:
		return "refused";
	}
	return "known";
}

/* --- what arrived --- */

/* A merge that a stored delivery is about. */
struct arrival {
	int64_t delivery;
	enum delivery_state state;
	struct str number;
	struct str commit; /* absent: the body did not say it */
	struct str release;
};

struct arrivals {
	struct arrival *list;
	size_t n;
};

/* Whether a delivery is about a merge; one that cannot be read is about nothing. */
static int read_arrival(struct arrival *out, const struct delivery *d, struct db *store,
			struct arena *arena, struct err *e)
{
	AUTO(arena) struct arena memory;
	struct request request;
	struct event event;
	struct err why;
	const struct provider *provider = provider_find(d->provider);
	arena_init(&memory, EVENT_MEMORY);
	if (provider == NULL)
		return 0;
	if (delivery_request(&request, store, d->id, &memory, e) != 0)
		return -1;
	if (provider->parse(&event, &request, &memory, &why) != 0 || event.kind != EVENT_MERGE)
		return 0;
	*out = (struct arrival){ .delivery = d->id,
				 .state = d->state,
				 .number = arena_str(arena, event.pull_request.number),
				 .commit = arena_str(arena, event.merge_commit),
				 .release = d->release };
	if (event.pull_request.number.n > 0 && out->number.p == NULL)
		return arena_err(arena, e);
	return 1;
}

static int read_arrivals(struct arrivals *out, const struct reconcile_options *o,
			 struct arena *arena, struct err *e)
{
	const struct delivery_filter filter = { .endpoint = o->repository->id,
						.since_ms = o->since_ms - SLACK_MS,
						.limit = DELIVERIES_MAX + 1 };
	struct delivery *list;
	size_t n = 0;
	if (delivery_list(&list, &n, o->store, &filter, arena, e) != 0)
		return -1;
	if (n > DELIVERIES_MAX)
		return err_set(e, ERR_LIMIT,
			       "more than %d deliveries since then; name a later time",
			       DELIVERIES_MAX);
	out->list = arena_array(arena, n + 1, sizeof *out->list);
	if (out->list == NULL)
		return arena_err(arena, e);
	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		int rc = read_arrival(&out->list[out->n], &list[i], o->store, arena, e);
		if (rc < 0)
			return -1;
		out->n += (size_t)rc;
	}
	return 0;
}

/* Either may be cut. */
static int same_commit(struct str a, struct str b)
{
	return str_starts(a, b) || str_starts(b, a);
}

static int has_come_through(enum delivery_state s)
{
	switch (s) {
	case DELIVERY_QUEUED:
	case DELIVERY_PROCESSING:
	case DELIVERY_RELEASED:
	case DELIVERY_IGNORED:
		return 1;
	case DELIVERY_REFUSED:
	case DELIVERY_FAILED:
		return 0;
	}
	return 0;
}

static const struct arrival *find_arrival(const struct arrivals *all, const struct event *merge)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct arrival *a = &all->list[i];
		if (str_eq(a->number, merge->pull_request.number) && has_come_through(a->state) &&
		    (a->commit.n == 0 || same_commit(a->commit, merge->merge_commit)))
			return a;
	}
	return NULL;
}

/* 1: filled as known; 0: nobody has seen it. */
static int find_known(struct reconcile_row *row, const struct arrivals *arrivals,
		      const struct reconcile_options *o, struct arena *arena, struct err *e)
{
	const struct event *merge = &row->pull.event;
	const struct arrival *arrival = find_arrival(arrivals, merge);
	struct release release;
	struct err why;
	if (arrival != NULL) {
		row->delivery = arrival->delivery;
		row->state = arrival->state;
		row->release = arrival->release;
		return 1;
	}
	if (!oid_is_valid(merge->merge_commit))
		return 0;
	if (release_by_commit(&release, o->store, o->repository->project, o->repository->id,
			      merge->merge_commit, arena, &why) == 0) {
		row->release = release.name;
		return 1;
	}
	if (why.code == ERR_NOTFOUND)
		return 0;
	*e = why;
	return -1;
}

/* --- what did not --- */

static struct str first_of(const struct conf_list *texts)
{
	return texts->n > 0 ? *(const struct str *)texts->items : STR_NULL;
}

/* The event as the endpoint would have got it. */
static struct event event_of(const struct api_pull *pull, const struct conf_repository *r,
			     struct str id)
{
	struct event event = pull->event;
	event.repository = r->full_name;
	event.delivery_id = id;
	/* The API does not know which hook was to send it. */
	event.subscription_id = first_of(&r->subscription_ids);
	if (event.repository_id.p == NULL)
		event.repository_id = first_of(&r->repository_ids);
	return event;
}

/* What is written of one merge; the texts are in the arena. */
struct letter {
	const struct reconcile_options *o;
	const struct provider *provider;
	struct request request;
	struct header headers[3];
	struct buf body, headers_text, packed;
	struct intake intake;
	struct str id;
	const char *type;
};

static void letter_free(struct letter *l)
{
	buf_free(&l->body);
	buf_free(&l->headers_text);
	buf_free(&l->packed);
}
AUTO_DEFINE_INPLACE(letter, struct letter, letter_free);

static void add_header(struct letter *l, const char *name, struct str value)
{
	if (name != NULL)
		l->headers[l->request.n_headers++] = (struct header){ str_of(name), value };
}

static int compose(struct letter *l, const struct api_pull *pull, struct arena *arena,
		   struct err *e)
{
	const struct event event = event_of(pull, l->o->repository, l->id);
	if (l->provider->compose(&l->body, &l->type, &event, e) != 0 || buf_check(&l->body, e) != 0)
		return -1;
	add_header(l, "Content-Type", STR("application/json"));
	add_header(l, l->provider->event_header, str_of(l->type));
	add_header(l, l->provider->delivery_header, l->id);
	l->request.headers = l->headers;
	l->request.body = buf_str(&l->body);
	if (delivery_pack_headers(&l->headers_text, &l->request, e) != 0 ||
	    pack_compress(&l->packed, l->request.body, e) != 0)
		return -1;
	/* What was composed is read again as what came from outside would be. */
	return intake_read(&l->intake, l->o->repository, l->provider, &l->request, arena, e);
}

static int insert(int64_t *id, int *duplicate, const struct letter *l, struct err *e)
{
	const int taken = l->intake.verdict == INTAKE_RELEASE;
	const struct delivery_new d = {
		.endpoint = l->o->repository->id,
		.provider = str_of(l->provider->name),
		.external_id = l->id,
		.event_type = str_of(l->type),
		.summary = l->intake.summary,
		.source = STR("reconcile"),
		.state = taken ? DELIVERY_QUEUED : DELIVERY_REFUSED,
		.reason = l->intake.reason,
		.received_ms = clock_unix_ms(),
		.headers = buf_str(&l->headers_text),
		.body_packed = buf_str(&l->packed),
		.body_bytes = (int64_t)l->body.n,
	};
	struct db *store = l->o->store;
	if (db_begin(store, e) != 0)
		return -1;
	if (delivery_insert(id, duplicate, store, &d, e) != 0 || db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	return 0;
}

/* What an earlier run queued, whatever became of it. */
static int take_earlier(struct reconcile_row *row, struct db *store, struct arena *arena,
			struct err *e)
{
	struct delivery d;
	if (delivery_get(&d, store, row->delivery, arena, e) != 0)
		return -1;
	row->status = RECONCILE_KNOWN;
	row->state = d.state;
	row->release = d.release;
	return 0;
}

static int queue(struct reconcile_row *row, const struct reconcile_options *o, struct arena *arena,
		 struct err *e)
{
	AUTO(letter)
	struct letter l = { .o = o, .provider = provider_find(o->repository->provider) };
	const struct event *merge = &row->pull.event;
	int duplicate = 0;
	const char *id = arena_printf(
	    arena, "reconcile:%.*s:%.*s",
	    STR_ARG(str_first(merge->pull_request.number, NAME_MAX_BYTES)),
	    STR_ARG(merge->merge_commit.n > 0 ? str_first(merge->merge_commit, 40) : STR("-")));
	if (id == NULL)
		return arena_err(arena, e);
	l.id = str_of(id);
	buf_init(&l.body, BODY_MAX);
	buf_init(&l.headers_text, BODY_MAX);
	buf_init(&l.packed, (size_t)BODY_MAX * 2);
	if (compose(&l, &row->pull, arena, e) != 0 ||
	    insert(&row->delivery, &duplicate, &l, e) != 0)
		return -1;
	if (duplicate)
		return take_earlier(row, o->store, arena, e);
	const int taken = l.intake.verdict == INTAKE_RELEASE;
	row->status = taken ? RECONCILE_QUEUED : RECONCILE_REFUSED;
	row->state = taken ? DELIVERY_QUEUED : DELIVERY_REFUSED;
	row->reason = l.intake.reason;
	return 0;
}

/* --- both --- */

int reconcile_check(const struct conf_repository *r, struct err *e)
{
	if (api_find(r->provider) == NULL)
		return err_set(
		    e, ERR_INPUT,
		    "repository '%.*s' is of provider '%.*s', which has no API that could "
		    "tell what was merged",
		    STR_ARG(r->id), STR_ARG(r->provider));
	if (r->trigger != CONF_TRIGGER_MERGE)
		return err_set(
		    e, ERR_INPUT,
		    "repository '%.*s' has 'trigger: push'; only merges can be asked for",
		    STR_ARG(r->id));
	if (r->api == NULL)
		return err_set(e, ERR_INPUT,
			       "repository '%.*s' has no 'api' (add it with a token: api: {token: "
			       "{env: NAME}})",
			       STR_ARG(r->id));
	return 0;
}

static int settle(struct reconcile_row *row, const struct arrivals *arrivals,
		  const struct reconcile_options *o, struct arena *arena, struct err *e)
{
	int known = find_known(row, arrivals, o, arena, e);
	if (known < 0)
		return -1;
	row->status = known ? RECONCILE_KNOWN : RECONCILE_MISSING;
	if (known || o->dry_run)
		return 0;
	if (queue(row, o, arena, e) != 0)
		return err_wrap(e, "#%.*s", STR_ARG(row->pull.event.pull_request.number));
	return 0;
}

int reconcile_run(struct reconcile *out, const struct reconcile_options *o, struct arena *arena,
		  struct err *e)
{
	AUTO(provider_api) struct provider_api *api = NULL;
	const struct provider_api_options options = { .repository = o->repository };
	struct reconcile r = { .complete = 1 };
	struct arrivals arrivals = { 0 };
	struct api_pull *pulls = NULL;
	if (reconcile_check(o->repository, e) != 0 || provider_api_open(&api, &options, e) != 0 ||
	    provider_api_merged(&pulls, &r.n, &r.complete, api, o->since_ms, arena, e) != 0 ||
	    read_arrivals(&arrivals, o, arena, e) != 0)
		return -1;
	r.rows = arena_array(arena, r.n + 1, sizeof *r.rows);
	if (r.rows == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < r.n; i++) {
		r.rows[i].pull = pulls[i];
		if (settle(&r.rows[i], &arrivals, o, arena, e) != 0)
			return -1;
	}
	*out = r;
	return 0;
}
