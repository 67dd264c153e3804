/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub: what it signs, what its bodies say, and bodies like its own for trying a set-up. Pure
 * functions over bytes. Facts: GitHub Docs, "Validating webhook deliveries" and "Webhook events and
 * payloads".
 */

#include "vcs/api_impl.h"
#include "vcs/fact.h"
#include "vcs/people.h"
#include "vcs/signature.h"

#include <stdio.h>

static const char signature_name[] = "X-Hub-Signature-256";
static const char event_header[] = "X-GitHub-Event";

/* --- authenticity --- */

static int github_authenticate(const struct request *r, const struct str *secrets, size_t n,
			       int64_t now_s, struct digest *d, struct err *e)
{
	(void)now_s; /* GitHub signs no time */
	struct str value, legacy;
	if (request_header(&value, r, signature_name, NULL) == 0 && value.p == NULL &&
	    request_header(&legacy, r, "X-Hub-Signature", NULL) == 0 && legacy.p != NULL)
		return err_set(e, ERR_AUTH,
			       "header '%s' is missing; the SHA-1 signature beside it is not taken",
			       signature_name);
	return signature_check(r, signature_name, STR("sha256="), secrets, n, d, e);
}

static int github_sign(const char **header, struct buf *value, struct str body, struct str secret,
		       struct digest *d, struct err *e)
{
	if (signature_write(value, STR("sha256="), body, secret, d, e) != 0)
		return -1;
	*header = signature_name;
	return 0;
}

/* --- reading --- */

