/* SPDX-License-Identifier: Apache-2.0 */
/* Which facts of a merge are asked of the provider's API, and what its answers change. */

#include "receiver/complete.h"

#include "receiver/intake.h"
#include "receiver/provider_api.h"
#include "vcs/fact.h"
#include "vcs/provider.h"

static int open_api(struct provider_api **out, const struct complete *c, struct err *e)
{
	const struct provider_api_options options = { .repository = c->repository,
						      .stop = c->stop,
						      .context = c->context };
	return provider_api_open(out, &options, e);
}

/* --- the pull request --- */

static int check_state(const struct api_pull *pull, struct err *e)
{
	const struct str number = pull->event.pull_request.number;
	const struct str word = str_first(pull->state_word, 100);
	switch (pull->state) {
	case API_MERGED:
		return 0;
	case API_PENDING:
		return err_set(e, ERR_UNAVAILABLE,
			       "the provider's API says that #%.*s is not merged yet (%.*s)",
			       STR_ARG(number), STR_ARG(word));
	case API_OTHER:
		break;
	}
	return err_set(e, ERR_REFUSED, "the provider's API says that #%.*s is not merged (%.*s)",
		       STR_ARG(number), STR_ARG(word));
}

static int check_place(const struct api_pull *pull, const struct conf_repository *r, struct err *e)
{
	const struct str branch = pull->event.target_branch;
	if (!str_eq(branch, r->branch))
		return err_set(e, ERR_REFUSED,
			       "the provider's API says that #%.*s is for branch '%.*s', this "
			       "endpoint is for '%.*s'",
			       STR_ARG(pull->event.pull_request.number),
			       STR_ARG(str_first(branch, 200)), STR_ARG(r->branch));
	if (!intake_lists(&r->repository_ids, pull->event.repository_id))
		return err_set(e, ERR_REFUSED,
			       "the provider's API says that #%.*s is of repository id '%.*s', "
			       "which is not among repository_ids",
			       STR_ARG(pull->event.pull_request.number),
			       STR_ARG(str_first(pull->event.repository_id, 100)));
	return 0;
}

static int check_commit(const struct api_pull *pull, struct err *e)
{
	const struct str commit = pull->event.merge_commit;
	if (oid_is_valid(commit) || api_commit_is_short(commit))
		return 0;
	if (commit.n == 0)
		return err_set(e, ERR_REFUSED,
			       "neither the event nor the provider's API says which commit the "
			       "merge of #%.*s made (release it by `tidegate simulate`, or merge "
			       "once more)",
			       STR_ARG(pull->event.pull_request.number));
	return err_set(e, ERR_REFUSED, "commit '%.*s' of the provider's API is malformed",
		       STR_ARG(str_first(commit, 64)));
}

/* Facts for people, where the event does not have them. */
static void take_words(struct event *event, const struct event *said)
{
	event->pull_request.title =
	    fact_either(event->pull_request.title, said->pull_request.title);
	event->pull_request.url = fact_either(event->pull_request.url, said->pull_request.url);
	event->source_branch = fact_either(event->source_branch, said->source_branch);
	event->repository_id = fact_either(event->repository_id, said->repository_id);
}

/* Where the event names another author, or none, the API is right: it was asked with our token. */
static void take_author(struct event *event, const struct event *said)
{
	const struct str id = said->author.id;
	if (id.p == NULL)
		return;
	if (event->author.id.p == NULL || !str_eq(event->author.id, id)) {
		event->author = said->author;
		return;
	}
	event->author.login = fact_either(event->author.login, said->author.login);
	event->author.name = fact_either(event->author.name, said->author.name);
	event->author.other_id = fact_either(event->author.other_id, said->author.other_id);
	if (event->author.bot == EVENT_BOT_UNKNOWN)
		event->author.bot = said->author.bot;
}

static int ask_pull(struct event *event, struct provider_api *api, const struct complete *c,
		    struct err *e)
{
	struct api_pull pull;
	if (event->pull_request.number.n == 0)
		return err_set(e, ERR_REFUSED,
			       "the event does not say which pull request it is about");
	if (provider_api_pull(&pull, api, event->pull_request.number, c->arena, e) != 0 ||
	    check_state(&pull, e) != 0 || check_place(&pull, c->repository, e) != 0 ||
	    check_commit(&pull, e) != 0)
		return -1;
	event->merge_commit = pull.event.merge_commit;
	take_words(event, &pull.event);
	take_author(event, &pull.event);
	return 0;
}

/* --- what is needed --- */

static int lacks_commit(const struct event *event)
{
	return !oid_is_valid(event->merge_commit) && !api_commit_is_short(event->merge_commit);
}

static void set_note(struct str *note, struct arena *arena, const struct err *why)
{
	const char *text = arena_printf(
	    arena, "the author is counted by id, since nothing more is known: %s", why->msg);
	if (text != NULL)
		*note = str_of(text);
}

int complete_event(struct event *event, struct str *note, const struct complete *c, struct err *e)
{
	const struct api *driver = api_find(c->repository->provider);
	if (event->kind != EVENT_MERGE || driver == NULL || c->repository->api == NULL)
		return 0;
	const int needs_pull = driver->decides || lacks_commit(event);
	const int needs_author = driver->author_path != NULL;
	AUTO(provider_api) struct provider_api *api = NULL;
	struct err why = { .code = ERR_NONE };
	if (!needs_pull && !needs_author)
		return 0;
	if (open_api(&api, c, &why) != 0) {
		if (needs_pull) {
			*e = why;
			return -1;
		}
		set_note(note, c->arena, &why);
		return 0;
	}
	if (needs_pull && ask_pull(event, api, c, e) != 0)
		return -1;
	if (needs_author && event->author.id.n > 0 &&
	    provider_api_author(event, api, c->arena, &why) != 0)
		set_note(note, c->arena, &why);
	return 0;
}
