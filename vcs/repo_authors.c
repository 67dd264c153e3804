/* SPDX-License-Identifier: Apache-2.0 */
/* Who wrote the commits that a push added. Who of them is a person is not known here. */

#include "base/arena.h"
#include "base/mem.h"
#include "vcs/author.h"
#include "vcs/provider.h"
#include "vcs/repo_impl.h"

#include <stdlib.h>
#include <string.h>

AUTO_DEFINE(git_revwalk, git_revwalk *, git_revwalk_free);

/* Longer than any that is taken: what is cut is refused later, not mistaken for another. */
enum { TEXT_MAX = 2048 };

/* An author and where he stands among the others. */
struct found {
	struct author_commit who;
	size_t place;
};

struct list {
	struct found *items; /* in the heap */
	size_t n, cap;
	size_t walked; /* commits, merges too */
	struct arena *arena;
};

static void list_free(struct list *l)
{
	mem_free(l->items);
}
AUTO_DEFINE_INPLACE(list, struct list, list_free);

static int list_add(struct list *l, const git_commit *commit, struct err *e)
{
	const git_signature *by = git_commit_author(commit);
	if (l->n == l->cap) {
		const size_t cap = l->cap > 0 ? l->cap * 2 : 64;
		struct found *grown = mem_resize(l->items, cap * sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		l->items = grown;
		l->cap = cap;
	}
	struct found f = { .place = l->n };
	f.who.email = arena_str(l->arena, str_first(str_of(by->email), TEXT_MAX));
	f.who.name = arena_str(l->arena, str_first(str_of(by->name), TEXT_MAX));
	if (f.who.email.p == NULL || f.who.name.p == NULL)
		return arena_err(l->arena, e);
	l->items[l->n++] = f;
	return 0;
}

/* The tip alone stands for what cannot be told apart from older history. */
static int add_tip(struct list *l, struct repo *r, struct str after, struct err *e)
{
	AUTO(git_commit) git_commit *tip = NULL;
	return repo_commit(&tip, r, after, e) == 0 ? list_add(l, tip, e) : -1;
}

static int add_walked(struct list *l, struct repo *r, git_revwalk *walk, struct err *e)
{
	git_oid oid;
	int rc = 0;
	while (l->walked < REPO_AUTHORS_COMMITS_MAX) {
		AUTO(git_commit) git_commit *commit = NULL;
		rc = git_revwalk_next(&oid, walk);
		if (rc == 0)
			rc = git_commit_lookup(&commit, r->git, &oid);
		if (rc != 0)
			break;
		l->walked++;
		/* Who merged is not who wrote. */
		if (git_commit_parentcount(commit) <= 1 && list_add(l, commit, e) != 0)
			return -1;
	}
	return rc == 0 || rc == GIT_ITEROVER
		   ? 0
		   : repo_git_err(e, rc, ERR_SYS, "cannot read the pushed commits");
}

/* 1: walked; 0: the old tip is not known; -1. */
static int add_range(struct list *l, struct repo *r, struct str before, struct str after,
		     struct err *e)
{
	AUTO(git_revwalk) git_revwalk *walk = NULL;
	AUTO(git_commit) git_commit *from = NULL;
	AUTO(git_commit) git_commit *to = NULL;
	struct err why = { .code = ERR_NONE };
	if (!oid_is_valid(before))
		return 0;
	if (repo_commit(&from, r, before, &why) != 0) {
		if (why.code == ERR_NOTFOUND)
			return 0;
		*e = why;
		return -1;
	}
	if (repo_commit(&to, r, after, e) != 0)
		return -1;
	int rc = git_revwalk_new(&walk, r->git);
	if (rc == 0)
		rc = git_revwalk_sorting(walk, GIT_SORT_TIME);
	if (rc == 0)
		rc = git_revwalk_push(walk, git_commit_id(to));
	if (rc == 0)
		rc = git_revwalk_hide(walk, git_commit_id(from));
	if (rc != 0)
		return repo_git_err(e, rc, ERR_SYS, "cannot walk the pushed commits");
	return add_walked(l, r, walk, e) == 0 ? 1 : -1;
}

/* --- each author once --- */

static int letter(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : (unsigned char)c;
}

/* Authors without an address are told apart by their names. */
static struct str key_of(const struct found *f)
{
	return f->who.email.n > 0 ? f->who.email : f->who.name;
}

static int compare_keys(const struct found *a, const struct found *b)
{
	const struct str x = key_of(a), y = key_of(b);
	for (size_t i = 0; i < x.n && i < y.n; i++) {
		if (letter(x.p[i]) != letter(y.p[i]))
			return letter(x.p[i]) < letter(y.p[i]) ? -1 : 1;
	}
	return (x.n > y.n) - (x.n < y.n);
}

static int by_key(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	const int rc = compare_keys(x, y);
	return rc != 0 ? rc : (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return (x->place > y->place) - (x->place < y->place);
}

/* Of each author the newest commit stays, in the order of the walk. */
static void keep_first(struct list *l)
{
	size_t n = 0;
	if (l->n == 0)
		return;
	qsort(l->items, l->n, sizeof *l->items, by_key);
	for (size_t i = 0; i < l->n; i++) {
		if (n == 0 || compare_keys(&l->items[n - 1], &l->items[i]) != 0)
			l->items[n++] = l->items[i];
	}
	l->n = n;
	qsort(l->items, l->n, sizeof *l->items, by_place);
}

int repo_authors(struct author_commit **out, size_t *n, struct repo *r, struct str before,
		 struct str after, struct arena *arena, struct err *e)
{
	AUTO(list) struct list l = { .arena = arena };
	const int known = add_range(&l, r, before, after, e);
	if (known < 0)
		return -1;
	const int only_merges = known && l.n == 0 && l.walked > 0;
	if ((!known || only_merges) && add_tip(&l, r, after, e) != 0)
		return -1;
	keep_first(&l);
	struct author_commit *list = arena_array(arena, l.n, sizeof *list);
	if (list == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < l.n; i++)
		list[i] = l.items[i].who;
	*out = list;
	*n = l.n;
	return 0;
}
