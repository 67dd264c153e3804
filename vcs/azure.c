/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure DevOps: bodies of its service hooks, which hold their type and id; how they show who sent
 * them is in azure_auth.c. Facts: Microsoft Learn, "Service hooks events".
 */

#include "vcs/azure.h"

#include "vcs/api_impl.h"
#include "vcs/fact.h"
#include "vcs/people.h"

#include <stdio.h>
#include <string.h>

/* --- bots --- */

static int is_build_service(struct str name)
{
	const struct str mark = STR(" Build Service (");
	if (!str_ends(name, STR(")")))
		return 0;
	for (size_t i = 0; i < name.n; i++) {
		if (str_starts(str_from(name, i), mark))
			return 1;
	}
	return 0;
}

/* The descriptor decides where there is one: display names are free text. */
static enum event_bot bot_of(const struct event *event, struct str descriptor)
{
	if (descriptor.p != NULL) {
		const int service =
		    str_starts(descriptor, STR("svc.")) || str_starts(descriptor, STR("aadsp."));
		return service ? EVENT_BOT_YES : EVENT_BOT_NO;
	}
	const int service =
	    str_starts(event->author.login, STR("Build\\")) || is_build_service(event->author.name);
	return service ? EVENT_BOT_YES : EVENT_BOT_NO;
}

/* --- reading --- */

/* "project/repository": ids would not change, but nobody writes them into a configuration. */
static int read_repository(struct event *event, const struct json *resource, struct arena *arena,
			   struct err *e)
{
	struct str project, name;
	const struct json *repository = json_get(resource, "repository");
	if (fact_object(resource, "repository", e) != 0 ||
	    fact_object(repository, "project", e) != 0 ||
	    fact_str(&project, repository, "project.name", e) != 0 ||
	    fact_str(&name, repository, "name", e) != 0 ||
	    fact_str(&event->repository_id, repository, "id", e) != 0)
		return -1;
	if (project.n == 0 || name.n == 0)
		return err_set(
		    e, ERR_INPUT,
		    "the body names no repository (set 'Resource details to send' of the "
		    "service hook to All)");
	const char *full = arena_printf(arena, "%.*s/%.*s", STR_ARG(project), STR_ARG(name));
	if (full == NULL)
		return arena_err(arena, e);
	event->repository = (struct str){ full, project.n + 1 + name.n };
	return 0;
}

static int read_author(struct event *event, const struct json *resource, struct err *e)
{
	struct str descriptor;
	const struct json *user = json_get(resource, "createdBy");
	if (fact_object(resource, "createdBy", e) != 0 ||
	    fact_str(&event->author.id, user, "id", e) != 0 ||
	    fact_str(&event->author.login, user, "uniqueName", e) != 0 ||
	    fact_str(&event->author.name, user, "displayName", e) != 0 ||
	    fact_str(&descriptor, user, "descriptor", e) != 0)
		return -1;
	if (event->author.id.p != NULL || event->author.login.p != NULL)
		event->author.bot = bot_of(event, descriptor);
	return 0;
}

/* The address for people: given, or made from the repository's without its user, or the API's. */
static int read_url(struct event *event, const struct json *resource, struct arena *arena,
		    struct err *e)
{
	static const char https[] = "https://";
	struct str web, remote, api;
	if (fact_url(&web, resource, "_links.web.href", e) != 0 ||
	    fact_url(&remote, resource, "repository.remoteUrl", e) != 0 ||
	    fact_url(&api, resource, "url", e) != 0)
		return -1;
	event->pull_request.url = fact_either(web, api);
	if (web.p != NULL || event->pull_request.number.p == NULL ||
	    !str_starts(remote, STR("https://")))
		return 0;
	struct str rest = str_from(remote, sizeof https - 1);
	const size_t at = str_find(str_first(rest, str_find(rest, '/')), '@');
	if (at < str_find(rest, '/') && at < rest.n)
		rest = str_from(rest, at + 1);
	const char *url = arena_printf(arena, "%s%.*s/pullrequest/%.*s", https, STR_ARG(rest),
				       STR_ARG(event->pull_request.number));
	if (url == NULL)
		return arena_err(arena, e);
	event->pull_request.url = str_of(url);
	return 0;
}

/* A fork is described where there is one. */
static int read_fork(struct event *event, const struct json *resource, struct err *e)
{
	const struct json *fork = json_get(resource, "forkSource");
	if (fact_object(resource, "forkSource", e) != 0)
		return -1;
	event->from_fork = fork != NULL && fork->kind == JSON_OBJECT;
	return 0;
}

