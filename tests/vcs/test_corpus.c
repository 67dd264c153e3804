/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of every provider with an INDEX.tsv that says what each means: our own ones, and those of
 * the folder that $TIDEGATE_PAYLOADS names (one folder per provider in it). Each body is read and
 * compared fact by fact; where the index holds a signature it is checked too.
 */

#include "base/arena.h"
#include "base/digest.h"
#include "base/num.h"
#include "vcs/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS_MAX = 32, BODY_MAX = 4 << 20 };

struct table {
	struct str names[COLUMNS_MAX];
	struct str cells[COLUMNS_MAX];
	size_t n;
};

static struct str cell(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (str_eq_cstr(t->names[i], name))
			return t->cells[i];
	}
	fail_msg("the index has no column '%s'", name);
	return STR_NULL;
}

static size_t split_row(struct str *cells, struct str line)
{
	size_t n = 0;
	while (n < COLUMNS_MAX && str_split(&cells[n], &line, '\t'))
		n++;
	return n;
}

static struct str read_file(struct arena *arena, const char *folder, struct str name)
{
	const char *path = arena_printf(arena, "%s/%.*s", folder, STR_ARG(name));
	AUTO(fclose) FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("cannot read '%s'", path);
	char *text = arena_alloc(arena, BODY_MAX);
	assert_non_null(text);
	size_t n = fread(text, 1, BODY_MAX, f);
	assert_in_range(n, 1, BODY_MAX - 1);
	return (struct str){ text, n };
}

/* Cells that say less than the body: the index does not read resource.closedBy. */
static const char *const incomplete[][2] = {
	{ "zulip+zulip__code_pull_request__merged.json", "actor" },
};

static int is_incomplete(const struct table *t, const char *column)
{
	for (size_t i = 0; i < sizeof incomplete / sizeof incomplete[0]; i++) {
		if (str_eq_cstr(t->cells[0], incomplete[i][0]) &&
		    strcmp(column, incomplete[i][1]) == 0)
			return str_eq_cstr(cell(t, column), "-");
	}
	return 0;
}

/* One fact against its cell; counts the difference and says it. */
static int differs(const struct table *t, const char *column, struct str is)
{
	struct str want = cell(t, column);
	struct str shown = is.p != NULL ? is : STR("-");
	if (str_eq(want, shown) || is_incomplete(t, column))
		return 0;
	print_error("%.*s: %s is '%.*s', expected '%.*s'\n", STR_ARG(t->cells[0]), column,
		    STR_ARG(shown), STR_ARG(want));
	return 1;
}

static const char *bot_name(const struct event *ev)
{
	switch (ev->author.bot) {
	case EVENT_BOT_UNKNOWN:
		return ev->author.id.p == NULL && ev->author.login.p == NULL ? "-" : "unknown";
	case EVENT_BOT_NO:
		return "no";
	case EVENT_BOT_YES:
		return "yes";
	}
	return "?";
}

/* Bitbucket Cloud says null for a tip that is gone. */
static struct str tip_of(const struct event *ev)
{
	return ev->deleted && ev->merge_commit.p == NULL ? STR("(null)") : ev->merge_commit;
}

static int event_differs(const struct table *t, const struct event *ev)
{
	const int is_pr = ev->kind == EVENT_PR || ev->kind == EVENT_MERGE;
	const int is_push = ev->kind == EVENT_PUSH;
	const char *merged = ev->kind == EVENT_MERGE ? "yes" : "no";
	return differs(t, "kind", str_of(event_kind_name(ev->kind))) +
	       differs(t, "merged", is_pr ? str_of(merged) : STR_NULL) +
	       differs(t, "repo", ev->repository) + differs(t, "pr", ev->pull_request.number) +
	       differs(t, "target_branch", ev->target_branch) +
	       differs(t, "source_branch", ev->source_branch) +
	       differs(t, "merge_commit", is_pr ? ev->merge_commit : STR_NULL) +
	       differs(t, "push_after", is_push ? tip_of(ev) : STR_NULL) +
	       differs(t, "author_id", ev->author.id) +
	       differs(t, "author_login", ev->author.login) +
	       differs(t, "is_bot", str_of(bot_name(ev))) + differs(t, "actor", ev->actor);
}

enum { VECTOR_HEADERS_MAX = 4 };

/* "Name: value", or several of them with " | " between. */
static size_t read_vector(struct header *headers, struct str vector)
{
	size_t n = 0;
	struct str part;
	while (n < VECTOR_HEADERS_MAX && str_split(&part, &vector, '|')) {
		size_t colon = str_find(part, ':');
		headers[n].name = str_trim(str_first(part, colon));
		headers[n].value = str_trim(str_from(part, colon + 1));
		n++;
	}
	return n;
}

