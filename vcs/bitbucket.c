/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket Cloud. Its commits are 12 digits long in pull requests and full in pushes; who reads
 * the event expands them. Facts: Atlassian Support, "Event payloads" and "Manage webhooks".
 */

#include "vcs/api_impl.h"
#include "vcs/fact.h"
#include "vcs/people.h"
#include "vcs/signature.h"

#include <stdio.h>

static const char event_header[] = "X-Event-Key";
static const char signature_name[] = "X-Hub-Signature";

/* --- authenticity --- */

static int bitbucket_authenticate(const struct request *r, const struct str *secrets, size_t n,
				  int64_t now_s, struct digest *d, struct err *e)
{
	(void)now_s; /* Bitbucket signs no time */
	return signature_check(r, signature_name, STR("sha256="), secrets, n, d, e);
}

static int bitbucket_sign(const char **header, struct buf *value, struct str body,
			  struct str secret, struct digest *d, struct err *e)
{
	if (signature_write(value, STR("sha256="), body, secret, d, e) != 0)
		return -1;
	*header = signature_name;
	return 0;
}

/* --- reading --- */

/* "username" was taken away in 2019 and is still in old bodies; the nickname is free text. */
static int read_login(struct str *out, const struct json *user, struct err *e)
{
	struct str nickname, username;
	if (fact_str(&nickname, user, "nickname", e) != 0 ||
	    fact_str(&username, user, "username", e) != 0)
		return -1;
	*out = fact_either(nickname, username);
	return 0;
}

/* Apps, and workspaces that own access tokens, are no people. */
static enum event_bot bot_of(struct str type)
{
	if (type.p == NULL || str_eq_cstr(type, "user"))
		return EVENT_BOT_NO;
	if (str_eq_cstr(type, "app_user") || str_eq_cstr(type, "app") || str_eq_cstr(type, "team"))
		return EVENT_BOT_YES;
	return EVENT_BOT_UNKNOWN;
}

static int read_author(struct event *event, const struct json *pr, struct err *e)
{
	struct str account, uuid, type;
	const struct json *author = json_get(pr, "author");
	if (fact_object(pr, "author", e) != 0 || fact_str(&account, author, "account_id", e) != 0 ||
	    fact_str(&uuid, author, "uuid", e) != 0 || fact_str(&type, author, "type", e) != 0 ||
	    fact_str(&event->author.name, author, "display_name", e) != 0 ||
	    read_login(&event->author.login, author, e) != 0)
		return -1;
	event->author.id = fact_either(account, uuid);
	event->author.other_id = account.p != NULL ? uuid : STR_NULL;
	if (event->author.id.p != NULL || event->author.login.p != NULL)
		event->author.bot = bot_of(type);
	return 0;
}

static int read_fork(struct event *event, const struct json *pr, struct err *e)
{
	struct str source, target;
	if (fact_object(pr, "source.repository", e) != 0 ||
	    fact_object(pr, "destination.repository", e) != 0 ||
	    fact_str(&source, pr, "source.repository.uuid", e) != 0 ||
	    fact_str(&target, pr, "destination.repository.uuid", e) != 0)
		return -1;
	event->from_fork = fact_is_fork(source, target);
	return 0;
}

static int read_sides(struct event *event, const struct json *pr, struct err *e)
{
	if (fact_object(pr, "source", e) != 0 || fact_object(pr, "destination", e) != 0 ||
	    fact_object(pr, "source.branch", e) != 0 || fact_object(pr, "source.commit", e) != 0 ||
	    fact_object(pr, "destination.branch", e) != 0 ||
	    fact_str(&event->source_branch, pr, "source.branch.name", e) != 0 ||
	    fact_str(&event->source_commit, pr, "source.commit.hash", e) != 0 ||
	    fact_str(&event->target_branch, pr, "destination.branch.name", e) != 0)
		return -1;
	return read_fork(event, pr, e);
}

int bitbucket_read_pull(struct event *event, struct str *commit, const struct json *pr,
			struct err *e)
{
	if (fact_object(pr, "merge_commit", e) != 0 ||
	    fact_str(commit, pr, "merge_commit.hash", e) != 0 ||
	    fact_number(&event->pull_request.number, pr, "id", e) != 0 ||
	    fact_str(&event->pull_request.title, pr, "title", e) != 0 ||
	    fact_url(&event->pull_request.url, pr, "links.html.href", e) != 0 ||
	    read_sides(event, pr, e) != 0)
		return -1;
	return read_author(event, pr, e);
}