static int read_branches(struct event *event, const struct json *resource, struct err *e)
{
	struct str source, target;
	if (fact_str(&source, resource, "sourceRefName", e) != 0 ||
	    fact_str(&target, resource, "targetRefName", e) != 0)
		return -1;
	event->source_branch = fact_branch(source);
	event->target_branch = fact_branch(target);
	return 0;
}

/*
 * "Merge attempted" is what the event means: it comes for the trial merge of an active pull request
 * too, with that one's commit. And "updated" comes beside it when the pull request is completed.
 */
static int is_merge(struct str type, struct str status, struct str merge_status)
{
	return str_eq_cstr(type, "git.pullrequest.merged") && str_eq_cstr(status, "completed") &&
	       str_eq_cstr(merge_status, "succeeded");
}

int azure_read_pull(struct event *event, struct str *commit, const struct json *resource,
		    struct arena *arena, struct err *e)
{
	if (fact_object(resource, "lastMergeCommit", e) != 0 ||
	    fact_str(commit, resource, "lastMergeCommit.commitId", e) != 0 ||
	    fact_object(resource, "lastMergeSourceCommit", e) != 0 ||
	    fact_str(&event->source_commit, resource, "lastMergeSourceCommit.commitId", e) != 0 ||
	    fact_number(&event->pull_request.number, resource, "pullRequestId", e) != 0 ||
	    fact_str(&event->pull_request.title, resource, "title", e) != 0 ||
	    fact_object(resource, "closedBy", e) != 0 ||
	    fact_str(&event->actor, resource, "closedBy.uniqueName", e) != 0 ||
	    read_repository(event, resource, arena, e) != 0 ||
	    read_branches(event, resource, e) != 0 || read_fork(event, resource, e) != 0 ||
	    read_url(event, resource, arena, e) != 0)
		return -1;
	return read_author(event, resource, e);
}

static int read_pull_request(struct event *event, const struct json *resource, struct arena *arena,
			     struct err *e)
{
	struct str status, merge_status, commit;
	if (fact_str(&status, resource, "status", e) != 0 ||
	    fact_str(&merge_status, resource, "mergeStatus", e) != 0 ||
	    azure_read_pull(event, &commit, resource, arena, e) != 0)
		return -1;
	event->kind = EVENT_PR;
	if (status.p == NULL)
		return err_set(e, ERR_INPUT,
			       "the body has no 'resource.status' (set 'Resource details to send' "
			       "of the service hook to All)");
	if (is_merge(event->action, status, merge_status)) {
		event->kind = EVENT_MERGE;
		event->merge_commit = commit;
	}
	return 0;
}

static int read_change(struct event_change *out, const struct json *item, struct err *e)
{
	struct str ref;
	struct event_change change = { .branch = STR_NULL };
	if (fact_str(&ref, item, "name", e) != 0 ||
	    fact_str(&change.before, item, "oldObjectId", e) != 0 ||
	    fact_str(&change.after, item, "newObjectId", e) != 0)
		return -1;
	change.branch = fact_branch(ref);
	change.deleted = oid_is_zero(change.after);
	*out = change;
	return 0;
}

static int read_push(struct event *event, const struct json *resource, struct arena *arena,
		     struct err *e)
{
	event->kind = EVENT_PUSH;
	if (read_repository(event, resource, arena, e) != 0 ||
	    fact_object(resource, "pushedBy", e) != 0 ||
	    fact_str(&event->actor, resource, "pushedBy.uniqueName", e) != 0)
		return -1;
	return fact_changes(event, json_get(resource, "refUpdates"), read_change, arena, e);
}

static int azure_parse(struct event *out, const struct request *r, struct arena *arena,
		       struct err *e)
{
	struct json *root;
	struct event event = { .kind = EVENT_OTHER };
	if (fact_root(&root, r, arena, e) != 0 ||
	    fact_str(&event.action, root, "eventType", e) != 0 ||
	    fact_str(&event.delivery_id, root, "id", e) != 0 ||
	    fact_str(&event.subscription_id, root, "subscriptionId", e) != 0)
		return -1;
	const struct json *resource = json_get(root, "resource");
	const int is_push = str_eq_cstr(event.action, "git.push");
	if (is_push || str_starts(event.action, STR("git.pullrequest."))) {
		if (fact_object(root, "resource", e) != 0)
			return -1;
		if ((is_push ? read_push(&event, resource, arena, e)
			     : read_pull_request(&event, resource, arena, e)) != 0)
			return -1;
	}
	if (event.kind == EVENT_PUSH && people_read_pusher(&event, "azure", root, arena, e) != 0)
		return -1;
	*out = event;
	return 0;
}

/* --- writing --- */

static const char sample_id[] = "00000000-0000-4000-8000-000000000001";

