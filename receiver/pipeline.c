/* SPDX-License-Identifier: Apache-2.0 */
/* One delivery, step by step, to its rollout. Threads, claims and logs are the worker's. */

#include "receiver/pipeline.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "receiver/authors.h"
#include "receiver/complete.h"
#include "receiver/intake.h"
#include "receiver/plan_review.h"
#include "receiver/seat.h"
#include "release/drift.h"
#include "release/group.h"
#include "release/manifest.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/rollout.h"
#include "release/sheet.h"
#include "vcs/api.h"
#include "vcs/glob.h"
#include "vcs/provider.h"
#include "vcs/repo.h"
#include "vcs/tree.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_TRIES = 6, REASON_MAX = 8000 };
static const int64_t DELAY_MAX_MS = 5 * 60 * 1000LL;
static const int64_t GIVE_UP_MS = 24 * 60 * 60 * 1000LL;

/* What earlier deliveries of one endpoint taught about its blobs. */
struct memory {
	char *endpoint;
	struct tree_index *index;
	struct memory *next;
};

struct pipeline {
	struct pipeline_options options;
	struct digest *digest;
	struct memory *memories;
};

/* One delivery under way. */
struct job {
	struct pipeline *p;
	const struct conf *conf;
	const struct conf_repository *repository;
	const struct conf_project *project;
	const struct delivery *delivery;
	struct intake intake;
	struct str commit;
	struct release release;
	enum release_made made;
	struct str note;     /* what the provider's API did not say; absent: nothing is missing */
	struct str left_out; /* which files are no migrations; absent: none */
	struct str unplaced; /* which databases of the group have no place; absent: none */
	struct str changed;  /* how the group's databases differ from the last plan's */
	struct arena *arena;
};

