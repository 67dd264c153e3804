/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gitea and Forgejo. They send GitHub's headers too, and bodies that are nearly GitHub's; only what
 * is their own is read here. Facts: Gitea Docs, "Webhooks", and its services/webhook/deliver.go.
 */

#include "base/num.h"
#include "vcs/api_impl.h"
#include "vcs/fact.h"
#include "vcs/people.h"
#include "vcs/signature.h"

#include <stdio.h>

static const char event_header[] = "X-Gitea-Event";
static const char signature_name[] = "X-Gitea-Signature";

/* --- authenticity --- */

/* Without a secret Gitea sends the header empty, which is no signature. */
static int gitea_authenticate(const struct request *r, const struct str *secrets, size_t n,
			      int64_t now_s, struct digest *d, struct err *e)
{
	(void)now_s; /* Gitea signs no time */
	return signature_check(r, signature_name, STR(""), secrets, n, d, e);
}

static int gitea_sign(const char **header, struct buf *value, struct str body, struct str secret,
		      struct digest *d, struct err *e)
{
	if (signature_write(value, STR(""), body, secret, d, e) != 0)
		return -1;
	*header = signature_name;
	return 0;
}

/* --- reading --- */

/* Users that are none have negative ids: a deleted account, and what runs Gitea's own actions. */
enum { DELETED_USER = -1, ACTIONS_USER = -2 };

static int read_user_id(int64_t *number, struct str *id, const struct json *user, struct err *e)
{
	const struct json *j = json_get(user, "id");
	int64_t value = 0;
	if (j != NULL && j->kind != JSON_NULL &&
	    num_parse_i64(&value, json_id(j), INT64_MIN, INT64_MAX) != 0)
		return err_set(e, ERR_INPUT, "'user.id' is malformed (expected a whole number)");
	*number = value;
	*id = json_id(j);
	return 0;
}

/* Old versions call the login "username". */
static int read_login(struct str *out, const struct json *user, struct err *e)
{
	struct str login, username;
	if (fact_str(&login, user, "login", e) != 0 ||
	    fact_str(&username, user, "username", e) != 0)
		return -1;
	*out = fact_either(login, username);
	return 0;
}

static int read_author(struct event *event, const struct json *pr, struct err *e)
{
	int64_t number = 0;
	struct str id = STR_NULL, login = STR_NULL, name = STR_NULL;
	const struct json *user = json_get(pr, "user");
	if (fact_object(pr, "user", e) != 0 || read_user_id(&number, &id, user, e) != 0 ||
	    read_login(&login, user, e) != 0 || fact_str(&name, user, "full_name", e) != 0)
		return -1;
	if (number == DELETED_USER || (id.p == NULL && login.p == NULL))
		return 0;
	event->author.id = id;
	event->author.login = login;
	event->author.name = name;
	/* Gitea marks no other bot, in hooks or by its API: the rest is for lists of names. */
	event->author.bot = number == ACTIONS_USER ? EVENT_BOT_YES : EVENT_BOT_NO;
	return 0;
}

/* Versions before 1.9 wrote merged_commit_id. */
static int read_commit(struct str *out, const struct json *pr, struct err *e)
{
	struct str now, old;
	if (fact_str(&now, pr, "merge_commit_sha", e) != 0 ||
	    fact_str(&old, pr, "merged_commit_id", e) != 0)
		return -1;
	*out = fact_either(now, old);
	return 0;
}

static int read_fork(struct event *event, const struct json *pr, struct err *e)
{
	struct str source, target;
	if (fact_object(pr, "head.repo", e) != 0 || fact_object(pr, "base.repo", e) != 0 ||
	    fact_number(&source, pr, "head.repo.id", e) != 0 ||
	    fact_number(&target, pr, "base.repo.id", e) != 0)
		return -1;
	event->from_fork = fact_is_fork(source, target);
	return 0;
}

int gitea_read_pull(struct event *event, struct str *commit, const struct json *pr, struct err *e)
{
	if (fact_object(pr, "base", e) != 0 || fact_object(pr, "head", e) != 0 ||
	    fact_str(&event->target_branch, pr, "base.ref", e) != 0 ||
	    fact_str(&event->source_branch, pr, "head.ref", e) != 0 ||
	    fact_str(&event->source_commit, pr, "head.sha", e) != 0 ||
	    fact_number(&event->pull_request.number, pr, "number", e) != 0 ||
	    fact_str(&event->pull_request.title, pr, "title", e) != 0 ||
	    fact_url(&event->pull_request.url, pr, "html_url", e) != 0 ||
	    read_commit(commit, pr, e) != 0 || read_fork(event, pr, e) != 0)
		return -1;
	return read_author(event, pr, e);
}

static int read_pull_request(struct event *event, const struct json *root, struct err *e)
{
	struct str commit, number;
	const struct json *pr = json_get(root, "pull_request");
	if (fact_object(root, "pull_request", e) != 0 ||
	    gitea_read_pull(event, &commit, pr, e) != 0 ||
	    fact_number(&number, root, "number", e) != 0)
		return -1;
	event->pull_request.number = fact_either(event->pull_request.number, number);
	event->kind = EVENT_PR;
	if (str_eq_cstr(event->action, "closed") && json_bool(json_get(pr, "merged")) == 1) {
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
	    fact_str(&event->merge_commit, root, "after", e) != 0)
		return -1;
	event->kind = EVENT_PUSH;
	event->target_branch = fact_branch(ref);
	event->deleted = oid_is_zero(event->merge_commit);
	return 0;
}