static void write_user(struct json_writer *w, const char *key, struct str login, struct str id,
		       struct str name, enum event_bot bot)
{
	if (login.p == NULL && id.p == NULL) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	jw_str(w, "displayName", fact_either(name, login));
	jw_str(w, "id", id);
	jw_str(w, "uniqueName", login);
	jw_text(w, "descriptor", bot == EVENT_BOT_YES ? "svc.c2FtcGxl" : "aad.c2FtcGxl");
	jw_end_object(w);
}

static void write_repository(struct json_writer *w, const struct event *event)
{
	char url[512];
	const struct str full = event->repository;
	const struct str project = fact_owner(full), name = fact_name(full);
	(void)snprintf(url, sizeof url, "https://dev.azure.com/example/%.*s/_git/%.*s",
		       STR_ARG(str_first(project, 200)), STR_ARG(str_first(name, 200)));
	jw_object(w, "repository");
	jw_str(w, "id", fact_either(event->repository_id, str_of(sample_id)));
	jw_str(w, "name", name);
	jw_object(w, "project");
	jw_text(w, "id", sample_id);
	jw_str(w, "name", project);
	jw_end_object(w);
	jw_text(w, "remoteUrl", url);
	jw_end_object(w);
}

static void write_commit(struct json_writer *w, const char *key, struct str id)
{
	if (id.p == NULL) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	jw_str(w, "commitId", id);
	jw_end_object(w);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	write_repository(w, event);
	fact_write_id(w, "pullRequestId", event->pull_request.number, 1);
	jw_text(w, "status", merged ? "completed" : "active");
	write_user(w, "createdBy", event->author.login, event->author.id, event->author.name,
		   event->author.bot);
	jw_str(w, "title", event->pull_request.title);
	fact_write_ref(w, "sourceRefName", event->source_branch);
	fact_write_ref(w, "targetRefName", event->target_branch);
	jw_text(w, "mergeStatus", "succeeded");
	write_commit(w, "lastMergeSourceCommit", event->source_commit);
	write_commit(w, "lastMergeCommit", event->merge_commit);
	write_user(w, "closedBy", event->actor, str_of(sample_id), STR_NULL, EVENT_BOT_NO);
	if (event->from_fork) {
		jw_object(w, "forkSource");
		fact_write_ref(w, "name", event->source_branch);
		jw_end_object(w);
	}
	jw_object(w, "_links");
	jw_object(w, "web");
	jw_str(w, "href", event->pull_request.url);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_push(struct json_writer *w, const struct event *event)
{
	jw_array(w, "commits");
	jw_end_array(w);
	jw_array(w, "refUpdates");
	jw_object(w, NULL);
	fact_write_ref(w, "name", event->target_branch);
	jw_str(w, "oldObjectId", fact_either(event->before, fact_zero_oid()));
	jw_str(w, "newObjectId", event->deleted ? fact_zero_oid() : event->merge_commit);
	jw_end_object(w);
	jw_end_array(w);
	write_repository(w, event);
	write_user(w, "pushedBy", event->actor, str_of(sample_id), STR_NULL, EVENT_BOT_NO);
}

static int azure_compose(struct buf *body, const char **type, const struct event *event,
			 struct err *e)
{
	struct json_writer w;
	const char *name = NULL;
	switch (event->kind) {
	case EVENT_MERGE:
		name = "git.pullrequest.merged";
		break;
	case EVENT_PR:
		name = "git.pullrequest.created";
		break;
	case EVENT_PUSH:
		name = "git.push";
		break;
	case EVENT_PING:
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT,
			       "only merge, pr and push can be composed (Azure DevOps has no "
			       "ping)");
	}
	jw_init(&w, body, 0);
	jw_object(&w, NULL);
	jw_str(&w, "subscriptionId", fact_either(event->subscription_id, str_of(sample_id)));
	jw_int(&w, "notificationId", 1);
	jw_str(&w, "id", fact_either(event->delivery_id, str_of(sample_id)));
	jw_text(&w, "eventType", name);
	jw_text(&w, "publisherId", "tfs");
	jw_object(&w, "resource");
	if (event->kind == EVENT_PUSH)
		write_push(&w, event);
	else
		write_pull_request(&w, event);
	jw_end_object(&w);
	jw_text(&w, "resourceVersion", "1.0");
	jw_end_object(&w);
	if (buf_check(body, e) != 0)
		return -1;
	*type = name;
	return 0;
}

const struct provider provider_azure = {
	.name = "azure",
	.vcs_type = "AZURE_DEVOPS",
	.delivery_header = NULL, /* in the body, as the event's type is */
	.event_header = NULL,
	.authenticate = azure_authenticate,
	.parse = azure_parse,
	.compose = azure_compose,
	.sign = azure_sign,
	.sign_headers = azure_sign_headers,
};
