/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitLab's bodies: merge requests, pushes of branches and tags, as project, group and system hooks
 * send them; how they are signed is in gitlab_sign.c. Facts: GitLab Docs, "Webhook events" and
 * "System hooks".
 */

#include "vcs/gitlab.h"

#include "vcs/author.h"
#include "vcs/fact.h"
#include "vcs/people.h"

#include <stdio.h>
#include <string.h>

static const char event_header[] = "X-Gitlab-Event";

/* --- bots --- */

static enum event_bot bot_of(struct str login)
{
	/* Without the name only the API knows. */
	if (login.p == NULL)
		return EVENT_BOT_UNKNOWN;
	return author_is_gitlab_bot(login) ? EVENT_BOT_YES : EVENT_BOT_NO;
}

/* --- reading --- */

/* The body names the author by id alone; `user` is who acted, and only sometimes the same. */
static int read_author(struct event *event, const struct json *root, struct err *e)
{
	struct str user, name;
	if (fact_object(root, "user", e) != 0 ||
	    fact_number(&event->author.id, root, "object_attributes.author_id", e) != 0 ||
	    fact_number(&user, root, "user.id", e) != 0 ||
	    fact_str(&event->actor, root, "user.username", e) != 0 ||
	    fact_str(&name, root, "user.name", e) != 0)
		return -1;
	if (event->author.id.p != NULL && user.p != NULL && str_eq(event->author.id, user)) {
		event->author.login = event->actor;
		event->author.name = name;
	}
	event->author.bot = bot_of(event->author.login);
	return 0;
}

/* A squash without a merge commit names its commit elsewhere, in the versions that do at all. */
static int read_commit(struct str *out, const struct json *attributes, struct err *e)
{
	struct str merge, squash;
	if (fact_str(&merge, attributes, "merge_commit_sha", e) != 0 ||
	    fact_str(&squash, attributes, "squash_commit_sha", e) != 0)
		return -1;
	*out = fact_either(merge, squash);
	return 0;
}

static int read_fork(struct event *event, const struct json *attributes, struct err *e)
{
	struct str source, target;
	if (fact_number(&source, attributes, "source_project_id", e) != 0 ||
	    fact_number(&target, attributes, "target_project_id", e) != 0)
		return -1;
	event->from_fork = fact_is_fork(source, target);
	return 0;
}

static int read_merge_request(struct event *event, const struct json *root, struct err *e)
{
	struct str state, commit;
	const struct json *mr = json_get(root, "object_attributes");
	if (fact_object(root, "object_attributes", e) != 0 ||
	    fact_str(&event->action, mr, "action", e) != 0 ||
	    fact_str(&state, mr, "state", e) != 0 ||
	    fact_str(&event->target_branch, mr, "target_branch", e) != 0 ||
	    fact_str(&event->source_branch, mr, "source_branch", e) != 0 ||
	    fact_number(&event->pull_request.number, mr, "iid", e) != 0 ||
	    fact_str(&event->pull_request.title, mr, "title", e) != 0 ||
	    fact_url(&event->pull_request.url, mr, "url", e) != 0 ||
	    fact_object(mr, "last_commit", e) != 0 ||
	    fact_str(&event->source_commit, mr, "last_commit.id", e) != 0 ||
	    read_commit(&commit, mr, e) != 0 || read_fork(event, mr, e) != 0 ||
	    read_author(event, root, e) != 0)
		return -1;
	event->kind = EVENT_PR;
	/* A label that is set later comes with state "merged" too, but with action "update". */
	if (str_eq_cstr(event->action, "merge") && str_eq_cstr(state, "merged")) {
		event->kind = EVENT_MERGE;
		event->merge_commit = commit;
	}
	return 0;
}

static int read_push(struct event *event, const struct json *root, struct err *e)
{
	struct str ref;
	if (fact_str(&ref, root, "ref", e) != 0 ||
	    fact_str(&event->before, root, "before", e) != 0 ||
	    fact_str(&event->merge_commit, root, "after", e) != 0 ||
	    fact_str(&event->actor, root, "user_username", e) != 0)
		return -1;
	event->kind = EVENT_PUSH;
	event->target_branch = fact_branch(ref);
	event->deleted = oid_is_zero(event->merge_commit);
	return 0;
}

/*
 * The body says what it is, since with a signing token it is signed and the header is not. System
 * hooks of old versions have event_name alone.
 */
static int read_kind(struct str *out, const struct json *root, struct err *e)
{
	struct str kind, name;
	if (fact_str(&kind, root, "object_kind", e) != 0 ||
	    fact_str(&name, root, "event_name", e) != 0)
		return -1;
	*out = fact_either(kind, name);
	return 0;
}

static int gitlab_parse(struct event *out, const struct request *r, struct arena *arena,
			struct err *e)
{
	struct str type, kind;
	struct json *root;
	struct event event = { .kind = EVENT_OTHER };
	if (fact_event_type(&type, r, event_header, e) != 0 || fact_root(&root, r, arena, e) != 0 ||
	    read_kind(&kind, root, e) != 0 || fact_object(root, "project", e) != 0 ||
	    fact_str(&event.repository, root, "project.path_with_namespace", e) != 0 ||
	    fact_number(&event.repository_id, root, "project.id", e) != 0)
		return -1;
	int rc = 0;
	if (str_eq_cstr(kind, "merge_request"))
		rc = read_merge_request(&event, root, e);
	else if (str_eq_cstr(kind, "push") || str_eq_cstr(kind, "tag_push"))
		rc = read_push(&event, root, e);
	else
		event.action = fact_either(kind, type);
	if (rc != 0)
		return -1;
	if (event.kind == EVENT_PUSH && people_read_pusher(&event, "gitlab", root, arena, e) != 0)
		return -1;
	*out = event;
	return 0;
}