static int64_t signed_time(const struct request *r)
{
	struct str text;
	int64_t now_s;
	if (request_header(&text, r, "webhook-timestamp", NULL) != 0 || text.p == NULL)
		return 1;
	assert_int_equal(num_parse_i64(&now_s, text, 0, INT64_MAX), 0);
	return now_s;
}

/* Passwords and tokens say nothing about the body. */
static int signs_the_body(const struct request *r)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		if (str_ends(r->headers[i].name, STR("-256")) ||
		    str_ends(r->headers[i].name, STR("ignature")))
			return 1;
	}
	return 0;
}

/* The index's signature must be taken, and must not be with another secret or one byte less. */
static int signature_differs(const struct table *t, const struct provider *p, struct str body,
			     struct digest *d)
{
	struct header headers[VECTOR_HEADERS_MAX];
	const struct str vector = cell(t, "sig_vector");
	/* GitHub's SHA-1 is not taken. */
	if (str_eq_cstr(vector, "-") || str_starts(vector, STR("X-Hub-Signature: sha1")))
		return 0;
	struct request r = { headers, read_vector(headers, vector), body };
	const int64_t now_s = signed_time(&r);
	const struct str secrets[] = { STR("another"), cell(t, "sig_test_secret") };
	struct err e = { .code = ERR_NONE };
	int wrong = p->authenticate(&r, secrets, 2, now_s, d, &e) != 0;
	wrong |= p->authenticate(&r, secrets, 1, now_s, d, &e) == 0;
	r.body.n--;
	wrong |= signs_the_body(&r) && p->authenticate(&r, secrets, 2, now_s, d, &e) == 0;
	if (wrong)
		print_error("%.*s: the signature is judged wrongly\n", STR_ARG(t->cells[0]));
	return wrong;
}

static int row_differs(const struct table *t, const struct provider *p, const char *folder,
		       struct digest *d)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, 64 << 20);
	struct str body = read_file(&arena, folder, cell(t, "file"));
	const struct header headers[] = {
		{ STR("Content-Type"), cell(t, "content_type") },
		{ str_of(p->event_header), cell(t, "event_header") },
	};
	const struct request r = { headers, p->event_header != NULL ? 2 : 1, body };
	struct event event;
	struct err e = { .code = ERR_NONE };
	int differences = signature_differs(t, p, body, d);
	if (p->parse(&event, &r, &arena, &e) != 0) {
		print_error("%.*s: %s\n", STR_ARG(t->cells[0]), e.msg);
		return differences + 1;
	}
	return differences + event_differs(t, &event);
}

/* Every row of the folder's index. */
static size_t count_differences(const struct provider *p, const char *folder, size_t *rows)
{
	AUTO(arena) struct arena arena;
	AUTO(digest) struct digest *d = digest_new();
	struct table t;
	struct str line;
	size_t differences = 0;
	arena_init(&arena, 16 << 20);
	assert_non_null(d);
	struct str index = read_file(&arena, folder, STR("INDEX.tsv"));
	assert_int_equal(str_split(&line, &index, '\n'), 1);
	t.n = split_row(t.names, line);
	while (str_split(&line, &index, '\n')) {
		if (line.n == 0)
			continue;
		assert_int_equal(split_row(t.cells, line), t.n);
		differences += (size_t)row_differs(&t, p, folder, d);
		(*rows)++;
	}
	return differences;
}

/* The folder below `root` of every provider. */
static void check_folders(const char *root, size_t at_least)
{
	size_t differences = 0;
	for (const struct provider *const *p = provider_all(); *p != NULL; p++) {
		char folder[1024];
		size_t rows = 0;
		/* Nobody sends what its own hook makes. */
		if (*p == &provider_git)
			continue;
		(void)snprintf(folder, sizeof folder, "%s/%s", root, (*p)->name);
		size_t here = count_differences(*p, folder, &rows);
		print_message("%s: %zu bodies, %zu differences\n", folder, rows, here);
		assert_in_range(rows, at_least, 100000);
		differences += here;
	}
	assert_int_equal(differences, 0);
}

static void test_corpus_own_fixtures(void **state)
{
	(void)state;
	check_folders("vcs/fixtures", 10);
}

static void test_corpus_of_the_field(void **state)
{
	(void)state;
	const char *root = getenv("TIDEGATE_PAYLOADS");
	/* Without the corpus the fixtures alone speak. */
	if (root == NULL)
		skip();
	check_folders(root, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus_own_fixtures),
		cmocka_unit_test(test_corpus_of_the_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