static int read_pull_request(struct event *event, const struct json *root, struct err *e)
{
	struct str state, commit;
	const struct json *pr = json_get(root, "pullrequest");
	if (fact_object(root, "pullrequest", e) != 0 || fact_str(&state, pr, "state", e) != 0 ||
	    bitbucket_read_pull(event, &commit, pr, e) != 0)
		return -1;
	event->kind = EVENT_PR;
	if (str_eq_cstr(event->action, "pullrequest:fulfilled") && str_eq_cstr(state, "MERGED")) {
		event->kind = EVENT_MERGE;
		event->merge_commit = commit;
	}
	return 0;
}

/* "new" is null when the ref is gone and "old" when it is new; both say what kind of ref it is. */
static int read_change(struct event_change *out, const struct json *item, struct err *e)
{
	struct str old_name, new_name, old_type, new_type;
	struct event_change change = { .branch = STR_NULL };
	if (fact_object(item, "new", e) != 0 || fact_object(item, "old", e) != 0 ||
	    fact_object(item, "new.target", e) != 0 || fact_object(item, "old.target", e) != 0 ||
	    fact_str(&new_name, item, "new.name", e) != 0 ||
	    fact_str(&old_name, item, "old.name", e) != 0 ||
	    fact_str(&new_type, item, "new.type", e) != 0 ||
	    fact_str(&old_type, item, "old.type", e) != 0 ||
	    fact_str(&change.after, item, "new.target.hash", e) != 0 ||
	    fact_str(&change.before, item, "old.target.hash", e) != 0)
		return -1;
	const struct str type = fact_either(new_type, old_type);
	if (type.p == NULL || str_eq_cstr(type, "branch") || str_eq_cstr(type, "named_branch"))
		change.branch = fact_either(new_name, old_name);
	const struct json *now = json_get(item, "new");
	change.deleted = now == NULL || now->kind == JSON_NULL;
	*out = change;
	return 0;
}

static int bitbucket_parse(struct event *out, const struct request *r, struct arena *arena,
			   struct err *e)
{
	struct str key;
	struct json *root;
	struct event event = { .kind = EVENT_OTHER };
	if (fact_event_type(&key, r, event_header, e) != 0 || fact_root(&root, r, arena, e) != 0 ||
	    fact_object(root, "actor", e) != 0 ||
	    read_login(&event.actor, json_get(root, "actor"), e) != 0 ||
	    fact_object(root, "repository", e) != 0 ||
	    fact_str(&event.repository, root, "repository.full_name", e) != 0 ||
	    fact_str(&event.repository_id, root, "repository.uuid", e) != 0)
		return -1;
	event.action = key;
	int rc = 0;
	/* Data Center has the same header and other words, "pr:merged": they are not for us. */
	if (str_eq_cstr(key, "repo:push")) {
		event.kind = EVENT_PUSH;
		rc = fact_object(root, "push", e);
		if (rc == 0)
			rc = fact_changes(&event, json_at(root, "push.changes"), read_change, arena,
					  e);
	} else if (str_starts(key, STR("pullrequest:")) &&
		   !str_starts(key, STR("pullrequest:comment_"))) {
		rc = read_pull_request(&event, root, e);
	}
	if (rc != 0)
		return -1;
	if (event.kind == EVENT_PUSH && people_read_bitbucket(&event, root, arena, e) != 0)
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
	jw_str(w, "display_name", fact_either(name, login));
	/* A uuid stands in braces; other ids are account ids. */
	if (id.n > 0 && id.p[0] == '{')
		jw_str(w, "uuid", id);
	else
		jw_str(w, "account_id", id);
	jw_str(w, "nickname", login);
	jw_text(w, "type", bot == EVENT_BOT_YES ? "app_user" : "user");
	jw_end_object(w);
}

