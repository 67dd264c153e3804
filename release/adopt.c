/* SPDX-License-Identifier: Apache-2.0 */
/* Which tools' histories are known, where their tables are, and what a history comes to. */

#include "release/adopt.h"

#include "base/buf.h"
#include "release/version.h"

#include <stdlib.h>

enum { TABLE_MAX = 128, VERSION_SHOWN = 48, PATH_SHOWN = 128 };

static const struct adopt_source *const sources[] = { &adopt_flyway,         &adopt_goose,
						      &adopt_golang_migrate, &adopt_dbmate,
						      &adopt_bytebase,       NULL };

const struct adopt_source *const *adopt_sources(void)
{
	return sources;
}

const struct adopt_source *adopt_find(struct str name)
{
	for (size_t i = 0; sources[i] != NULL; i++) {
		if (str_eq_cstr(name, sources[i]->name))
			return sources[i];
	}
	return NULL;
}

/* ---- the table ---- */

static int is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return 0;
	}
	return s.n > 0 && s.n <= TABLE_MAX;
}

/* "NAME" or "SCHEMA.NAME", which need no quotes. */
static int is_table(struct str table)
{
	size_t dot = str_find(table, '.');
	if (dot == table.n)
		return is_plain(table);
	return is_plain(str_first(table, dot)) && is_plain(str_from(table, dot + 1));
}

