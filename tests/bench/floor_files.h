/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_FLOOR_FILES_H
#define TESTS_BENCH_FLOOR_FILES_H

/* The migrations of a directory, in the order of their names, for the floor programs: which are
 * measures, and so use no code of ours. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct floor_file {
	char name[256];
	char sql[4096];
};

struct floor_files {
	struct floor_file *p;
	size_t n;
};

static inline int floor_by_name(const void *a, const void *b)
{
	const struct floor_file *x = a;
	const struct floor_file *y = b;
	return strcmp(x->name, y->name);
}

static inline struct floor_files floor_load(const char *dir)
{
	struct floor_files files = { calloc(1024, sizeof *files.p), 0 };
	DIR *d = opendir(dir);
	if (d == NULL || files.p == NULL)
		exit(1);
	for (struct dirent *f = readdir(d); f != NULL && files.n < 1024; f = readdir(d)) {
		struct floor_file *file = &files.p[files.n];
		char path[4096];
		if (f->d_name[0] == '.')
			continue;
		(void)snprintf(file->name, sizeof file->name, "%s", f->d_name);
		(void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		FILE *in = fopen(path, "rb");
		if (in == NULL || fread(file->sql, 1, sizeof file->sql - 1, in) == 0)
			exit(1);
		(void)fclose(in);
		files.n++;
	}
	(void)closedir(d);
	qsort(files.p, files.n, sizeof *files.p, floor_by_name);
	return files;
}

/* The place of `name` in the files, or their number. */
static inline size_t floor_find(const struct floor_files *files, const char *name)
{
	size_t i = 0;
	while (i < files->n && strcmp(files->p[i].name, name) != 0)
		i++;
	return i;
}

static inline double floor_now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void floor_print(size_t databases, const struct floor_files *files, size_t applied,
			       double start)
{
	struct timespec cpu;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("databases=%zu migrations=%zu applied=%zu cpu=%.3f seconds=%.3f\n", databases,
	       files->n, applied, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9,
	       floor_now() - start);
}

#endif
