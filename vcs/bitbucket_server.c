/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket Data Center and Server: header names of Bitbucket Cloud, other words in them and other
 * bodies. Facts: Atlassian Documentation, "Event payload" and "Manage webhooks".
 */

#include "vcs/api_impl.h"
#include "vcs/fact.h"
#include "vcs/people.h"
#include "vcs/signature.h"

#include <stdio.h>

static const char event_header[] = "X-Event-Key";
static const char signature_name[] = "X-Hub-Signature";
static const char ping_key[] = "diagnostics:ping";

/* --- authenticity --- */

static int is_ping(const struct request *r)
{
	struct str key;
	return request_header(&key, r, event_header, NULL) == 0 && str_eq_cstr(key, ping_key);
}

/*
 * The connection test is sent without a signature by some versions. It is refused all the same:
 * what is let through is written down under an id that the sender chose, and an attacker could
 * write as much as he likes.
 */
static int bitbucket_server_authenticate(const struct request *r, const struct str *secrets,
					 size_t n, int64_t now_s, struct digest *d, struct err *e)
{
	(void)now_s; /* Bitbucket signs no time */
	struct str value;
	if (is_ping(r) && request_header(&value, r, signature_name, NULL) == 0 && value.p == NULL)
		return err_set(e, ERR_AUTH,
			       "header '%s' is missing (some versions do not sign the connection "
			       "test; events are signed when the webhook has a secret)",
			       signature_name);
	return signature_check(r, signature_name, STR("sha256="), secrets, n, d, e);
}

static int bitbucket_server_sign(const char **header, struct buf *value, struct str body,
				 struct str secret, struct digest *d, struct err *e)
{
	if (signature_write(value, STR("sha256="), body, secret, d, e) != 0)
		return -1;
	*header = signature_name;
	return 0;
}

/* --- reading --- */

/* "KEY/slug", as in the web address; "~name" is the key of a person's own project. */
static int read_repository(struct event *event, const struct json *repository, struct arena *arena,
			   struct err *e)
{
	struct str key, slug;
	if (fact_object(repository, "project", e) != 0 ||
	    fact_str(&key, repository, "project.key", e) != 0 ||
	    fact_str(&slug, repository, "slug", e) != 0 ||
	    fact_number(&event->repository_id, repository, "id", e) != 0)
		return -1;
	if (key.n == 0 || slug.n == 0)
		return 0;
	const char *full = arena_printf(arena, "%.*s/%.*s", STR_ARG(key), STR_ARG(slug));
	if (full == NULL)
		return arena_err(arena, e);
	event->repository = (struct str){ full, key.n + 1 + slug.n };
	return 0;
}

static enum event_bot bot_of(struct str type)
{
	if (type.p == NULL || str_eq_cstr(type, "NORMAL"))
		return EVENT_BOT_NO;
	return str_eq_cstr(type, "SERVICE") ? EVENT_BOT_YES : EVENT_BOT_UNKNOWN;
}

static int read_author(struct event *event, const struct json *pr, struct err *e)
{
	struct str type;
	const struct json *user = json_at(pr, "author.user");
	if (fact_object(pr, "author", e) != 0 || fact_object(pr, "author.user", e) != 0 ||
	    fact_number(&event->author.id, user, "id", e) != 0 ||
	    fact_str(&event->author.login, user, "name", e) != 0 ||
	    fact_str(&event->author.name, user, "displayName", e) != 0 ||
	    fact_str(&type, user, "type", e) != 0)
		return -1;
	if (event->author.id.p != NULL || event->author.login.p != NULL)
		event->author.bot = bot_of(type);
	return 0;
}

static int read_side(struct str *branch, const struct json *side, struct err *e)
{
	struct str id, shown;
	if (fact_str(&id, side, "id", e) != 0 || fact_str(&shown, side, "displayId", e) != 0)
		return -1;
	*branch = fact_either(fact_branch(id), shown);
	return 0;
}

static int read_fork(struct event *event, const struct json *pr, struct err *e)
{
	struct str source, target;
	if (fact_object(pr, "fromRef.repository", e) != 0 ||
	    fact_object(pr, "toRef.repository", e) != 0 ||
	    fact_number(&source, pr, "fromRef.repository.id", e) != 0 ||
	    fact_number(&target, pr, "toRef.repository.id", e) != 0)
		return -1;
	event->from_fork = fact_is_fork(source, target);
	return 0;
}

static int read_sides(struct event *event, const struct json *pr, struct arena *arena,
		      struct err *e)
{
	if (fact_object(pr, "fromRef", e) != 0 || fact_object(pr, "toRef", e) != 0 ||
	    read_side(&event->source_branch, json_get(pr, "fromRef"), e) != 0 ||
	    read_side(&event->target_branch, json_get(pr, "toRef"), e) != 0 ||
	    fact_str(&event->source_commit, pr, "fromRef.latestCommit", e) != 0 ||
	    read_fork(event, pr, e) != 0)
		return -1;
	return read_repository(event, json_at(pr, "toRef.repository"), arena, e);
}

