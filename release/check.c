/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be done in one target: the release's files against the target's ledger. A pure
 * decision, taken at check, at plan and again by the runner under the target's lock.
 */

#include "release/check.h"

#include "release/baseline.h"
#include "release/version.h"

#include <stdio.h>

/* The ledger's row of a version; the ledger is in version order. */
static const struct revision *find(const struct revision *revisions, size_t n, struct str version)
{
	size_t low = 0;
	size_t high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = version_compare(revisions[mid].version, version);
		if (order == 0)
			return &revisions[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static enum check_verdict judge(const struct migration *file, const struct revision *revision,
				const struct revision *newest)
{
	if (revision != NULL) {
		enum check_verdict same =
		    revision_is_unfinished(revision) ? CHECK_UNFINISHED : CHECK_APPLIED;
		/* A baseline was never run by us, and of a file that goes on as a person has
		 * said the content may have changed: there is nothing to compare. */
		if (revision->sha256.n == 0)
			return same;
		return str_eq_cstr(revision->sha256, file->sha256) ? same : CHECK_EDITED;
	}
	if (newest != NULL && version_compare(file->version, newest->version) < 0)
		return CHECK_OUT_OF_ORDER;
	return CHECK_RUN;
}

static int forbidden(const struct check_file *c, const struct check_rules *rules)
{
	switch (c->verdict) {
	case CHECK_APPLIED:
	case CHECK_RUN:
	case CHECK_UNFINISHED:
		return 0;
	case CHECK_EDITED:
		return !rules->allow_edited || revision_is_unfinished(c->revision);
	case CHECK_OUT_OF_ORDER:
		return !rules->allow_out_of_order;
	}
	return 1;
}

/* Names in messages are bounded, so that what to do still fits behind them. */
static struct str shown(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0U) == 0x80U)
		n--;
	return str_first(s, n);
}

static int refuse_unfinished(const struct check_file *c, struct err *e)
{
	struct str version = shown(c->file->version, 48);
	struct str path = shown(c->file->path, 128);
	return err_set(e, ERR_REFUSED,
		       "migration '%.*s' (%.*s) was changed while it is unfinished (%lld of %lld "
		       "statements are done): restore the file, or say where the new one goes on: "
		       "`tidegate revisions resolve TARGET %.*s --from-statement N`",
		       STR_ARG(version), STR_ARG(path), (long long)c->revision->statements_done,
		       (long long)c->revision->statements, STR_ARG(version));
}

static int refuse(const struct check_file *c, const struct revision *newest,
		  const struct check_rules *rules, struct err *e)
{
	struct str version = shown(c->file->version, 48);
	struct str path = shown(c->file->path, 128);
	char project[80] = "";
	if (rules->project.n > 0) {
		struct str id = shown(rules->project, 64);
		(void)snprintf(project, sizeof project, " '%.*s'", STR_ARG(id));
	}
	switch (c->verdict) {
	case CHECK_APPLIED:
	case CHECK_RUN:
	case CHECK_UNFINISHED:
		break;
	case CHECK_EDITED: {
		if (revision_is_unfinished(c->revision))
			return refuse_unfinished(c, e);
		struct str before = str_first(c->revision->sha256, 8);
		return err_set(e, ERR_REFUSED,
			       "migration '%.*s' (%.*s) was changed after it was applied (applied "
			       "sha256 %.*s.., now %.8s..): restore the file and put the change "
			       "into a new migration",
			       STR_ARG(version), STR_ARG(path), STR_ARG(before), c->file->sha256);
	}
	case CHECK_OUT_OF_ORDER: {
		struct str last = shown(newest->version, 48);
		return err_set(e, ERR_REFUSED,
			       "migration '%.*s' (%.*s) is older than the newest applied version "
			       "'%.*s': rename it to a higher version, or set allow_out_of_order "
			       "for the project%s",
			       STR_ARG(version), STR_ARG(path), STR_ARG(last), project);
	}
	}
	return 0;
}

/* The newest row that stands for everything up to its version. */
static const struct revision *newest_mark(const struct revision *revisions, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		if (baseline_is_mark(&revisions[i - 1]))
			return &revisions[i - 1];
	}
	return NULL;
}

/* Half of it is in the database: what comes after it must not run. */
static int refuse_gone(const struct revision *r, struct err *e)
{
	struct str version = shown(r->version, 48);
	struct str path = shown(r->path, 128);
	return err_set(e, ERR_REFUSED,
		       "migration '%.*s' (%.*s) is unfinished in this database (%lld of %lld "
		       "statements are done), and the release does not have it: restore the file, "
		       "or finish it by hand and say `tidegate revisions resolve` with "
		       "`--all-applied`",
		       STR_ARG(version), STR_ARG(path), (long long)r->statements_done,
		       (long long)r->statements);
}

/* An unfinished row without a file; the ledger has few of those, mostly none. */
static const struct revision *find_gone(const struct check *check, const struct revision *revisions,
					size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		if (!revision_is_unfinished(&revisions[i]))
			continue;
		while (k < check->n && check->files[k].revision != &revisions[i])
			k++;
		if (k == check->n)
			return &revisions[i];
	}
	return NULL;
}

int check_must_run(const struct check_file *file)
{
	return file->revision == NULL || file->verdict == CHECK_UNFINISHED;
}

int check_decide(struct check *out, const struct manifest *manifest,
		 const struct revision *revisions, size_t n, const struct check_rules *rules,
		 struct arena *arena, struct err *e)
{
	const struct revision *newest = n > 0 ? &revisions[n - 1] : NULL;
	const struct revision *mark = newest_mark(revisions, n);
	const struct check_file *first = NULL;
	struct check check = { .n = manifest->n };
	check.files = arena_array(arena, manifest->n, sizeof *check.files);
	if (check.files == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < manifest->n; i++) {
		struct check_file *c = &check.files[i];
		c->file = &manifest->files[i];
		c->revision = find(revisions, n, c->file->version);
		if (c->revision == NULL && mark != NULL &&
		    version_compare(c->file->version, mark->version) < 0)
			c->revision = mark;
		c->verdict = judge(c->file, c->revision, newest);
		if (forbidden(c, rules))
			first = first != NULL ? first : c;
		else if (check_must_run(c))
			check.to_run++;
	}
	*out = check;
	if (first != NULL)
		return refuse(first, newest, rules, e);
	const struct revision *gone = check.to_run > 0 ? find_gone(&check, revisions, n) : NULL;
	return gone == NULL ? 0 : refuse_gone(gone, e);
}