static int gitea_parse(struct event *out, const struct request *r, struct arena *arena,
		       struct err *e)
{
	struct str type;
	struct json *root;
	struct event event = { .kind = EVENT_OTHER };
	if (fact_event_type(&type, r, event_header, e) != 0 || fact_root(&root, r, arena, e) != 0 ||
	    fact_object(root, "repository", e) != 0 ||
	    fact_str(&event.repository, root, "repository.full_name", e) != 0 ||
	    fact_number(&event.repository_id, root, "repository.id", e) != 0 ||
	    fact_str(&event.action, root, "action", e) != 0 ||
	    fact_object(root, "sender", e) != 0 ||
	    read_login(&event.actor, json_get(root, "sender"), e) != 0)
		return -1;
	/* Reviews have types of their own, "pull_request_approved", and the same body. */
	int rc = 0;
	if (str_eq_cstr(type, "pull_request"))
		rc = read_pull_request(&event, root, e);
	else if (str_eq_cstr(type, "push"))
		rc = read_push(&event, root, e);
	if (rc != 0)
		return -1;
	if (event.kind == EVENT_PUSH && people_read_pusher(&event, "gitea", root, arena, e) != 0)
		return -1;
	*out = event;
	return 0;
}

/* --- writing --- */

static void write_user(struct json_writer *w, const char *key, struct str login, struct str id,
		       int64_t fallback)
{
	jw_object(w, key);
	fact_write_id(w, "id", id, fallback);
	jw_str(w, "login", login);
	jw_text(w, "full_name", "");
	jw_str(w, "username", login);
	jw_end_object(w);
}

static void write_author(struct json_writer *w, const struct event *event)
{
	const int known = event->author.login.p != NULL || event->author.id.p != NULL;
	if (known)
		write_user(w, "user", event->author.login, event->author.id, 1);
	else
		write_user(w, "user", STR("Ghost"), STR_NULL, DELETED_USER);
}

static void write_repository(struct json_writer *w, const char *key, const struct event *event)
{
	char url[512];
	const struct str full = event->repository;
	(void)snprintf(url, sizeof url, "https://gitea.example.com/%.*s",
		       STR_ARG(str_first(full, 400)));
	jw_object(w, key);
	fact_write_id(w, "id", event->repository_id, 1);
	write_user(w, "owner", fact_owner(full), STR_NULL, 1);
	jw_str(w, "name", fact_name(full));
	jw_str(w, "full_name", full);
	jw_bool(w, "private", 1);
	jw_text(w, "html_url", url);
	jw_str(w, "default_branch", fact_either(event->target_branch, STR("main")));
	jw_end_object(w);
}

static void write_side(struct json_writer *w, const char *key, const struct event *event,
		       struct str branch, struct str commit)
{
	jw_object(w, key);
	jw_str(w, "label", branch);
	jw_str(w, "ref", branch);
	jw_str(w, "sha", commit);
	if (event->from_fork && str_eq_cstr(str_of(key), "head"))
		jw_null(w, "repo");
	else
		write_repository(w, "repo", event);
	jw_end_object(w);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	const struct str action = fact_either(event->action, STR("opened"));
	jw_str(w, "action", merged ? STR("closed") : action);
	fact_write_id(w, "number", event->pull_request.number, 1);
	jw_object(w, "pull_request");
	jw_int(w, "id", 1);
	fact_write_id(w, "number", event->pull_request.number, 1);
	write_author(w, event);
	jw_str(w, "title", event->pull_request.title);
	jw_text(w, "state", merged || str_eq_cstr(action, "closed") ? "closed" : "open");
	jw_str(w, "html_url", event->pull_request.url);
	jw_bool(w, "merged", merged);
	jw_str(w, "merge_commit_sha", event->merge_commit);
	write_side(w, "base", event, event->target_branch, event->before);
	write_side(w, "head", event, event->source_branch, event->source_commit);
	jw_end_object(w);
}

static void write_push(struct json_writer *w, const struct event *event)
{
	fact_write_ref(w, "ref", event->target_branch);
	jw_str(w, "before", fact_either(event->before, fact_zero_oid()));
	jw_str(w, "after", event->deleted ? fact_zero_oid() : event->merge_commit);
	jw_array(w, "commits");
	jw_end_array(w);
	jw_int(w, "total_commits", 0);
	write_user(w, "pusher", event->actor, STR_NULL, 1);
}

static int gitea_compose(struct buf *body, const char **type, const struct event *event,
			 struct err *e)
{
	struct json_writer w;
	const char *name = NULL;
	jw_init(&w, body, 0);
	jw_object(&w, NULL);
	switch (event->kind) {
	case EVENT_MERGE:
	case EVENT_PR:
		name = "pull_request";
		write_pull_request(&w, event);
		break;
	case EVENT_PUSH:
		name = "push";
		write_push(&w, event);
		break;
	case EVENT_PING:
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT,
			       "only merge, pr and push can be composed (Gitea has no ping)");
	}
	write_repository(&w, "repository", event);
	write_user(&w, "sender", event->actor, STR_NULL, 1);
	jw_end_object(&w);
	if (buf_check(body, e) != 0)
		return -1;
	*type = name;
	return 0;
}

const struct provider provider_gitea = {
	.name = "gitea",
	.vcs_type = "VCS_TYPE_UNSPECIFIED",
	.delivery_header = "X-Gitea-Delivery",
	.event_header = event_header,
	.authenticate = gitea_authenticate,
	.parse = gitea_parse,
	.compose = gitea_compose,
	.sign = gitea_sign,
};