static int read_author(struct event *event, const struct json *pr, struct err *e)
{
	struct str type;
	if (fact_object(pr, "user", e) != 0 ||
	    fact_number(&event->author.id, pr, "user.id", e) != 0 ||
	    fact_str(&event->author.login, pr, "user.login", e) != 0 ||
	    fact_str(&type, pr, "user.type", e) != 0)
		return -1;
	/* Nobody is known: neither a person nor a bot. */
	if (event->author.id.p == NULL && event->author.login.p == NULL)
		return 0;
	int bot = str_eq_cstr(type, "Bot") || str_ends(event->author.login, STR("[bot]"));
	event->author.bot = bot ? EVENT_BOT_YES : EVENT_BOT_NO;
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

int github_read_pull(struct event *event, struct str *commit, const struct json *pr, struct err *e)
{
	if (fact_object(pr, "base", e) != 0 || fact_object(pr, "head", e) != 0 ||
	    fact_str(&event->target_branch, pr, "base.ref", e) != 0 ||
	    fact_str(&event->source_branch, pr, "head.ref", e) != 0 ||
	    fact_str(&event->source_commit, pr, "head.sha", e) != 0 ||
	    fact_str(commit, pr, "merge_commit_sha", e) != 0 ||
	    fact_number(&event->pull_request.number, pr, "number", e) != 0 ||
	    fact_str(&event->pull_request.title, pr, "title", e) != 0 ||
	    fact_url(&event->pull_request.url, pr, "html_url", e) != 0 ||
	    read_fork(event, pr, e) != 0)
		return -1;
	return read_author(event, pr, e);
}

static int read_pull_request(struct event *event, const struct json *root, struct err *e)
{
	struct str commit;
	const struct json *pr = json_get(root, "pull_request");
	if (fact_str(&event->action, root, "action", e) != 0 ||
	    fact_object(root, "pull_request", e) != 0 ||
	    github_read_pull(event, &commit, pr, e) != 0)
		return -1;
	if (event->pull_request.number.p == NULL &&
	    fact_number(&event->pull_request.number, root, "number", e) != 0)
		return -1;
	event->kind = EVENT_PR;
	/* Until then merge_commit_sha names a throw-away merge that was only tried. */
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
	/* A tag is pushed too, but it is no branch; old senders wrote the bare name. */
	event->target_branch = fact_branch(ref);
	event->deleted =
	    json_bool(json_get(root, "deleted")) == 1 || oid_is_zero(event->merge_commit);
	return 0;
}

static int github_parse(struct event *out, const struct request *r, struct arena *arena,
			struct err *e)
{
	struct str type, text;
	struct json *root;
	if (request_header(&type, r, event_header, e) != 0)
		return -1;
	if (type.n == 0)
		return err_set(e, ERR_INPUT, "header '%s' is missing", event_header);
	if (request_json_text(&text, r, arena, e) != 0 || json_parse(&root, text, arena, e) != 0)
		return -1;
	if (root->kind != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "the body is no JSON object");
	struct event event = { .kind = EVENT_OTHER };
	if (fact_object(root, "repository", e) != 0 || fact_object(root, "sender", e) != 0 ||
	    fact_str(&event.repository, root, "repository.full_name", e) != 0 ||
	    fact_number(&event.repository_id, root, "repository.id", e) != 0 ||
	    fact_str(&event.actor, root, "sender.login", e) != 0)
		return -1;
	/* The header decides: bodies of one kind hold the words of another. */
	int rc = 0;
	if (str_eq_cstr(type, "pull_request"))
		rc = read_pull_request(&event, root, e);
	else if (str_eq_cstr(type, "push"))
		rc = read_push(&event, root, e);
	else if (str_eq_cstr(type, "ping"))
		event.kind = EVENT_PING;
	else
		event.action = json_str(json_get(root, "action"));
	if (rc != 0)
		return -1;
	if (event.kind == EVENT_PUSH && people_read_pusher(&event, "github", root, arena, e) != 0)
		return -1;
	*out = event;
	return 0;
}

/* --- writing --- */

static void write_user(struct json_writer *w, const char *key, struct str login, struct str id,
		       enum event_bot bot)
{
	if (login.p == NULL && id.p == NULL) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	jw_str(w, "login", login);
	fact_write_id(w, "id", id, 1);
	jw_text(w, "type", bot == EVENT_BOT_YES ? "Bot" : "User");
	jw_bool(w, "site_admin", 0);
	jw_end_object(w);
}

/* "https://github.com/" + full name + tail as a member. */
static void write_url(struct json_writer *w, const char *key, struct str full_name,
		      const char *tail)
{
	char url[512];
	(void)snprintf(url, sizeof url, "https://github.com/%.*s%.64s",
		       STR_ARG(str_first(full_name, 400)), tail);
	jw_text(w, key, url);
}

static void write_pull_request_url(struct json_writer *w, const struct event *event)
{
	char tail[64];
	if (event->pull_request.url.p != NULL) {
		jw_str(w, "html_url", event->pull_request.url);
		return;
	}
	(void)snprintf(tail, sizeof tail, "/pull/%.*s",
		       STR_ARG(str_first(event->pull_request.number, 32)));
	write_url(w, "html_url", event->repository, tail);
}

static void write_repository(struct json_writer *w, const struct event *event)
{
	const struct str full = event->repository;
	size_t slash = str_find(full, '/');
	jw_object(w, "repository");
	fact_write_id(w, "id", event->repository_id, 1);
	jw_str(w, "name", slash < full.n ? str_from(full, slash + 1) : full);
	jw_str(w, "full_name", full);
	jw_bool(w, "private", 1);
	write_user(w, "owner", str_first(full, slash), STR_NULL, EVENT_BOT_NO);
	write_url(w, "html_url", full, "");
	jw_bool(w, "fork", 0);
	write_url(w, "clone_url", full, ".git");
	jw_str(w, "default_branch",
	       event->target_branch.p != NULL ? event->target_branch : STR("main"));
	jw_end_object(w);
}

static void write_side(struct json_writer *w, const char *key, struct str branch, struct str sha)
{
	jw_object(w, key);
	jw_str(w, "ref", branch);
	jw_str(w, "sha", sha);
	jw_end_object(w);
}

static void write_pull_request(struct json_writer *w, const struct event *event)
{
	const int merged = event->kind == EVENT_MERGE;
	const struct str action = event->action.p != NULL ? event->action : STR("opened");
	const struct str number = event->pull_request.number;
	jw_str(w, "action", merged ? STR("closed") : action);
	fact_write_id(w, "number", number, 1);
	jw_object(w, "pull_request");
	jw_int(w, "id", 1);
	write_pull_request_url(w, event);
	fact_write_id(w, "number", number, 1);
	jw_text(w, "state", merged || str_eq_cstr(action, "closed") ? "closed" : "open");
	jw_bool(w, "locked", 0);
	jw_str(w, "title", event->pull_request.title);
	write_user(w, "user", event->author.login, event->author.id, event->author.bot);
	jw_null(w, "body");
	jw_str(w, "merge_commit_sha", event->merge_commit);
	write_side(w, "head", event->source_branch, event->source_commit);
	write_side(w, "base", event->target_branch, event->before);
	jw_bool(w, "draft", 0);
	jw_bool(w, "merged", merged);
	if (merged)
		write_user(w, "merged_by", event->actor, STR_NULL, EVENT_BOT_NO);
	else
		jw_null(w, "merged_by");
	jw_end_object(w);
}

static void write_push(struct json_writer *w, const struct event *event)
{
	const struct str before = fact_either(event->before, fact_zero_oid());
	const struct str after = event->deleted ? fact_zero_oid() : event->merge_commit;
	fact_write_ref(w, "ref", event->target_branch);
	jw_str(w, "before", before);
	jw_str(w, "after", after);
	jw_object(w, "pusher");
	jw_str(w, "name", event->actor);
	jw_end_object(w);
	jw_bool(w, "created", oid_is_zero(before));
	jw_bool(w, "deleted", event->deleted);
	jw_bool(w, "forced", 0);
	jw_null(w, "base_ref");
	jw_array(w, "commits");
	jw_end_array(w);
	if (event->deleted) {
		jw_null(w, "head_commit");
		return;
	}
	jw_object(w, "head_commit");
	jw_str(w, "id", after);
	jw_end_object(w);
}

static void write_ping(struct json_writer *w)
{
	jw_text(w, "zen", "Speak like a human.");
	jw_int(w, "hook_id", 1);
	jw_object(w, "hook");
	jw_text(w, "type", "Repository");
	jw_int(w, "id", 1);
	jw_text(w, "name", "web");
	jw_bool(w, "active", 1);
	jw_array(w, "events");
	jw_text(w, NULL, "pull_request");
	jw_end_array(w);
	jw_end_object(w);
}

static int github_compose(struct buf *body, const char **type, const struct event *event,
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
		name = "ping";
		write_ping(&w);
		break;
	case EVENT_OTHER:
		return err_set(e, ERR_INPUT, "only merge, pr, push and ping can be composed");
	}
	write_repository(&w, event);
	write_user(&w, "sender", event->actor, STR_NULL, EVENT_BOT_NO);
	jw_end_object(&w);
	if (buf_check(body, e) != 0)
		return -1;
	*type = name;
	return 0;
}

const struct provider provider_github = {
	.name = "github",
	.vcs_type = "GITHUB",
	.delivery_header = "X-GitHub-Delivery",
	.event_header = event_header,
	.takes_form = 1,
	.authenticate = github_authenticate,
	.parse = github_parse,
	.compose = github_compose,
	.sign = github_sign,
};
