/* SPDX-License-Identifier: Apache-2.0 */
/* From the author of a merge, or those of a push's commits, to their seats. */

#include "receiver/authors.h"

#include "base/clock.h"
#include "receiver/seat.h"
#include "vcs/author.h"
#include "vcs/repo.h"

#include <inttypes.h>

enum { SHOWN_MAX = 64 };

static int claim(const struct authors *a, struct str host, const struct author *people, size_t n,
		 struct err *e)
{
	const struct seat_claim claim = {
		.provider = a->repository->provider,
		.host = host,
		.people = people,
		.n = n,
		.limit = a->conf->user_limit,
		.seen_ms = a->delivery->received_ms,
		.now_ms = clock_unix_ms(),
		.delivery = a->delivery->id,
	};
	return seat_claim(a->store, &claim, e);
}

static struct str shown(const struct author *author)
{
	struct str part = str_first(author->login.n > 0 ? author->login : author->id, SHOWN_MAX);
	while (part.n > 0 && !str_is_utf8(part))
		part.n--;
	return part.n > 0 ? part : STR("(unknown)");
}

/* Nobody can tell whether this is a person: it counts all the same, or waits for one who can. */
static int check_unknown(const struct authors *a, const struct author *author, struct err *e)
{
	switch (a->conf->unknown_authors) {
	case CONF_UNKNOWN_COUNT:
		return 0;
	case CONF_UNKNOWN_HOLD:
		break;
	}
	return err_set(e, ERR_REFUSED,
		       "it is not known whether the author '%.*s' is a person or a bot, and"
		       " unknown_authors is hold; name the bot under 'bots', or set"
		       " unknown_authors to count, then run `tidegate replay %" PRId64 "`",
		       STR_ARG(shown(author)), a->delivery->id);
}

int authors_claim_merge(const struct authors *a, struct err *e)
{
	struct author author;
	const struct str host = author_host(a->repository->clone_url, a->arena);
	if (host.p == NULL)
		return arena_err(a->arena, e);
	if (author_of_event(&author, a->repository->provider, a->event, a->conf->bots.items,
			    a->conf->bots.n, a->arena, e) != 0)
		return -1;
	switch (author.bot) {
	case EVENT_BOT_YES:
		return 0;
	case EVENT_BOT_UNKNOWN:
		if (check_unknown(a, &author, e) != 0)
			return -1;
		break;
	case EVENT_BOT_NO:
		break;
	}
	/* An account that is gone leaves nothing to count by. */
	return author.id.n > 0 ? claim(a, host, &author, 1, e) : 0;
}

int authors_claim_push(const struct authors *a, struct repo *repo, struct err *e)
{
	struct author_commit *commits;
	size_t n, people = 0;
	const struct str host = author_host(a->repository->clone_url, a->arena);
	if (host.p == NULL)
		return arena_err(a->arena, e);
	if (repo_authors(&commits, &n, repo, a->event->before, a->event->merge_commit, a->arena,
			 e) != 0)
		return -1;
	struct author *list = arena_array(a->arena, n, sizeof *list);
	if (list == NULL)
		return arena_err(a->arena, e);
	for (size_t i = 0; i < n; i++) {
		if (author_of_commit(&list[people], a->repository->provider, host, a->event,
				     &commits[i], a->conf->bots.items, a->conf->bots.n, a->arena,
				     e) != 0)
			return -1;
		people += list[people].bot != EVENT_BOT_YES;
	}
	return claim(a, host, list, people, e);
}
