/* SPDX-License-Identifier: Apache-2.0 */
/* A person's word about an unfinished migration, written into its row of the ledger. */

#include "release/resolve.h"

#include "base/clock.h"
#include "release/store.h"

enum { BY_MAX = 120, REASON_MAX = 400 };

static const char *name_of(enum resolve_how how)
{
	switch (how) {
	case RESOLVE_APPLIED:
		return "--applied";
	case RESOLVE_NOT_APPLIED:
		return "--not-applied";
	case RESOLVE_FROM_STATEMENT:
		return "--from-statement";
	case RESOLVE_ALL_APPLIED:
		return "--all-applied";
	}
	return "";
}

static void finish(struct revision *row)
{
	row->state = STR("applied");
	row->applied_ms = clock_unix_ms();
	row->in_flight = 0;
	row->probe = STR_NULL;
}

static int need_flight(const struct revision *row, enum resolve_how how, struct err *e)
{
	if (row->in_flight != 0)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "no statement of version '%.*s' is in flight, so that %s says nothing: %lld "
		       "of %lld are done; retry the task, or say --from-statement N or "
		       "--all-applied",
		       STR_ARG(row->version), name_of(how), (long long)row->statements_done,
		       (long long)row->statements);
}

static int change(struct revision *row, const struct resolve *resolve, struct err *e)
{
	switch (resolve->how) {
	case RESOLVE_APPLIED:
		if (need_flight(row, resolve->how, e) != 0)
			return -1;
		row->statements_done = row->in_flight;
		row->in_flight = 0;
		row->probe = STR_NULL;
		if (row->statements_done == row->statements)
			finish(row);
		return 0;
	case RESOLVE_NOT_APPLIED:
		if (need_flight(row, resolve->how, e) != 0)
			return -1;
		/* The state before it stays known: a half that it left can be told by it. */
		row->in_flight = 0;
		return 0;
	case RESOLVE_FROM_STATEMENT:
		/* The person vouches for the file as it is now. */
		row->sha256 = STR_NULL;
		row->statements_done = resolve->from - 1;
		row->in_flight = 0;
		row->probe = STR_NULL;
		return 0;
	case RESOLVE_ALL_APPLIED:
		finish(row);
		return 0;
	}
	return 0;
}

static struct str by(const struct resolve *resolve, struct arena *arena)
{
	struct str who = str_first(resolve->by, BY_MAX);
	struct str why = str_first(resolve->reason, REASON_MAX);
	char *text = arena_printf(arena, "%.*s: %s%s%.*s", STR_ARG(who), name_of(resolve->how),
				  why.n > 0 ? ": " : "", STR_ARG(why));
	return text != NULL ? store_text(str_of(text), arena) : STR_NULL;
}

/* Within the transaction. */
static int resolve_row(struct revision *before, struct revision *after, struct db *target,
		       struct str version, const struct resolve *resolve, struct arena *arena,
		       struct err *e)
{
	int rc = revision_get(before, target, version, arena, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND,
			       "version '%.*s' has no row in the ledger: nothing is to be resolved",
			       STR_ARG(version));
	if (!revision_is_unfinished(before))
		return err_set(e, ERR_NOTFOUND,
			       "version '%.*s' is not unfinished (state '%.*s'): nothing is to be "
			       "resolved",
			       STR_ARG(version), STR_ARG(before->state));
	*after = *before;
	if (change(after, resolve, e) != 0)
		return -1;
	after->applied_by = by(resolve, arena);
	if (after->applied_by.p == NULL)
		return arena_err(arena, e);
	rc = revision_move(target, before, after, e);
	/* MySQL counts a row that stays as it was as not changed, but who says so is new. */
	return rc == 0
		   ? err_set(e, ERR_UNAVAILABLE, "somebody else has changed its row; look again")
		   : (rc < 0 ? -1 : 0);
}

int resolve_revision(struct revision *before, struct revision *after, struct db *target,
		     struct str version, const struct resolve *resolve, struct arena *arena,
		     struct err *e)
{
	struct revision was;
	struct revision is;
	if (db_begin(target, e) != 0)
		return -1;
	if (resolve_row(&was, &is, target, version, resolve, arena, e) != 0) {
		db_rollback(target);
		return -1;
	}
	if (db_commit(target, e) != 0)
		return -1;
	*before = was;
	*after = is;
	return 0;
}
