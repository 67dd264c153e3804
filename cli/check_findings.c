/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet of a thousand databases has the same finding a thousand times: it is told once. */
#include "cli/check_findings.h"

#include <stdlib.h>

static int by_number(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

/* The same thing of the same place is 0. */
static int compare(const struct check_finding *a, const struct check_finding *b)
{
	int order = by_number(a->file == NULL, b->file == NULL);

	if (order == 0 && a->file != NULL) /* both are in the manifest's array */
		order = a->file < b->file ? -1 : a->file > b->file;
	if (order == 0)
		order = by_number(a->advice->place.line, b->advice->place.line);
	if (order == 0)
		order = by_number(a->advice->place.column, b->advice->place.column);
	if (order == 0)
		order = by_number((size_t)a->advice->rule, (size_t)b->advice->rule);
	if (order == 0)
		order = by_number((size_t)a->advice->level, (size_t)b->advice->level);
	return order != 0 ? order : str_cmp(a->advice->content, b->advice->content);
}

static int by_place(const void *a, const void *b)
{
	const struct check_finding *x = a, *y = b;
	const int order = compare(x, y);

	return order != 0 ? order : by_number(x->target, y->target);
}

static size_t count_all(const struct review *r)
{
	size_t n = r->n_misses;

	for (size_t i = 0; i < r->n; i++)
		n += r->results[i].n;
	return n;
}

static size_t collect(struct check_finding *out, const struct check_report *report)
{
	const struct review *r = report->review;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->results[i].n; k++)
			out[n++] = (struct check_finding){
				.file = &report->job->manifest->files[r->results[i].file],
				.advice = &r->results[i].advices[k],
				.target = r->results[i].target,
				.targets = 1,
			};
	}
	for (size_t i = 0; i < r->n_misses; i++)
		out[n++] = (struct check_finding){ .advice = &r->misses[i].advice,
						   .target = r->misses[i].target,
						   .targets = 1 };
	return n;
}

/* Sorted: the same ones stand together. One target counts once. */
static size_t join(struct check_finding *list, size_t n)
{
	size_t kept = 0, last_target = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && compare(&list[kept - 1], &list[i]) == 0) {
			list[kept - 1].targets += list[i].target != last_target;
		} else {
			list[kept++] = list[i];
		}
		last_target = list[i].target;
	}
	return kept;
}

/* The same text may be found several times in one file: its number keeps them apart. */
static size_t number_of(const struct check_finding *list, size_t at)
{
	size_t number = 0;

	for (size_t i = at; i > 0 && list[i - 1].file == list[at].file; i--)
		number += list[i - 1].advice->rule == list[at].advice->rule &&
			  str_eq(list[i - 1].advice->content, list[at].advice->content);
	return number;
}

static int add_fingerprint(struct check_finding *list, size_t at, struct digest *d, struct err *e)
{
	struct check_finding *f = &list[at];
	unsigned char sum[SHA256_BYTES];
	AUTO(buf) struct buf text;

	buf_init(&text, 1024 * 1024);
	if (f->file != NULL)
		buf_add(&text, f->file->path);
	buf_addc(&text, '\0');
	buf_adds(&text, rule_id(f->advice->rule));
	buf_addc(&text, '\0');
	buf_add(&text, f->advice->content);
	buf_addf(&text, "%c%zu", '\0', number_of(list, at));
	if (buf_check(&text, e) != 0 || digest_sha256(d, sum, buf_str(&text), e) != 0)
		return -1;
	(void)hex_encode(f->fingerprint, sum, sizeof(sum));
	return 0;
}

int check_findings(struct check_report *report, struct arena *arena, struct err *e)
{
	const size_t all = count_all(report->review);
	struct check_finding *list = arena_array(arena, all, sizeof(*list));
	AUTO(digest) struct digest *d = digest_new();
	size_t n;

	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (list == NULL)
		return arena_err(arena, e);
	n = collect(list, report);
	if (n > 0)
		qsort(list, n, sizeof(*list), by_place);
	n = join(list, n);
	for (size_t i = 0; i < n; i++) {
		if (add_fingerprint(list, i, d, e) != 0)
			return -1;
	}
	report->findings = list;
	report->n = n;
	return 0;
}