int pipeline_new(struct pipeline **out, const struct pipeline_options *options, struct err *e)
{
	struct pipeline *p = mem_array(1, sizeof *p);
	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->options = *options;
	p->digest = digest_new();
	if (p->digest == NULL) {
		mem_free(p);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (seat_schema(options->store, e) != 0) {
		pipeline_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

static void memory_free(struct memory *m)
{
	mem_free(m->endpoint);
	tree_index_free(m->index);
	mem_free(m);
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	while (p->memories != NULL) {
		struct memory *next = p->memories->next;
		memory_free(p->memories);
		p->memories = next;
	}
	digest_free(p->digest);
	mem_free(p);
}

/* Forget an endpoint's index: it may know of blobs whose content did not reach the store. */
static void memory_drop(struct pipeline *p, struct str endpoint)
{
	for (struct memory **at = &p->memories; *at != NULL; at = &(*at)->next) {
		if (str_eq_cstr(endpoint, (*at)->endpoint)) {
			struct memory *gone = *at;
			*at = gone->next;
			memory_free(gone);
			return;
		}
	}
}

static int remember_blob(void *context, const unsigned char oid[20], const unsigned char sha256[32],
			 size_t size, struct err *e)
{
	return tree_index_add(context, oid, sha256, size, e);
}

/* The endpoint's index, filled from the store the first time. */
static int memory_get(struct tree_index **out, struct pipeline *p, struct str endpoint,
		      struct err *e)
{
	for (struct memory *m = p->memories; m != NULL; m = m->next) {
		if (str_eq_cstr(endpoint, m->endpoint)) {
			*out = m->index;
			return 0;
		}
	}
	struct memory *m = mem_array(1, sizeof *m);
	if (m == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->endpoint = mem_copy(endpoint.p, endpoint.n);
	m->index = tree_index_new();
	if (m->endpoint == NULL || m->index == NULL) {
		memory_free(m);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (delivery_blobs_load(p->options.store, endpoint, remember_blob, m->index, e) != 0) {
		memory_free(m);
		return -1;
	}
	m->next = p->memories;
	p->memories = m;
	*out = m->index;
	return 0;
}

/* ---- fetching and reading ---- */

static struct str mirror_path(const struct job *job)
{
	return str_of(arena_printf(job->arena, "%.*s/mirrors/%.*s.git",
				   STR_ARG(job->conf->state_dir), STR_ARG(job->repository->id)));
}

static int fetch(const struct job *job, struct str path, struct err *e)
{
	const struct conf_repository *r = job->repository;
	struct repo_remote remote = {
		.path = path,
		.url = r->clone_url,
		.branch = r->branch,
		.timeout_ms = r->fetch_timeout_ms,
		.stop = job->p->options.stop,
		.context = job->p->options.context,
	};
	if (r->credentials != NULL) {
		remote.username = r->credentials->username;
		if (r->credentials->token != NULL)
			remote.token = r->credentials->token->value;
		if (r->credentials->ssh_key != NULL)
			remote.ssh_key = r->credentials->ssh_key->file;
		remote.known_hosts = r->credentials->known_hosts;
	}
	return repo_fetch(&remote, e);
}

/* Contents and index rows of what a tree reading finds new. */
struct harvest {
	struct sheet_writer *sheets;
	struct tree_file *read; /* in `memory`, which grows with it */
	size_t n, cap;
};

static void harvest_free(struct harvest *h)
{
	sheet_writer_free(h->sheets);
	mem_free(h->read);
}
AUTO_DEFINE_INPLACE(harvest, struct harvest, harvest_free);

static int harvest_content(void *context, const struct tree_file *file, struct str content,
			   struct err *e)
{
	struct harvest *h = context;
	if (h->n == h->cap) {
		size_t cap = h->cap > 0 ? h->cap * 2 : 64;
		struct tree_file *grown = mem_resize(h->read, cap * sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		h->read = grown;
		h->cap = cap;
	}
	h->read[h->n++] = *file;
	char sha256[SHA256_HEX];
	return sheet_put(h->sheets, hex_encode(sha256, file->sha256, SHA256_BYTES), content, e);
}

/*
 * The index rows come after the contents they promise: a blob that the store knows is one whose
 * content it has.
 */
static int harvest_store(struct harvest *h, const struct job *job, struct err *e)
{
	if (sheet_flush(h->sheets, e) != 0)
		return -1;
	if (h->n == 0)
		return 0;
	struct db *store = job->p->options.store;
	if (db_begin(store, e) != 0)
		return -1;
	for (size_t i = 0; i < h->n; i++) {
		const struct tree_file *f = &h->read[i];
		if (delivery_blob_add(store, job->repository->id, f->oid, f->sha256, f->size, e) !=
		    0) {
			db_rollback(store);
			return -1;
		}
	}
	if (db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	return 0;
}

static int build_manifest(struct manifest *out, const struct job *job, const struct tree_list *list,
			  struct err *e)
{
	struct manifest_file *files = arena_array(job->arena, list->n, sizeof *files);
	if (files == NULL)
		return arena_err(job->arena, e);
	for (size_t i = 0; i < list->n; i++) {
		files[i].path = list->files[i].path;
		memcpy(files[i].sha256, list->files[i].sha256, SHA256_BYTES);
		files[i].size = list->files[i].size;
	}
	return manifest_build(out, files, list->n, job->p->digest, job->arena, e);
}

static int read_tree(struct manifest *out, const struct job *job, struct repo *repo, struct err *e)
{
	AUTO(glob) struct glob *glob = NULL;
	AUTO(tree_list) struct tree_list list = { 0 };
	AUTO(harvest) struct harvest harvest = { 0 };
	struct tree_index *index;
	if (glob_compile(&glob, job->repository->file_pattern, e) != 0)
		return err_wrap(e, "file_pattern of repository '%.*s'",
				STR_ARG(job->repository->id));
	if (memory_get(&index, job->p, job->repository->id, e) != 0 ||
	    sheet_writer_new(&harvest.sheets, job->p->options.store, e) != 0)
		return -1;
	if (tree_read(&list, repo, job->commit, glob, index, harvest_content, &harvest, e) != 0 ||
	    harvest_store(&harvest, job, e) != 0) {
		memory_drop(job->p, job->repository->id);
		return -1;
	}
	return build_manifest(out, job, &list, e);
}

/* "left out 'migrations/notes.sql': its name starts with no version (and 2 more)" */
static struct str left_out(const struct job *job, const struct manifest *m)
{
	enum { PATH_SHOWN = 200 };
	if (m->n_skipped == 0)
		return STR_NULL;
	const struct manifest_skip *first = &m->skipped[0];
	char more[40] = "";
	if (m->n_skipped > 1)
		(void)snprintf(more, sizeof more, " (and %zu more)", m->n_skipped - 1);
	return str_of(arena_printf(job->arena, "left out '%.*s': %s%s",
				   STR_ARG(str_first(first->path, PATH_SHOWN)), first->reason,
				   more));
}

/* ---- the steps ---- */

static int set_outcome(struct delivery_outcome *out, enum delivery_state state, struct str reason)
{
	*out = (struct delivery_outcome){ .state = state, .reason = reason };
	return 0;
}

/* Read the request again: what it says decides, not what was noted when it came. */
static int read_event(struct job *job, struct err *e)
{
	const struct provider *provider = provider_find(job->repository->provider);
	if (provider == NULL)
		return err_set(e, ERR_REFUSED, "provider '%.*s' is not known",
			       STR_ARG(job->repository->provider));
	if (!str_eq(job->delivery->provider, job->repository->provider))
		return err_set(e, ERR_REFUSED,
			       "the delivery came from '%.*s', but endpoint '%.*s' is for '%.*s'",
			       STR_ARG(job->delivery->provider), STR_ARG(job->repository->id),
			       STR_ARG(job->repository->provider));
	struct request request;
	if (delivery_request(&request, job->p->options.store, job->delivery->id, job->arena, e) !=
	    0)
		return -1;
	return intake_read(&job->intake, job->repository, provider, &request, job->arena, e);
}

static struct authors authors_of(const struct job *job)
{
	return (struct authors){ .store = job->p->options.store,
				 .conf = job->conf,
				 .repository = job->repository,
				 .delivery = job->delivery,
				 .event = &job->intake.event,
				 .arena = job->arena };
}

static int make_release(struct job *job, const struct manifest *manifest, struct err *e)
{
	const struct event *event = &job->intake.event;
	const struct provider *provider = provider_find(job->repository->provider);
	struct str author = event->author.login.p != NULL ? event->author.login : event->author.id;
	struct release_request request = {
		.project = job->project->id,
		.id_template = job->project->release_id_template,
		.timezone = job->project->release_id_timezone,
		.repository = job->repository->id,
		.commit = job->commit,
		.vcs_type = str_of(provider->vcs_type),
		.vcs_url = event->pull_request.url,
		.title = event->pull_request.title,
		.creator = author.p != NULL ? author : event->actor,
		.now_ms = clock_unix_ms(),
	};
	return release_make(&job->release, &job->made, job->p->options.store, &request, manifest,
			    job->arena, e);
}

/* A commit that the provider cut, whole; the mirror is as fresh as the event. */
static int expand_commit(struct job *job, struct repo *repo, struct err *e)
{
	char whole[41];
	if (!api_commit_is_short(job->commit))
		return 0;
	if (repo_expand(whole, repo, job->commit, e) != 0)
		return -1;
	job->commit = arena_str(job->arena, str_of(whole));
	job->intake.event.merge_commit = job->commit;
	return job->commit.p != NULL ? 0 : arena_err(job->arena, e);
}

/* The release that an earlier delivery made of the same commit. 1: it is in `job`; 0: none. */
static int find_same_commit(struct job *job, struct err *e)
{
	struct err none;
	job->made = RELEASE_SAME_COMMIT;
	if (release_by_commit(&job->release, job->p->options.store, job->project->id,
			      job->repository->id, job->commit, job->arena, &none) == 0)
		return 1;
	if (none.code == ERR_NOTFOUND)
		return 0;
	*e = none;
	return -1;
}

/* Fetch, check, read and release. 1: `*out` is filled and the delivery ends here; 0: go on. */
static int find_release(struct delivery_outcome *out, struct job *job, struct err *e)
{
	const int is_short = api_commit_is_short(job->commit);
	int found = is_short ? 0 : find_same_commit(job, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	struct str path = mirror_path(job);
	if (path.p == NULL)
		return arena_err(job->arena, e);
	if (fetch(job, path, e) != 0)
		return err_wrap(e, "cannot fetch repository '%.*s'", STR_ARG(job->repository->id));
	AUTO(repo) struct repo *repo = NULL;
	if (repo_open(&repo, path, e) != 0 || expand_commit(job, repo, e) != 0)
		return -1;
	found = is_short ? find_same_commit(job, e) : 0;
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (repo_is_on_branch(repo, job->commit, job->repository->branch, e) != 0)
		return -1;
	const struct authors authors = authors_of(job);
	if (job->intake.event.kind == EVENT_PUSH && authors_claim_push(&authors, repo, e) != 0)
		return -1;
	struct manifest manifest;
	if (read_tree(&manifest, job, repo, e) != 0)
		return -1;
	job->left_out = left_out(job, &manifest);
	if (manifest.n == 0) {
		char *why =
		    arena_printf(job->arena,
				 "no migration: nothing at commit %.*s matches '%.*s' and"
				 " starts with a version",
				 STR_ARG(job->commit), STR_ARG(job->repository->file_pattern));
		return set_outcome(out, DELIVERY_IGNORED, str_of(why)) == 0 ? 1 : -1;
	}
	return make_release(job, &manifest, e);
}

/* The reason that goes with a rollout that is new, or was there already. */
static struct str rollout_reason(const struct job *job, int plan_is_new)
{
	const char *before = "", *after = "";
	switch (job->made) {
	case RELEASE_NEW:
		return job->left_out.p != NULL ? job->left_out : job->note;
	case RELEASE_SAME_COMMIT:
		before = "this commit was released before as ";
		after = plan_is_new ? "; its targets are new" : "";
		break;
	case RELEASE_SAME_FILES:
		before = "no migration changed: ";
		after =
		    plan_is_new ? " holds these files; its targets are new" : " holds these files";
		break;
	}
	return str_of(
	    arena_printf(job->arena, "%s%.*s%s", before, STR_ARG(job->release.name), after));
}

/* What there is to say about a group's databases behind `reason`. */
static struct str with_group(const struct job *job, struct str reason)
{
	const struct str parts[] = { reason, job->changed, job->unplaced };
	AUTO(buf) struct buf text;
	buf_init(&text, REASON_MAX);
	if (job->changed.p == NULL && job->unplaced.p == NULL)
		return reason;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (parts[i].p == NULL)
			continue;
		buf_adds(&text, text.n > 0 ? "; " : "");
		buf_add(&text, parts[i]);
	}
	return arena_str(job->arena, buf_str(&text));
}

/* The databases that are meant: those of the configuration, or what its group selects now. */
static int make_plan(struct plan *plan, int *is_new, struct job *job, struct str stage, int64_t now,
		     struct err *e)
{
	const struct conf_repository *r = job->repository;
	const struct str *targets = r->targets.items;
	struct db *store = job->p->options.store;
	struct group_list list;
	struct plan before;
	if (r->targets.n != 1 || !conf_target_is_group(*targets))
		return plan_make(plan, is_new, store, job->conf, &job->release, targets,
				 r->targets.n, stage, now, job->arena, e);
	if (group_resolve(&list, job->conf, *targets, job->arena, e) != 0)
		return -1;
	job->unplaced = group_left_out(&list, job->arena);
	if (list.n == 0)
		return err_set(
		    e, ERR_REFUSED,
		    "database group '%.*s' selects no database now (see `tidegate "
		    "databases list --group`; then `tidegate replay` this delivery)%s%.*s",
		    STR_ARG(*targets), job->unplaced.p != NULL ? ": " : "", STR_ARG(job->unplaced));
	if (plan_make_of_group(plan, is_new, store, job->conf, &job->release, *targets,
			       list.targets, list.n, stage, now, job->arena, e) != 0)
		return -1;
	int found = *is_new ? plan_before(&before, store, plan, job->arena, e) : 0;
	if (found > 0)
		job->changed = drift_between(&before, plan, job->arena);
	return found < 0 ? -1 : 0;
}

static struct str plan_title(const struct job *job)
{
	if (job->release.title.p != NULL && job->release.title.n > 0)
		return job->release.title;
	return job->release.id;
}

/* Look at a plan before it is rolled out; `*reason` stays absent when nothing is in its way. */
static int review_plan(struct str *reason, const struct job *job, const struct plan *plan,
		       struct err *e)
{
	const struct plan_review what = { .store = job->p->options.store,
					  .conf = job->conf,
					  .release = &job->release,
					  .plan = plan,
					  .digest = job->p->digest,
					  .arena = job->arena };
	if (plan->has_rollout)
		return 0;
	return plan_review(reason, &what, e);
}

/* Plan and rollout, made or found. */
static int roll_out(struct delivery_outcome *out, struct job *job, struct err *e)
{
	const struct conf_repository *r = job->repository;
	struct str stage = r->target_stage;
	if (str_starts(stage, STR("environments/")))
		stage = str_from(stage, strlen("environments/"));
	struct plan plan;
	int is_new;
	int64_t now = clock_unix_ms();
	job->release.title = plan_title(job);
	struct str held = STR_NULL;
	if (make_plan(&plan, &is_new, job, stage, now, e) != 0 ||
	    review_plan(&held, job, &plan, e) != 0)
		return -1;
	if (held.p != NULL) {
		*out = (struct delivery_outcome){ .state = DELIVERY_REFUSED,
						  .reason = held,
						  .release = job->release.name };
		return 0;
	}
	if (rollout_create(job->p->options.store, job->conf, &plan, now, e) != 0)
		return -1;
	int nothing_new = job->made == RELEASE_SAME_FILES && !is_new;
	*out = (struct delivery_outcome){
		.state = nothing_new ? DELIVERY_IGNORED : DELIVERY_RELEASED,
		.reason = with_group(job, rollout_reason(job, is_new)),
		.release = job->release.name,
		.rollout = str_of(arena_printf(job->arena, "%.*s/rollout", STR_ARG(plan.name))),
	};
	if (out->rollout.p == NULL)
		return arena_err(job->arena, e);
	return 0;
}

int pipeline_process(struct delivery_outcome *out, struct pipeline *p, const struct conf *conf,
		     const struct delivery *d, struct arena *arena, struct err *e)
{
	struct job job = { .p = p, .conf = conf, .delivery = d, .arena = arena };
	job.repository = conf_repository(conf, d->endpoint);
	if (job.repository == NULL)
		return err_set(e, ERR_NOTFOUND, "endpoint '%.*s' is no longer configured",
			       STR_ARG(d->endpoint));
	job.project = conf_project(conf, job.repository->project);
	if (job.project == NULL)
		return err_set(e, ERR_NOTFOUND, "project '%.*s' is no longer configured",
			       STR_ARG(job.repository->project));
	if (read_event(&job, e) != 0)
		return -1;
	switch (job.intake.verdict) {
	case INTAKE_PING:
	case INTAKE_IGNORE:
		return set_outcome(out, DELIVERY_IGNORED, job.intake.reason);
	case INTAKE_REFUSE:
		return set_outcome(out, DELIVERY_REFUSED, job.intake.reason);
	case INTAKE_RELEASE:
		break;
	}
	const struct complete complete = { .repository = job.repository,
					   .stop = p->options.stop,
					   .context = p->options.context,
					   .arena = arena };
	if (complete_event(&job.intake.event, &job.note, &complete, e) != 0)
		return -1;
	job.commit = job.intake.event.merge_commit;
	const struct authors authors = authors_of(&job);
	if (job.intake.event.kind == EVENT_MERGE && authors_claim_merge(&authors, e) != 0)
		return -1;
	int rc = find_release(out, &job, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return roll_out(out, &job, e);
}

int64_t pipeline_delay_ms(int64_t attempts)
{
	int64_t delay = 1000;
	for (int64_t i = 1; i < attempts && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* Whether the same step may succeed later, with nothing changed by a person. */
static int time_can_heal(const struct delivery *d, const struct err *why, int64_t now_ms)
{
	if (now_ms - d->received_ms > GIVE_UP_MS && d->attempts > 1)
		return 0;
	if (why->code == ERR_NOTFOUND)
		return d->attempts < COMMIT_TRIES;
	return err_is_transient(why);
}

void pipeline_failed(struct delivery_outcome *out, const struct delivery *d, const struct err *why,
		     int64_t now_ms, struct arena *arena)
{
	*out = (struct delivery_outcome){ .state = DELIVERY_FAILED };
	struct str msg = arena_str(arena, str_of(why->msg));
	out->reason = msg.p != NULL ? msg : STR("out of memory");
	if (why->code == ERR_REFUSED || why->code == ERR_INPUT) {
		out->state = DELIVERY_REFUSED;
	} else if (time_can_heal(d, why, now_ms)) {
		out->state = DELIVERY_QUEUED;
		out->not_before_ms = now_ms + pipeline_delay_ms(d->attempts);
	}
}