static void write_links(struct json_writer *w, struct str url)
{
	jw_object(w, "links");
	jw_object(w, "html");
	jw_str(w, "href", url);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_repository(struct json_writer *w, const struct event *event)
{
	char url[512];
	const struct str full = event->repository;
	(void)snprintf(url, sizeof url, "https://bitbucket.org/%.*s",
		       STR_ARG(str_first(full, 400)));
	jw_object(w, "repository");
	jw_text(w, "type", "repository");
	jw_str(w, "full_name", full);
	jw_str(w, "name", fact_name(full));
	jw_str(w, "uuid",
	       fact_either(event->repository_id, STR("{00000000-0000-4000-8000-000000000001}")));
	jw_bool(w, "is_private", 1);
	jw_text(w, "scm", "git");
	write_links(w, str_of(url));
	jw_end_object(w);
}

static void write_side(struct json_writer *w, const char *key, const struct event *event,
		       struct str branch, struct str commit)
{
	jw_object(w, key);
	jw_object(w, "branch");
	jw_str(w, "name", branch);
	jw_end_object(w);
	jw_object(w, "commit");
	jw_str(w, "hash", commit);
	jw_end_object(w);
	if (event->from_fork && str_eq_cstr(str_of(key), "source"))
		jw_null(w, "repository");
	else
		write_repository(w, event);
	jw_end_object(w);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	const struct str login = event->author.login, id = event->author.id;
	jw_object(w, "pullrequest");
	fact_write_id(w, "id", event->pull_request.number, 1);
	jw_str(w, "title", event->pull_request.title);
	jw_text(w, "state", merged ? "MERGED" : "OPEN");
	write_user(w, "author", login, id, event->author.name, event->author.bot);
	write_side(w, "source", event, event->source_branch, event->source_commit);
	write_side(w, "destination", event, event->target_branch, event->before);
	if (event->merge_commit.p != NULL) {
		jw_object(w, "merge_commit");
		jw_str(w, "hash", event->merge_commit);
		jw_end_object(w);
	} else {
		jw_null(w, "merge_commit");
	}
	write_links(w, event->pull_request.url);
	jw_end_object(w);
}

static void write_ref(struct json_writer *w, const char *key, struct str branch, struct str hash)
{
	if (hash.p == NULL || oid_is_zero(hash)) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	jw_text(w, "type", "branch");
	jw_str(w, "name", branch);
	jw_object(w, "target");
	jw_text(w, "type", "commit");
	jw_str(w, "hash", hash);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_push(struct json_writer *w, const struct event *event)
{
	const struct str after = event->deleted ? STR_NULL : event->merge_commit;
	jw_object(w, "push");
	jw_array(w, "changes");
	jw_object(w, NULL);
	write_ref(w, "new", event->target_branch, after);
	write_ref(w, "old", event->target_branch, event->before);
	jw_bool(w, "created", event->before.p == NULL);
	jw_bool(w, "closed", event->deleted);
	jw_bool(w, "forced", 0);
	jw_bool(w, "truncated", 0);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

static int bitbucket_compose(struct buf *body, const char **type, const struct event *event,
			     struct err *e)
{
	struct json_writer w;
	const char *name = NULL;
	jw_init(&w, body, 0);
	jw_object(&w, NULL);
	switch (event->kind) {
	case EVENT_MERGE:
		name = "pullrequest:fulfilled";
		write_pull_request(&w, event);
		break;
	case EVENT_PR:
		name = "pullrequest:created";
		write_pull_request(&w, event);
		break;
	case EVENT_PUSH:
		name = "repo:push";
		write_push(&w, event);
		break;
	case EVENT_PING:
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT,
			       "only merge, pr and push can be composed (Bitbucket Cloud has no "
			       "ping)");
	}
	write_repository(&w, event);
	write_user(&w, "actor", event->actor, STR_NULL, STR_NULL, EVENT_BOT_NO);
	jw_end_object(&w);
	if (buf_check(body, e) != 0)
		return -1;
	*type = name;
	return 0;
}

const struct provider provider_bitbucket = {
	.name = "bitbucket",
	.vcs_type = "BITBUCKET",
	.delivery_header = "X-Request-UUID",
	.event_header = event_header,
	.authenticate = bitbucket_authenticate,
	.parse = bitbucket_parse,
	.compose = bitbucket_compose,
	.sign = bitbucket_sign,
};
