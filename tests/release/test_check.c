/* SPDX-License-Identifier: Apache-2.0 */
/* The decision over files and ledger, as a table. */

#include "release/check.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 8 };

/* "1a 2b" is version 1 with content a, and 2 with content b. A third letter is the ledger's state.
 */
struct world {
	struct arena arena;
	struct migration files[MOST];
	struct revision revisions[MOST];
	char hashes[MOST][SHA256_HEX];
	struct manifest manifest;
	size_t n_revisions;
};

static void hash(char out[SHA256_HEX], char fill)
{
	memset(out, fill, SHA256_HEX - 1);
	out[SHA256_HEX - 1] = '\0';
}

static void make(struct world *w, const char *files, const char *ledger)
{
	struct str part;
	struct str rest = str_of(files);
	*w = (struct world){ .manifest = { .files = w->files } };
	arena_init(&w->arena, 1 << 20);
	while (rest.n > 0 && str_split(&part, &rest, ' ')) {
		struct migration *f = &w->files[w->manifest.n++];
		f->version = str_first(part, part.n - 1);
		f->path = STR("m/x.sql");
		hash(f->sha256, part.p[part.n - 1]);
	}
	rest = str_of(ledger);
	while (rest.n > 0 && str_split(&part, &rest, ' ')) {
		struct revision *r = &w->revisions[w->n_revisions];
		int started = str_ends(part, STR("!"));
		int baseline = str_ends(part, STR("="));
		size_t n = part.n - (started || baseline ? 2 : 1);
		hash(w->hashes[w->n_revisions], part.p[n]);
		r->version = str_first(part, n);
		r->sha256 = baseline ? STR_NULL : str_of(w->hashes[w->n_revisions]);
		r->state = started ? STR("started") : baseline ? STR("baseline") : STR("applied");
		w->n_revisions++;
	}
}

/* One letter a file: Applied, Run, Edited, Out of order, Unfinished. */
static void verdicts(char out[MOST + 1], const struct check *check)
{
	for (size_t i = 0; i < check->n; i++)
		out[i] = "AREOU"[check->files[i].verdict];
	out[check->n] = '\0';
}

static void test_check_table(void **state)
{
	(void)state;
	static const struct {
		const char *files, *ledger;
		int out_of_order, edited;
		const char *verdicts;
		size_t to_run;
		int rc;
	} cases[] = {
		{ "", "", 0, 0, "", 0, 0 },
		{ "1a 2b", "", 0, 0, "RR", 2, 0 },
		{ "1a 2b", "1a", 0, 0, "AR", 1, 0 },
		{ "1a 2b", "1a 2b", 0, 0, "AA", 0, 0 },
		{ "1a 2b", "1a 2b 3c", 0, 0, "AA", 0, 0 },
		{ "1a 2b", "1b", 0, 0, "ER", 1, -1 },
		{ "1a 2b", "1b", 0, 1, "ER", 1, 0 },
		{ "1a 2b 3c", "1a 3c", 0, 0, "AOA", 0, -1 },
		{ "1a 2b 3c", "1a 3c", 1, 0, "AOA", 1, 0 },
		{ "9a 10b", "9a", 0, 0, "AR", 1, 0 },
		{ "9a 10b", "10b", 0, 0, "OA", 0, -1 },
		{ "1a 1.0b 1.0.1c", "1.0b", 0, 0, "OAR", 1, -1 },
		{ "1a 2b", "7z", 0, 0, "OO", 0, -1 },
		{ "1a 2b", "1a!", 0, 0, "UR", 2, 0 },
		{ "1a", "1b!", 1, 1, "E", 0, -1 },
		{ "1a 2b", "2b!", 0, 0, "OU", 1, -1 },
		{ "2b", "1a!", 0, 0, "R", 1, -1 },
		{ "1a 3c", "1a 2b!", 0, 0, "AR", 1, -1 },
		{ "1a 2b 4d", "1a 2b! 3c!", 1, 1, "AUR", 2, -1 },
		{ "1a", "1a 2b!", 0, 0, "A", 0, 0 },
		{ "1a 2b", "1x=", 0, 0, "AR", 1, 0 },
		{ "1a 2b 3c", "1a 2b 7z", 1, 0, "AAO", 1, 0 },
		{ "1a 2b", "1x 9z", 1, 1, "EO", 1, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct check check;
		struct err e = { .code = ERR_NONE };
		char got[MOST + 1];
		const struct check_rules rules = { .allow_out_of_order = cases[i].out_of_order,
						   .allow_edited = cases[i].edited };
		make(&w, cases[i].files, cases[i].ledger);
		int rc = check_decide(&check, &w.manifest, w.revisions, w.n_revisions, &rules,
				      &w.arena, &e);
		verdicts(got, &check);
		if (rc != cases[i].rc || strcmp(got, cases[i].verdicts) != 0 ||
		    check.to_run != cases[i].to_run)
			fail_msg("case %zu: %d %s %zu %s", i, rc, got, check.to_run, e.msg);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_REFUSED);
		arena_free(&w.arena);
	}
}

static void message(char out[480], const char *files, const char *ledger, struct str project)
{
	struct world w;
	struct check check;
	struct err e = { .code = ERR_NONE };
	const struct check_rules rules = { .project = project };
	make(&w, files, ledger);
	assert_int_equal(
	    check_decide(&check, &w.manifest, w.revisions, w.n_revisions, &rules, &w.arena, &e),
	    -1);
	(void)snprintf(out, 480, "%s", e.msg);
	arena_free(&w.arena);
}

static void test_check_messages(void **state)
{
	(void)state;
	char text[480];
	message(text, "3a 5e 7b", "7b", STR("shop"));
	assert_string_equal(text,
			    "migration '3' (m/x.sql) is older than the newest applied version "
			    "'7': rename it to a higher version, or set allow_out_of_order "
			    "for the project 'shop'");
	message(text, "3a 7b", "3c 7b", STR_NULL);
	assert_string_equal(text,
			    "migration '3' (m/x.sql) was changed after it was applied (applied "
			    "sha256 cccccccc.., now aaaaaaaa..): restore the file and put the "
			    "change into a new migration");
}

static void test_check_long_names(void **state)
{
	(void)state;
	struct world w;
	struct check check;
	struct err e;
	static char path[4000];
	memset(path, 'p', sizeof path);
	make(&w, "3a", "7b");
	w.files[0].path = (struct str){ path, sizeof path };
	assert_int_equal(check_decide(&check, &w.manifest, w.revisions, w.n_revisions,
				      &(struct check_rules){ .project = STR("shop") }, &w.arena,
				      &e),
			 -1);
	assert_non_null(strstr(e.msg, "set allow_out_of_order for the project 'shop'"));
	arena_free(&w.arena);
}

static void test_check_without_memory(void **state)
{
	(void)state;
	struct world w;
	struct check check;
	struct err e;
	make(&w, "1a 2b", "");
	w.arena.max = 8;
	assert_int_equal(
	    check_decide(&check, &w.manifest, NULL, 0, &(struct check_rules){ 0 }, &w.arena, &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	arena_free(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_table),
		cmocka_unit_test(test_check_messages),
		cmocka_unit_test(test_check_long_names),
		cmocka_unit_test(test_check_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