/* Links may be {}, {"self":[null]} or {"self":[{"href":...}]}: for people only. */
static struct str link_of(const struct json *pr)
{
	struct str url;
	if (fact_url(&url, json_item(json_at(pr, "links.self"), 0), "href", NULL) != 0)
		return STR_NULL;
	return url;
}

int bitbucket_server_read_pull(struct event *event, struct str *commit, const struct json *pr,
			       struct arena *arena, struct err *e)
{
	if (fact_object(pr, "properties", e) != 0 ||
	    fact_object(pr, "properties.mergeCommit", e) != 0 ||
	    fact_str(commit, pr, "properties.mergeCommit.id", e) != 0 ||
	    fact_number(&event->pull_request.number, pr, "id", e) != 0 ||
	    fact_str(&event->pull_request.title, pr, "title", e) != 0 ||
	    read_sides(event, pr, arena, e) != 0 || read_author(event, pr, e) != 0)
		return -1;
	event->pull_request.url = link_of(pr);
	return 0;
}

static int read_pull_request(struct event *event, const struct json *root, struct arena *arena,
			     struct err *e)
{
	struct str state, commit;
	const struct json *pr = json_get(root, "pullRequest");
	if (fact_object(root, "pullRequest", e) != 0 || fact_str(&state, pr, "state", e) != 0 ||
	    bitbucket_server_read_pull(event, &commit, pr, arena, e) != 0)
		return -1;
	event->kind = EVENT_PR;
	/* Without a merge commit Bitbucket found the commits on the target and closed it itself. */
	if (str_eq_cstr(event->action, "pr:merged") && str_eq_cstr(state, "MERGED")) {
		event->kind = EVENT_MERGE;
		event->merge_commit = commit;
	}
	return 0;
}

static int read_change(struct event_change *out, const struct json *item, struct err *e)
{
	struct str id, ref_id, type;
	struct event_change change = { .branch = STR_NULL };
	if (fact_object(item, "ref", e) != 0 || fact_str(&ref_id, item, "ref.id", e) != 0 ||
	    fact_str(&id, item, "refId", e) != 0 || fact_str(&type, item, "type", e) != 0 ||
	    fact_str(&change.before, item, "fromHash", e) != 0 ||
	    fact_str(&change.after, item, "toHash", e) != 0)
		return -1;
	change.branch = fact_branch(fact_either(ref_id, id));
	change.deleted = str_eq_cstr(type, "DELETE") || oid_is_zero(change.after);
	*out = change;
	return 0;
}

/* Events about comments hold the whole pull request and mean nothing for it. */
static int is_about_pull_request(struct str key)
{
	return str_starts(key, STR("pr:")) && !str_starts(key, STR("pr:comment:"));
}

static int read_by_key(struct event *event, const struct json *root, struct arena *arena,
		       struct err *e)
{
	const struct str key = event->action;
	const struct json *repository = json_get(root, "repository");
	if (is_about_pull_request(key))
		return read_pull_request(event, root, arena, e);
	if (str_eq_cstr(key, "repo:refs_changed"))
		event->kind = EVENT_PUSH;
	else if (str_eq_cstr(key, ping_key))
		event->kind = EVENT_PING;
	if (repository == NULL)
		repository = json_at(root, "pullRequest.toRef.repository");
	if (read_repository(event, repository, arena, e) != 0)
		return -1;
	return event->kind == EVENT_PUSH
		   ? fact_changes(event, json_get(root, "changes"), read_change, arena, e)
		   : 0;
}

static int bitbucket_server_parse(struct event *out, const struct request *r, struct arena *arena,
				  struct err *e)
{
	struct json *root;
	struct event event = { .kind = EVENT_OTHER };
	if (fact_event_type(&event.action, r, event_header, e) != 0 ||
	    fact_root(&root, r, arena, e) != 0 || fact_object(root, "actor", e) != 0 ||
	    fact_str(&event.actor, root, "actor.name", e) != 0 ||
	    fact_object(root, "repository", e) != 0 || read_by_key(&event, root, arena, e) != 0)
		return -1;
	if (event.kind == EVENT_PUSH &&
	    people_read_pusher(&event, "bitbucket-server", root, arena, e) != 0)
		return -1;
	*out = event;
	return 0;
}

/* --- writing --- */

static void write_user(struct json_writer *w, const char *key, struct str login, struct str id,
		       struct str name, enum event_bot bot)
{
	if (login.p == NULL && id.p == NULL) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	jw_str(w, "name", login);
	fact_write_id(w, "id", id, 1);
	jw_str(w, "displayName", fact_either(name, login));
	jw_bool(w, "active", 1);
	jw_str(w, "slug", login);
	jw_text(w, "type", bot == EVENT_BOT_YES ? "SERVICE" : "NORMAL");
	jw_end_object(w);
}

