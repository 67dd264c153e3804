/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gitread MIRROR COMMIT PATTERN          one read in a process of its own
 * gitread MIRROR OLD PATTERN NEW ROUNDS  reads OLD, then times reading NEW with what that taught,
 *                                        ROUNDS times; prints the median in milliseconds
 *
 * What the daemon does for one merge: open the mirror, check that the commit can be read, list the
 * files that match, take the contents that are new.
 */

#include "vcs/glob.h"
#include "vcs/repo.h"
#include "vcs/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS_MAX = 1000 };

struct bench {
	struct str mirror;
	struct glob *glob;
	size_t bytes;
};

static int take(void *context, const struct tree_file *file, struct str content, struct err *e)
{
	struct bench *b = context;
	(void)file;
	(void)e;
	b->bytes += content.n;
	return 0;
}

static int read_commit(struct tree_list *list, struct bench *b, const char *commit,
		       struct tree_index *index, struct err *e)
{
	AUTO(repo) struct repo *repo = NULL;
	if (repo_open(&repo, b->mirror, e) != 0)
		return -1;
	return tree_read(list, repo, str_of(commit), b->glob, index, take, b, e);
}

static int read_once(struct bench *b, const char *commit, struct err *e)
{
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	if (index == NULL || read_commit(&list, b, commit, index, e) != 0)
		return -1;
	printf("%zu files, %zu blobs read, %zu bytes\n", list.n, list.blobs_read, b->bytes);
	return 0;
}

static double now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* One round: an index that knows `older` reads `newer`. */
static int read_again(double *ms, size_t *blobs, struct bench *b, const char *older,
		      const char *newer, struct err *e)
{
	AUTO(tree_list) struct tree_list first = { .files = NULL };
	AUTO(tree_list) struct tree_list second = { .files = NULL };
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	if (index == NULL || read_commit(&first, b, older, index, e) != 0)
		return -1;
	double start = now_ms();
	if (read_commit(&second, b, newer, index, e) != 0)
		return -1;
	*ms = now_ms() - start;
	*blobs = second.blobs_read;
	return 0;
}

static int read_rounds(struct bench *b, const char *older, const char *newer, size_t rounds,
		       struct err *e)
{
	static double ms[ROUNDS_MAX];
	size_t blobs = 0;
	for (size_t i = 0; i < rounds; i++) {
		if (read_again(&ms[i], &blobs, b, older, newer, e) != 0)
			return -1;
	}
	qsort(ms, rounds, sizeof ms[0], by_value);
	printf("%.3f\n", ms[rounds / 2]);
	fprintf(stderr, "%zu blobs read\n", blobs);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct bench b = { .bytes = 0 };
	AUTO(glob) struct glob *glob = NULL;
	if (argc != 4 && argc != 6) {
		fprintf(stderr, "usage: %s MIRROR COMMIT PATTERN [NEW ROUNDS]\n", argv[0]);
		return 2;
	}
	unsigned long rounds = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	int rc = repo_library_init(&e);
	if (rc == 0)
		rc = glob_compile(&glob, str_of(argv[3]), &e);
	b.mirror = str_of(argv[1]);
	b.glob = glob;
	if (rc == 0 && rounds == 0)
		rc = read_once(&b, argv[2], &e);
	else if (rc == 0)
		rc = read_rounds(&b, argv[2], argv[4], rounds, &e);
	if (rc != 0)
		fprintf(stderr, "gitread: %s\n", e.msg);
	repo_library_shutdown();
	return rc == 0 ? 0 : 1;
}