/* A name of a table, looked for in every schema. */
static int find_table(struct buf *out, struct db *target, struct str name, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	const char *sql = db_driver_of(target)->tables_named;
	size_t found = 0;
	int rc;
	if (db_query(&rows, target, sql, DB_ARGS(DB_S(name), DB_S(name), DB_S(name), DB_S(name)),
		     e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		struct str schema = db_text(rows, 0);
		buf_addf(out, "%s%.*s%s%.*s", found++ > 0 ? ", " : "", STR_ARG(schema),
			 schema.n > 0 ? "." : "", STR_ARG(name));
	}
	if (rc < 0 || buf_check(out, e) != 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "there is no table '%.*s' in this database",
			       STR_ARG(name));
	if (found > 1)
		return err_set(e, ERR_INPUT,
			       "table '%.*s' is in several schemas: say which by --table (%s)",
			       STR_ARG(name), out->p);
	if (!is_table(buf_str(out)))
		return err_set(
		    e, ERR_INPUT,
		    "table '%s' has a schema whose name would need quotes: not supported", out->p);
	return 0;
}

static int name_table(struct buf *out, const struct adopt_source *source, struct db *target,
		      struct str table, struct err *e)
{
	if (table.p != NULL && !is_table(table))
		return err_set(e, ERR_INPUT,
			       "malformed table (expected a name or SCHEMA.NAME of letters, digits "
			       "and '_')");
	if (str_find(table, '.') < table.n) {
		buf_add(out, table);
		return buf_check(out, e);
	}
	return find_table(out, target, table.p != NULL ? table : str_of(source->table), e);
}

int adopt_read(struct adopt_history *out, const struct adopt_source *source, struct db *target,
	       struct str table, struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf name;
	buf_init(&name, 4096);
	if (source->read == NULL || db_driver_of(target)->tables_named == NULL)
		return err_set(e, ERR_INPUT, "%s keeps no history in the database", source->tool);
	if (name_table(&name, source, target, table, e) != 0 ||
	    source->read(out, target, name.p, arena, e) != 0)
		return err_wrap(e, "cannot read %s's history", source->tool);
	return 0;
}

/* ---- what it comes to ---- */

/* An event with its canonical version. */
struct candidate {
	struct str version;
	const struct adopt_event *event;
};

struct builder {
	const struct adopt_source *source;
	const struct manifest *files; /* may be NULL */
	struct adopt_history *history;
	struct candidate *candidates; /* by version, then as they came; then one of each */
	size_t n;
	struct baseline_item *items;
	size_t n_items;
	struct adopt_note *notes;
	size_t n_notes;
	struct arena *arena;
};

static int by_version(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;
	int order = version_compare(x->version, y->version);
	if (order != 0)
		return order;
	return x->event < y->event ? -1 : x->event > y->event;
}

static int canonical(struct str *out, struct builder *b, struct str version, struct err *e)
{
	char text[VERSION_TEXT];
	if (version_canonical(text, version, e) != 0)
		return err_wrap(e, "%s's history holds what is no version here: '%.*s'",
				b->source->tool, STR_ARG(str_first(version, VERSION_SHOWN)));
	*out = arena_str(b->arena, str_of(text));
	return out->p != NULL ? 0 : arena_err(b->arena, e);
}

/* The last event of each version, if it was not taken back. */
static int choose(struct builder *b, struct err *e)
{
	size_t kept = 0;
	b->candidates = arena_array(b->arena, b->history->n, sizeof *b->candidates);
	if (b->candidates == NULL)
		return arena_err(b->arena, e);
	b->n = b->history->n;
	for (size_t i = 0; i < b->n; i++) {
		b->candidates[i].event = &b->history->events[i];
		if (canonical(&b->candidates[i].version, b, b->history->events[i].version, e) != 0)
			return -1;
	}
	if (b->n > 0)
		qsort(b->candidates, b->n, sizeof *b->candidates, by_version);
	for (size_t i = 0; i < b->n; i++) {
		int last = i + 1 == b->n || version_compare(b->candidates[i].version,
							    b->candidates[i + 1].version) != 0;
		if (last && !b->candidates[i].event->undone)
			b->candidates[kept++] = b->candidates[i];
	}
	b->n = kept;
	return 0;
}

static const struct migration *find_file(const struct builder *b, struct str version)
{
	size_t low = 0;
	size_t high = b->files != NULL ? b->files->n : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = version_compare(b->files->files[mid].version, version);
		if (order == 0)
			return &b->files->files[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void add_note(struct builder *b, struct str what, const char *why)
{
	b->notes[b->n_notes++] = (struct adopt_note){ what, str_of(why) };
}

/* A script whose name says another version here than the other tool read from it. */
static int note_label(struct builder *b, const struct candidate *c, struct err *e)
{
	char here[VERSION_TEXT];
	struct str version;
	struct err ignored;
	const struct str label = c->event->label;
	if (label.n == 0 || !version_of_path(&version, label) ||
	    version_canonical(here, version, &ignored) != 0 || str_eq_cstr(c->version, here))
		return 0;
	const char *why = arena_printf(b->arena,
				       "taken as version %.*s, but a file of this name is version "
				       "%s here: write the version with dots in the file's name",
				       STR_ARG(c->version), here);
	if (why == NULL)
		return arena_err(b->arena, e);
	add_note(b, label, why);
	return 0;
}

static int add_file(struct builder *b, const struct candidate *c, const struct migration *file,
		    struct err *e)
{
	const struct adopt_event *event = c->event;
	if (event->sha256.n > 0 && !str_eq_cstr(event->sha256, file->sha256))
		return err_set(e, ERR_REFUSED,
			       "'%.*s' is not what %s applied as version '%.*s' (sha256 %.8s.. "
			       "here, %.*s.. there): restore the file; nothing was taken over",
			       STR_ARG(str_first(file->path, PATH_SHOWN)), b->source->tool,
			       STR_ARG(str_first(c->version, VERSION_SHOWN)), file->sha256,
			       STR_ARG(str_first(event->sha256, 8)));
	b->items[b->n_items++] = (struct baseline_item){ .version = c->version,
							 .path = file->path,
							 .sha256 = str_of(file->sha256),
							 .applied_ms = event->applied_ms };
	return 0;
}

static int add_event(struct builder *b, const struct candidate *c, struct err *e)
{
	const struct migration *file = find_file(b, c->version);
	const struct adopt_event *event = c->event;
	if (note_label(b, c, e) != 0)
		return -1;
	if (file != NULL)
		return add_file(b, c, file, e);
	struct str path = event->label;
	if (path.n == 0)
		path =
		    str_of(arena_printf(b->arena, "%s %.*s", b->source->tool, STR_ARG(c->version)));
	if (path.p == NULL)
		return arena_err(b->arena, e);
	if (b->files != NULL)
		add_note(b, path, "no file has this version: taken over without its content");
	b->items[b->n_items++] = (struct baseline_item){ .version = c->version,
							 .path = path,
							 .sha256 = event->sha256,
							 .applied_ms = event->applied_ms };
	return 0;
}

static int has_item(const struct builder *b, size_t n, struct str version)
{
	for (size_t i = n; i > 0; i--) {
		int order = version_compare(b->items[i - 1].version, version);
		if (order <= 0)
			return order == 0;
	}
	return 0;
}

/* The newest mark, and every file up to it. */
static int add_marks(struct builder *b, struct err *e)
{
	struct baseline_item *items;
	size_t n;
	const struct candidate *mark = NULL;
	for (size_t i = 0; i < b->n; i++) {
		if (b->candidates[i].event->is_mark)
			mark = &b->candidates[i];
	}
	if (mark == NULL)
		return 0;
	if (baseline_items(&items, &n, mark->version, b->files, b->arena, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		b->items[b->n_items] = items[i];
		b->items[b->n_items++].applied_ms = mark->event->applied_ms;
	}
	return 0;
}

static int add_events(struct builder *b, struct err *e)
{
	const size_t marked = b->n_items;
	for (size_t i = 0; i < b->n; i++) {
		const struct candidate *c = &b->candidates[i];
		if (c->event->is_mark || has_item(b, marked, c->version))
			continue;
		if (add_event(b, c, e) != 0)
			return -1;
	}
	return 0;
}

static int item_order(const void *a, const void *b)
{
	const struct baseline_item *x = a;
	const struct baseline_item *y = b;
	return version_compare(x->version, y->version);
}

/* Files that the history does not have although it goes on behind them. */
static void note_files(struct builder *b)
{
	size_t at = 0;
	for (size_t i = 0; b->files != NULL && i < b->files->n && at < b->n_items;) {
		int order = version_compare(b->files->files[i].version, b->items[at].version);
		if (order > 0) {
			at++;
			continue;
		}
		if (order < 0)
			add_note(b, b->files->files[i].path,
				 "not in the history, and older than its newest version: a rollout "
				 "would refuse it as out of order");
		i++;
	}
}

static int make_room(struct builder *b, struct err *e)
{
	const size_t files = b->files != NULL ? b->files->n : 0;
	const struct adopt_history *h = b->history;
	b->items = arena_array(b->arena, b->n + files + 1, sizeof *b->items);
	b->notes = arena_array(b->arena, h->n_notes + 2 * b->n + files, sizeof *b->notes);
	if (b->items == NULL || b->notes == NULL)
		return arena_err(b->arena, e);
	for (size_t i = 0; i < h->n_notes; i++)
		b->notes[b->n_notes++] = h->notes[i];
	return 0;
}

int adopt_items(struct baseline_item **out, size_t *n, struct adopt_history *history,
		const struct adopt_source *source, const struct manifest *files,
		struct arena *arena, struct err *e)
{
	struct builder b = { .source = source, .files = files, .history = history, .arena = arena };
	if (choose(&b, e) != 0)
		return -1;
	if (b.n == 0)
		return err_set(e, ERR_NOTFOUND, "%s's history has no applied version",
			       source->tool);
	if (make_room(&b, e) != 0 || add_marks(&b, e) != 0 || add_events(&b, e) != 0)
		return -1;
	qsort(b.items, b.n_items, sizeof *b.items, item_order);
	note_files(&b);
	history->notes = b.notes;
	history->n_notes = b.n_notes;
	*out = b.items;
	*n = b.n_items;
	return 0;
}