static void write_repository(struct json_writer *w, const struct event *event, int is_source)
{
	const struct str full = event->repository;
	jw_object(w, "repository");
	jw_str(w, "slug", fact_name(full));
	if (is_source && event->from_fork)
		jw_int(w, "id", 0);
	else
		fact_write_id(w, "id", event->repository_id, 1);
	jw_str(w, "name", fact_name(full));
	jw_text(w, "scmId", "git");
	jw_text(w, "state", "AVAILABLE");
	jw_object(w, "project");
	jw_str(w, "key", fact_owner(full));
	jw_int(w, "id", 1);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_side(struct json_writer *w, const char *key, const struct event *event,
		       struct str branch, struct str commit)
{
	jw_object(w, key);
	fact_write_ref(w, "id", branch);
	jw_str(w, "displayId", branch);
	jw_str(w, "latestCommit", commit);
	write_repository(w, event, str_eq_cstr(str_of(key), "fromRef"));
	jw_end_object(w);
}

static void write_merge_commit(struct json_writer *w, struct str commit)
{
	jw_object(w, "properties");
	if (commit.p != NULL) {
		jw_object(w, "mergeCommit");
		jw_str(w, "displayId", str_first(commit, 11));
		jw_str(w, "id", commit);
		jw_end_object(w);
	} else {
		jw_null(w, "mergeCommit");
	}
	jw_end_object(w);
}

static void write_link(struct json_writer *w, struct str url)
{
	jw_object(w, "links");
	jw_array(w, "self");
	if (url.p != NULL) {
		jw_object(w, NULL);
		jw_str(w, "href", url);
		jw_end_object(w);
	} else {
		jw_null(w, NULL);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	jw_object(w, "pullRequest");
	fact_write_id(w, "id", event->pull_request.number, 1);
	jw_str(w, "title", event->pull_request.title);
	jw_text(w, "state", merged ? "MERGED" : "OPEN");
	jw_bool(w, "open", !merged);
	jw_bool(w, "closed", merged);
	write_side(w, "fromRef", event, event->source_branch, event->source_commit);
	write_side(w, "toRef", event, event->target_branch, event->before);
	jw_object(w, "author");
	write_user(w, "user", event->author.login, event->author.id, event->author.name,
		   event->author.bot);
	jw_text(w, "role", "AUTHOR");
	jw_end_object(w);
	if (merged)
		write_merge_commit(w, event->merge_commit);
	write_link(w, event->pull_request.url);
	jw_end_object(w);
}

static const char *change_type(const struct event *event, struct str before)
{
	if (event->deleted)
		return "DELETE";
	return oid_is_zero(before) ? "ADD" : "UPDATE";
}

static void write_push(struct json_writer *w, const struct event *event)
{
	const struct str before = fact_either(event->before, fact_zero_oid());
	write_repository(w, event, 0);
	jw_array(w, "changes");
	jw_object(w, NULL);
	jw_object(w, "ref");
	fact_write_ref(w, "id", event->target_branch);
	jw_str(w, "displayId", event->target_branch);
	jw_text(w, "type", "BRANCH");
	jw_end_object(w);
	fact_write_ref(w, "refId", event->target_branch);
	jw_str(w, "fromHash", before);
	jw_str(w, "toHash", event->deleted ? fact_zero_oid() : event->merge_commit);
	jw_text(w, "type", change_type(event, before));
	jw_end_object(w);
	jw_end_array(w);
}

static void write_ping(struct json_writer *w)
{
	jw_object(w, NULL);
	jw_bool(w, "test", 1);
	jw_end_object(w);
}

static void write_event(struct json_writer *w, const char *key, const struct event *event)
{
	jw_object(w, NULL);
	jw_text(w, "eventKey", key);
	jw_text(w, "date", "2017-09-19T09:58:11+1000");
	write_user(w, "actor", event->actor, STR_NULL, STR_NULL, EVENT_BOT_NO);
	if (event->kind == EVENT_PUSH)
		write_push(w, event);
	else
		write_pull_request(w, event);
	jw_end_object(w);
}

static int bitbucket_server_compose(struct buf *body, const char **type, const struct event *event,
				    struct err *e)
{
	struct json_writer w;
	const char *key = NULL;
	jw_init(&w, body, 0);
	switch (event->kind) {
	case EVENT_MERGE:
		key = "pr:merged";
		break;
	case EVENT_PR:
		key = "pr:opened";
		break;
	case EVENT_PUSH:
		key = "repo:refs_changed";
		break;
	case EVENT_PING:
		key = ping_key;
		break;
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT, "only merge, pr, push and ping can be composed");
	}
	if (event->kind == EVENT_PING)
		write_ping(&w);
	else
		write_event(&w, key, event);
	if (buf_check(body, e) != 0)
		return -1;
	*type = key;
	return 0;
}

const struct provider provider_bitbucket_server = {
	.name = "bitbucket-server",
	.vcs_type = "BITBUCKET",
	.delivery_header = "X-Request-Id",
	.event_header = event_header,
	.authenticate = bitbucket_server_authenticate,
	.parse = bitbucket_server_parse,
	.compose = bitbucket_server_compose,
	.sign = bitbucket_server_sign,
};