/* --- writing --- */

enum { OTHER_USER = 1 }; /* the id of an actor who is not the author */

static void write_user(struct json_writer *w, const struct event *event)
{
	const struct str login = event->author.login;
	const int is_author = login.p != NULL && str_eq(login, event->actor);
	jw_object(w, "user");
	fact_write_id(w, "id", is_author ? event->author.id : STR_NULL, OTHER_USER);
	jw_str(w, "name",
	       is_author && event->author.name.p != NULL ? event->author.name : event->actor);
	jw_str(w, "username", event->actor);
	jw_text(w, "email", "[REDACTED]");
	jw_end_object(w);
}

static void write_project(struct json_writer *w, const char *key, const struct event *event)
{
	char url[512];
	const struct str full = event->repository;
	(void)snprintf(url, sizeof url, "https://gitlab.example.com/%.*s",
		       STR_ARG(str_first(full, 400)));
	jw_object(w, key);
	fact_write_id(w, "id", event->repository_id, 1);
	jw_str(w, "name", fact_name(full));
	jw_text(w, "web_url", url);
	jw_str(w, "namespace", fact_owner(full));
	jw_int(w, "visibility_level", 0);
	jw_str(w, "path_with_namespace", full);
	jw_str(w, "default_branch", fact_either(event->target_branch, STR("main")));
	jw_end_object(w);
}

static void write_attributes(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	const struct str number = event->pull_request.number;
	jw_object(w, "object_attributes");
	if (event->author.id.p != NULL)
		fact_write_id(w, "author_id", event->author.id, 0);
	else
		jw_null(w, "author_id");
	jw_int(w, "id", 99);
	fact_write_id(w, "iid", number, 1);
	fact_write_id(w, "target_project_id", event->repository_id, 1);
	if (event->from_fork)
		jw_int(w, "source_project_id", 2);
	else
		fact_write_id(w, "source_project_id", event->repository_id, 1);
	jw_str(w, "source_branch", event->source_branch);
	jw_str(w, "target_branch", event->target_branch);
	jw_str(w, "title", event->pull_request.title);
	jw_null(w, "description");
	jw_text(w, "state", merged ? "merged" : "opened");
	jw_str(w, "action", merged ? STR("merge") : fact_either(event->action, STR("open")));
	jw_str(w, "merge_commit_sha", event->merge_commit);
	jw_null(w, "merge_user_id");
	jw_str(w, "url", event->pull_request.url);
	jw_object(w, "last_commit");
	jw_str(w, "id", event->source_commit);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_merge_request(struct json_writer *w, const struct event *event)
{
	jw_text(w, "object_kind", "merge_request");
	jw_text(w, "event_type", "merge_request");
	write_user(w, event);
	write_project(w, "project", event);
	write_attributes(w, event);
	jw_array(w, "labels");
	jw_end_array(w);
}

static void write_push(struct json_writer *w, const struct event *event)
{
	const struct str after = event->deleted ? fact_zero_oid() : event->merge_commit;
	jw_text(w, "object_kind", "push");
	jw_text(w, "event_name", "push");
	jw_str(w, "before", fact_either(event->before, fact_zero_oid()));
	jw_str(w, "after", after);
	fact_write_ref(w, "ref", event->target_branch);
	jw_str(w, "checkout_sha", event->deleted ? STR_NULL : after);
	jw_str(w, "user_username", event->actor);
	fact_write_id(w, "project_id", event->repository_id, 1);
	write_project(w, "project", event);
	jw_array(w, "commits");
	jw_end_array(w);
	jw_int(w, "total_commits_count", 0);
}

static int gitlab_compose(struct buf *body, const char **type, const struct event *event,
			  struct err *e)
{
	struct json_writer w;
	const char *name = NULL;
	jw_init(&w, body, 0);
	jw_object(&w, NULL);
	switch (event->kind) {
	case EVENT_MERGE:
	case EVENT_PR:
		name = "Merge Request Hook";
		write_merge_request(&w, event);
		break;
	case EVENT_PUSH:
		name = "Push Hook";
		write_push(&w, event);
		break;
	case EVENT_PING:
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT,
			       "only merge, pr and push can be composed (GitLab has no ping)");
	}
	jw_end_object(&w);
	if (buf_check(body, e) != 0)
		return -1;
	*type = name;
	return 0;
}

const struct provider provider_gitlab = {
	.name = "gitlab",
	.vcs_type = "GITLAB",
	.delivery_header = "Idempotency-Key",
	.event_header = event_header,
	.authenticate = gitlab_authenticate,
	.parse = gitlab_parse,
	.compose = gitlab_compose,
	.sign = gitlab_sign,
	.sign_headers = gitlab_sign_headers,
};
