/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of state "baseline": compared with the ledger, and written all or none. */

#include "release/baseline.h"

#include "release/store.h"
#include "release/version.h"

#include <stdlib.h>

enum { VERSION_SHOWN = 48 };

const char *baseline_verdict_name(enum baseline_verdict v)
{
	switch (v) {
	case BASELINE_TAKEN:
		return "taken";
	case BASELINE_PRESENT:
		return "present";
	case BASELINE_CONFLICT:
		return "conflict";
	}
	return "";
}

int baseline_is_mark(const struct revision *r)
{
	return r->path.n == 0 && r->sha256.n == 0 && str_eq_cstr(r->state, "baseline");
}

/* ---- which items ---- */

int baseline_items(struct baseline_item **out, size_t *n, struct str version,
		   const struct manifest *files, struct arena *arena, struct err *e)
{
	const size_t room = files != NULL ? files->n : 0;
	struct baseline_item *items = arena_array(arena, room + 1, sizeof *items);
	size_t count = 0;
	int has_version = 0;
	if (items == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < room; i++) {
		const struct migration *file = &files->files[i];
		int order = version_compare(file->version, version);
		if (order > 0)
			break;
		has_version = order == 0;
		items[count++] = (struct baseline_item){ .version = file->version,
							 .path = file->path,
							 .sha256 = str_of(file->sha256) };
	}
	if (!has_version)
		items[count++] = (struct baseline_item){ .version = version };
	*out = items;
	*n = count;
	return 0;
}

/* ---- against the ledger ---- */

struct work {
	struct baseline_report report;
	const struct baseline_request *request;
	struct arena *arena;
};

static int by_version(const void *a, const void *b)
{
	const struct baseline_row *x = a;
	const struct baseline_row *y = b;
	return version_compare(x->item.version, y->item.version);
}

static int make_rows(struct work *w, struct err *e)
{
	struct baseline_report *r = &w->report;
	r->rows = arena_array(w->arena, w->request->n, sizeof *r->rows);
	if (r->rows == NULL)
		return arena_err(w->arena, e);
	r->n = w->request->n;
	for (size_t i = 0; i < r->n; i++)
		r->rows[i].item = w->request->items[i];
	if (r->n > 0)
		qsort(r->rows, r->n, sizeof *r->rows, by_version);
	for (size_t i = 1; i < r->n; i++) {
		if (by_version(&r->rows[i - 1], &r->rows[i]) == 0)
			return err_set(e, ERR_INPUT,
				       "version '%.*s' stands twice in what is to be taken over",
				       STR_ARG(str_first(r->rows[i].item.version, VERSION_SHOWN)));
	}
	return 0;
}

static void judge(struct baseline_row *row, const struct revision *there)
{
	if (there == NULL)
		return;
	row->verdict = BASELINE_PRESENT;
	if (str_eq_cstr(there->state, "started")) {
		row->verdict = BASELINE_CONFLICT;
		row->why = STR("the ledger says that it was started and not finished");
	} else if (there->sha256.n > 0 && row->item.sha256.n > 0 &&
		   !str_eq(there->sha256, row->item.sha256)) {
		row->verdict = BASELINE_CONFLICT;
		row->why = STR("the ledger has it with another content");
	} else {
		row->why = str_eq_cstr(there->state, "applied") ? STR("applied by tidegate")
								: STR("a baseline already");
	}
}

/* Both lists are in version order. */
static void judge_all(struct work *w, const struct revision *ledger, size_t n)
{
	struct baseline_report *r = &w->report;
	size_t at = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct baseline_row *row = &r->rows[i];
		int order = -1;
		while (at < n &&
		       (order = version_compare(ledger[at].version, row->item.version)) < 0)
			at++;
		judge(row, at < n && order == 0 ? &ledger[at] : NULL);
		r->counts[row->verdict]++;
	}
}

static int check_all(const struct work *w, const struct revision *ledger, size_t n, struct err *e)
{
	const struct str over = w->request->refuse_over;
	if (over.p != NULL && n > 0 && version_compare(ledger[n - 1].version, over) > 0)
		return err_set(e, ERR_REFUSED,
			       "the ledger has version '%.*s' already, which is newer than '%.*s': "
			       "a baseline says where a database was before its first rollout",
			       STR_ARG(str_first(ledger[n - 1].version, VERSION_SHOWN)),
			       STR_ARG(str_first(over, VERSION_SHOWN)));
	for (size_t i = 0; i < w->report.n; i++) {
		const struct baseline_row *row = &w->report.rows[i];
		if (row->verdict == BASELINE_CONFLICT)
			return err_set(e, ERR_REFUSED,
				       "version '%.*s' conflicts: %.*s; nothing was taken over",
				       STR_ARG(str_first(row->item.version, VERSION_SHOWN)),
				       STR_ARG(row->why));
	}
	return 0;
}

static int insert_all(const struct work *w, struct db *target, struct err *e)
{
	for (size_t i = 0; i < w->report.n; i++) {
		const struct baseline_row *row = &w->report.rows[i];
		const struct baseline_item *item = &row->item;
		const struct revision revision = {
			.version = item->version,
			.path = store_text(item->path, w->arena),
			.sha256 = item->sha256,
			.state = STR("baseline"),
			.applied_by = store_text(w->request->applied_by, w->arena),
			.applied_ms = item->applied_ms != 0 ? item->applied_ms : w->request->now_ms,
		};
		if (row->verdict == BASELINE_TAKEN && revision_insert(target, &revision, e) != 0)
			return err_wrap(e, "version '%.*s'",
					STR_ARG(str_first(item->version, VERSION_SHOWN)));
	}
	return 0;
}

/* Within a transaction, so that nobody writes to the ledger between the look and the rows. */
static int look_and_write(struct work *w, struct db *target, struct err *e)
{
	struct revision *ledger;
	size_t n;
	if (revision_load(&ledger, &n, target, w->arena, e) != 0)
		return -1;
	judge_all(w, ledger, n);
	if (check_all(w, ledger, n, e) != 0)
		return -1;
	return insert_all(w, target, e);
}

static int record(struct work *w, struct db *target, struct err *e)
{
	if (db_lock(target, w->request->lock_wait_ms, e) != 0 || revision_prepare(target, e) != 0 ||
	    db_begin(target, e) != 0)
		return -1;
	if (look_and_write(w, target, e) != 0) {
		db_rollback(target);
		return -1;
	}
	return db_commit(target, e);
}

static int look(struct work *w, struct db *target, struct err *e)
{
	struct revision *ledger;
	size_t n;
	if (revision_list(&ledger, &n, target, w->arena, e) != 0)
		return -1;
	judge_all(w, ledger, n);
	return check_all(w, ledger, n, e);
}

int baseline_record(struct baseline_report *out, struct db *target,
		    const struct baseline_request *request, struct arena *arena, struct err *e)
{
	struct work w = { .request = request, .arena = arena };
	*out = w.report;
	if (make_rows(&w, e) != 0)
		return -1;
	int rc = request->dry_run ? look(&w, target, e) : record(&w, target, e);
	*out = w.report;
	return rc;
}
