/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytebase keeps its revisions on its own server: they come as the JSON of RevisionService's
 * ListRevisions, or as a table with the same columns in CSV.
 */

#include "base/csv.h"
#include "base/digest.h"
#include "base/json.h"
#include "release/adopt_read.h"

#include <string.h>

/* One revision, in whatever form it came. */
struct revision_text {
	struct str version, file, sha256, created, type, deleted;
};

static int is_sha256(struct str s)
{
	unsigned char sum[SHA256_BYTES];
	struct err ignored;
	return s.n == 2 * (size_t)SHA256_BYTES && hex_decode(sum, sizeof sum, s, &ignored) == 0;
}

/* "projects/P/releases/R/files/migrations%2F1.sql": the path behind "files/", as it is written. */
static struct str path_of(struct str file)
{
	const struct str mark = STR("/files/");
	for (size_t i = 0; i + mark.n <= file.n; i++) {
		if (memcmp(file.p + i, mark.p, mark.n) == 0)
			return str_from(file, i + mark.n);
	}
	return file;
}

static int add_revision(struct adopt_reader *r, const struct revision_text *t, struct err *e)
{
	if (t->deleted.n > 0)
		return adopt_note(r, t->version, "a deleted revision", e);
	if (t->type.n > 0 && !str_eq_cstr(t->type, "VERSIONED"))
		return adopt_note(r, t->version, "no versioned revision", e);
	if (t->sha256.n > 0 && !is_sha256(t->sha256))
		return err_set(e, ERR_INPUT, "revision '%.*s': sheet_sha256 is no SHA-256",
			       STR_ARG(str_first(t->version, 48)));
	const struct adopt_event event = {
		.version = t->version,
		.label = path_of(t->file),
		.sha256 = t->sha256.n > 0 ? t->sha256 : STR_NULL,
		.applied_ms = adopt_time(t->created),
	};
	return adopt_add(r, &event, e);
}

/* ---- CSV ---- */

enum { COLUMNS = 6 };

/* Where the known columns are, in the order of struct revision_text; -1: absent. */
static int read_header(int at[COLUMNS], struct csv *c, struct err *e)
{
	static const char *const names[COLUMNS] = { "version",     "file", "sheet_sha256",
						    "create_time", "type", "delete_time" };
	struct str fields[CSV_FIELDS_MAX];
	size_t n;
	int rc = csv_next(fields, &n, c, e);
	if (rc < 0)
		return -1;
	for (int i = 0; i < COLUMNS; i++) {
		at[i] = -1;
		for (size_t j = 0; rc == 1 && j < n; j++) {
			if (str_eq_nocase(str_trim(fields[j]), str_of(names[i])))
				at[i] = (int)j;
		}
	}
	if (at[0] < 0)
		return err_set(e, ERR_INPUT,
			       "line 1: there is no column 'version' (expected a header such as "
			       "version,file,sheet_sha256,create_time)");
	return 0;
}

static struct str field(const struct str *fields, size_t n, int at)
{
	return at >= 0 && (size_t)at < n ? str_trim(fields[at]) : STR_NULL;
}

int adopt_bytebase_csv(struct adopt_history *out, struct str text, struct arena *arena,
		       struct err *e)
{
	struct adopt_reader r = { .arena = arena };
	struct str f[CSV_FIELDS_MAX];
	struct csv c;
	int at[COLUMNS], rc;
	size_t n;
	csv_init(&c, text, arena);
	if (read_header(at, &c, e) != 0)
		return -1;
	while ((rc = csv_next(f, &n, &c, e)) == 1) {
		if (n == 1 && f[0].n == 0)
			continue; /* an empty line */
		const struct revision_text t = {
			.version = field(f, n, at[0]),
			.file = field(f, n, at[1]),
			.sha256 = field(f, n, at[2]),
			.created = field(f, n, at[3]),
			.type = field(f, n, at[4]),
			.deleted = field(f, n, at[5]),
		};
		if (add_revision(&r, &t, e) != 0)
			return err_wrap(e, "line %zu", c.line);
	}
	if (rc == 0)
		*out = r.history;
	return rc;
}

/* ---- JSON ---- */

int adopt_bytebase_json(struct adopt_history *out, struct str *next_page, struct str text,
			struct arena *arena, struct err *e)
{
	struct adopt_reader r = { .history = *out, .arena = arena };
	struct json *root;
	r.cap_events = r.history.n;
	r.cap_notes = r.history.n_notes;
	if (json_parse(&root, text, arena, e) != 0)
		return -1;
	const struct json *list = json_get(root, "revisions");
	if (root->kind != JSON_OBJECT || (list != NULL && list->kind != JSON_ARRAY))
		return err_set(
		    e, ERR_INPUT,
		    "this is no answer of ListRevisions (expected {\"revisions\": [...]})");
	for (const struct json *j = list != NULL ? list->child : NULL; j != NULL; j = j->next) {
		const struct revision_text t = {
			.version = json_str(json_get(j, "version")),
			.file = json_str(json_get(j, "file")),
			.sha256 = json_str(json_get(j, "sheetSha256")),
			.created = json_str(json_get(j, "createTime")),
			.type = json_str(json_get(j, "type")),
			.deleted = json_str(json_get(j, "deleteTime")),
		};
		if (add_revision(&r, &t, e) != 0)
			return -1;
	}
	*next_page = json_str(json_get(root, "nextPageToken"));
	if (next_page->n == 0)
		*next_page = STR_NULL;
	*out = r.history;
	return 0;
}

const struct adopt_source adopt_bytebase = {
	.name = "bytebase",
	.tool = "Bytebase",
};
