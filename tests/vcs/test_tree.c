/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a commit: what is listed, what is left out, what is not read twice, the bounds. */

#include "base/digest.h"
#include "base/mem.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct scene {
	struct fixture f;
	struct repo *repo;
	char first[41], second[41];
};

/* Two commits: migrations with all that may lie between them, and one more migration. */
static const char script[] =
    "git init -q -b main w; cd w\n"
    "mkdir -p migrations/2023 migrations/2024/x src/a/b\n"
    "for i in 1 2 3; do echo \"create table a$i (i int);\" > migrations/2023/00$i.sql; done\n"
    "echo 'create table b (i int);' > migrations/2024/004.sql\n"
    "printf 'x\\r\\ny' > migrations/2024/x/005.sql\n"
    "chmod +x migrations/2024/004.sql\n"
    "ln -s 2023/001.sql migrations/link.sql\n"
    "ln -s 2023 migrations/linked\n"
    "echo no > migrations/readme.md; echo x > migrations.sql; echo x > src/a/b/x.sql\n"
    "cp migrations/2023/001.sql migrations/2024/copy.sql\n"
    "printf 'bytes' > \"migrations/2024/$(printf '\\377\\376').sql\"\n"
    "git add -A; printf '*.sql text eol=crlf\\n' > .gitattributes; git add .gitattributes\n"
    "git update-index --add --cacheinfo "
    "160000,1111111111111111111111111111111111111111,migrations/module.sql\n"
    "git commit -q -m 'One: first\n\nbody'\n"
    "git rev-parse HEAD > ../first\n"
    "echo 'create table c (i int);' > migrations/2024/006.sql\n"
    "git add migrations/2024/006.sql; git commit -q -m two\n"
    "git rev-parse HEAD > ../second; cd ..; git clone -q --bare w r.git";

static int scene_setup(void **state)
{
	struct scene *s = mem_array(1, sizeof *s);
	struct err e = { .code = ERR_NONE };
	char path[128];
	assert_non_null(s);
	fixture_make(&s->f);
	fixture_sh(&s->f, NULL, 0, script);
	fixture_sh(&s->f, s->first, sizeof s->first, "cat first");
	fixture_sh(&s->f, s->second, sizeof s->second, "cat second");
	assert_int_equal(repo_library_init(&e), 0);
	(void)snprintf(path, sizeof path, "%s/r.git", s->f.dir);
	if (repo_open(&s->repo, str_of(path), &e) != 0)
		fail_msg("%s", e.msg);
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	repo_close(s->repo);
	fixture_remove(&s->f);
	mem_free(s);
	repo_library_shutdown();
	return 0;
}

/* The paths of a read, one per line, and how many blobs it read. */
static void read_paths(struct buf *out, size_t *blobs_read, struct scene *s, const char *commit,
		       const char *pattern, struct tree_index *index)
{
	AUTO(glob) struct glob *g = NULL;
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	struct err e = { .code = ERR_NONE };
	assert_int_equal(glob_compile(&g, str_of(pattern), &e), 0);
	if (tree_read(&list, s->repo, str_of(commit), g, index, NULL, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	buf_clear(out);
	for (size_t i = 0; i < list.n; i++) {
		buf_add(out, list.files[i].path);
		buf_addc(out, '\n');
	}
	*blobs_read = list.blobs_read;
}

static void test_tree_lists_what_matches(void **state)
{
	static const char *const rows[][2] = {
		{ "migrations/**/*.sql", "migrations/2023/001.sql\nmigrations/2023/002.sql\n"
					 "migrations/2023/003.sql\nmigrations/2024/004.sql\n"
					 "migrations/2024/copy.sql\nmigrations/2024/x/005.sql\n"
					 "migrations/2024/\xff\xfe.sql\n" },
		{ "migrations/*.sql", "" },
		{ "migrations/*/*4.sql", "migrations/2024/004.sql\n" },
		{ "*.sql", "migrations.sql\n" },
		{ "**/x.sql", "src/a/b/x.sql\n" },
		{ "migrations/2024/004.sql", "migrations/2024/004.sql\n" },
		{ "nothing/**", "" },
		{ "migrations.sql/**", "" },
		{ "migrations/linked/*", "" },
		{ "migrations/module.sql/**", "" },
		{ "migrations/link.sql", "" },
		{ "{src,migrations}/**/{x,001}.sql", "migrations/2023/001.sql\nsrc/a/b/x.sql\n" },
	};
	struct scene *s = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(tree_index) struct tree_index *index = tree_index_new();
		AUTO(buf) struct buf paths;
		size_t read;
		buf_init(&paths, 1 << 16);
		read_paths(&paths, &read, s, s->first, rows[i][0], index);
		assert_string_equal(paths.p, rows[i][1]);
	}
}

struct seen {
	struct digest *digest;
	size_t calls, bytes;
	size_t fail_at; /* this call fails; 0: none */
};

static int check_content(void *context, const struct tree_file *file, struct str content,
			 struct err *e)
{
	struct seen *seen = context;
	unsigned char sha[SHA256_BYTES];
	if (++seen->calls == seen->fail_at)
		return err_set(e, ERR_DB, "no more");
	assert_int_equal(digest_sha256(seen->digest, sha, content, e), 0);
	assert_memory_equal(sha, file->sha256, sizeof sha);
	assert_int_equal(file->size, content.n);
	assert_true(str_starts(file->path, STR("migrations/")));
	seen->bytes += content.n;
	return 0;
}

static int read_content(struct tree_list *list, struct scene *s, struct tree_index *index,
			struct seen *seen, struct err *e)
{
	AUTO(glob) struct glob *g = NULL;
	assert_int_equal(glob_compile(&g, STR("migrations/**/*.sql"), e), 0);
	return tree_read(list, s->repo, str_of(s->first), g, index, check_content, seen, e);
}

/* Seven files, six contents: copy.sql has the bytes of 001.sql. */
static void test_tree_gives_each_content_once(void **state)
{
	struct scene *s = *state;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	AUTO(tree_list) struct tree_list again = { .files = NULL };
	AUTO(digest) struct digest *d = digest_new();
	AUTO(free) char *bytes = NULL;
	struct seen seen = { .digest = d };
	struct err e = { .code = ERR_NONE };
	size_t n;
	assert_int_equal(read_content(&list, s, index, &seen, &e), 0);
	assert_int_equal(list.n, 7);
	assert_int_equal(seen.calls, 6);
	assert_int_equal(list.blobs_read, 6);
	assert_memory_equal(list.files[0].sha256, list.files[4].sha256, 32);
	/* No line end is changed, whatever .gitattributes says. */
	assert_int_equal(tree_blob(&bytes, &n, s->repo, list.files[5].oid, &e), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(bytes, "x\r\ny", 4);
	assert_int_equal(read_content(&again, s, index, &seen, &e), 0);
	assert_int_equal(seen.calls, 6);
	assert_int_equal(again.blobs_read, 0);
	for (size_t i = 0; i < list.n; i++) {
		assert_true(str_eq(list.files[i].path, again.files[i].path));
		assert_memory_equal(list.files[i].oid, again.files[i].oid, 20);
		assert_memory_equal(list.files[i].sha256, again.files[i].sha256, 32);
		assert_int_equal(list.files[i].size, again.files[i].size);
	}
}

/* A read that failed must not make the index believe that its contents were taken. */
static void test_tree_forgets_a_read_that_failed(void **state)
{
	struct scene *s = *state;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	AUTO(digest) struct digest *d = digest_new();
	struct seen seen = { .digest = d, .fail_at = 4 };
	struct err e = { .code = ERR_NONE };
	assert_int_equal(read_content(&list, s, index, &seen, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_string_equal(e.msg, "no more");
	assert_null(list.files);
	seen = (struct seen){ .digest = d };
	assert_int_equal(read_content(&list, s, index, &seen, &e), 0);
	assert_int_equal(seen.calls, 6);
}

static void test_tree_reads_only_what_is_new(void **state)
{
	struct scene *s = *state;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(buf) struct buf paths, fresh;
	size_t read;
	buf_init(&paths, 1 << 16);
	buf_init(&fresh, 1 << 16);
	read_paths(&paths, &read, s, s->first, "migrations/**/*.sql", index);
	assert_int_equal(read, 6);
	read_paths(&paths, &read, s, s->second, "migrations/**/*.sql", index);
	assert_int_equal(read, 1);
	/* Back, and with another pattern: blobs are known, listings are not mixed up. */
	read_paths(&paths, &read, s, s->first, "migrations/2023/*.sql", index);
	assert_int_equal(read, 0);
	assert_string_equal(paths.p, "migrations/2023/001.sql\nmigrations/2023/002.sql\n"
				     "migrations/2023/003.sql\n");
	read_paths(&paths, &read, s, s->second, "migrations/**/*.sql", index);
	assert_int_equal(read, 0);
	AUTO(tree_index) struct tree_index *other = tree_index_new();
	read_paths(&fresh, &read, s, s->second, "migrations/**/*.sql", other);
	assert_int_equal(read, 7);
	assert_string_equal(paths.p, fresh.p);
}

static void test_tree_takes_blobs_that_the_store_knows(void **state)
{
	struct scene *s = *state;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(tree_index) struct tree_index *told = tree_index_new();
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	AUTO(tree_list) struct tree_list again = { .files = NULL };
	AUTO(digest) struct digest *d = digest_new();
	struct seen seen = { .digest = d };
	struct err e = { .code = ERR_NONE };
	assert_int_equal(read_content(&list, s, index, &seen, &e), 0);
	for (size_t i = 0; i < list.n; i++)
		assert_int_equal(tree_index_add(told, list.files[i].oid, list.files[i].sha256,
						list.files[i].size, &e),
				 0);
	seen = (struct seen){ .digest = d };
	assert_int_equal(read_content(&again, s, told, &seen, &e), 0);
	assert_int_equal(seen.calls, 0);
	assert_memory_equal(again.files[6].sha256, list.files[6].sha256, 32);
}

static int try_read(struct scene *s, const char *commit, struct err *e)
{
	AUTO(glob) struct glob *g = NULL;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(tree_list) struct tree_list list = { .files = NULL };
	*e = (struct err){ .code = ERR_NONE };
	assert_int_equal(glob_compile(&g, STR("**"), e), 0);
	int rc = tree_read(&list, s->repo, str_of(commit), g, index, NULL, NULL, e);
	if (rc != 0)
		assert_null(list.files);
	return rc;
}

static void test_tree_refuses_unknown_commits(void **state)
{
	struct scene *s = *state;
	struct err e;
	char tree[41];
	assert_int_equal(try_read(s, "2222222222222222222222222222222222222222", &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(try_read(s, "main", &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(try_read(s, "", &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	fixture_sh(&s->f, tree, sizeof tree, "git -C w rev-parse 'HEAD^{tree}'");
	assert_int_equal(try_read(s, tree, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	const unsigned char none[20] = { 1 };
	char *bytes = NULL;
	size_t n;
	assert_int_equal(tree_blob(&bytes, &n, s->repo, none, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

/* Make a commit in the bare repository by a script that prints its id. */
static void commit_by(char oid[41], struct scene *s, const char *script_text)
{
	AUTO(buf) struct buf text;
	buf_init(&text, 1 << 16);
	buf_addf(&text, "cd r.git; %s", script_text);
	fixture_sh(&s->f, oid, 41, text.p);
}

static void test_tree_has_bounds(void **state)
{
	struct scene *s = *state;
	struct err e;
	char commit[41];
	commit_by(commit, s,
		  "B=$(head -c 67108865 /dev/zero | git hash-object -w --stdin); "
		  "T=$(printf '100644 blob %s\\tbig.sql\\n' $B | git mktree); "
		  "git commit-tree -m big $T");
	assert_int_equal(try_read(s, commit, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.msg, "'big.sql'"));
	commit_by(commit, s,
		  "T=$(printf '100644 blob %s\\tx\\n' $(echo | git hash-object -w --stdin) "
		  "| git mktree); i=0; while [ $i -lt 64 ]; do "
		  "T=$(printf '040000 tree %s\\td\\n' $T | git mktree); i=$((i+1)); done; "
		  "git commit-tree -m deep $T");
	assert_int_equal(try_read(s, commit, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.msg, "nested too deep"));
	/* A tree that names one subtree again and again: 10^9 files of a few objects. */
	commit_by(
	    commit, s,
	    "B=$(echo | git hash-object -w --stdin); "
	    "T=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '100644 blob %s\\t%s\\n' $B $i; done "
	    "| git mktree); for j in 1 2 3 4 5 6 7 8; do "
	    "T=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\\t%s\\n' $T $i; done "
	    "| git mktree); done; git commit-tree -m bomb $T");
	assert_int_equal(try_read(s, commit, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_tree_has_a_longest_path(void **state)
{
	struct scene *s = *state;
	struct err e;
	char commit[41];
	commit_by(commit, s,
		  "N=$(head -c 250 /dev/zero | tr '\\0' n); "
		  "T=$(printf '100644 blob %s\\tx\\n' $(echo | git hash-object -w --stdin) "
		  "| git mktree); i=0; while [ $i -lt 17 ]; do "
		  "T=$(printf '040000 tree %s\\t%s\\n' $T $N | git mktree); i=$((i+1)); done; "
		  "git commit-tree -m long $T");
	assert_int_equal(try_read(s, commit, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.msg, "too long a path"));
}

/* Trees as nobody's git writes them. */
static void test_tree_refuses_unsound_trees(void **state)
{
	static const char *const entries[] = {
		"100644 b\\0OID100644 a\\0OID",
		"100644 a\\0OID100644 a\\0OID",
		"40000 a\\0OID40000 a\\0OID",
		"100644 ..\\0OID",
		"100644 a/b\\0OID",
	};
	struct scene *s = *state;
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		struct err e;
		AUTO(buf) struct buf text;
		char commit[41];
		buf_init(&text, 4096);
		buf_addf(&text,
			 "T=$(printf '%s' | sed 's/OID/12345678901234567890/g' "
			 "| git hash-object -t tree --literally -w --stdin); "
			 "git commit-tree -m bad $T",
			 entries[i]);
		commit_by(commit, s, text.p);
		assert_int_equal(try_read(s, commit, &e), -1);
		assert_true(e.code == ERR_REFUSED || e.code == ERR_SYS);
	}
}

static void test_tree_says_when_an_object_is_lost(void **state)
{
	struct scene *s = *state;
	struct err e;
	char commit[41];
	commit_by(commit, s,
		  "T=$(printf '100644 blob 3333333333333333333333333333333333333333\\ta.sql\\n' "
		  "| git mktree --missing); git commit-tree -m lost $T");
	assert_int_equal(try_read(s, commit, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_non_null(strstr(e.msg, "a.sql"));
}

static void test_tree_survives_lack_of_memory(void **state)
{
	struct scene *s = *state;
	AUTO(tree_index) struct tree_index *index = tree_index_new();
	AUTO(digest) struct digest *d = digest_new();
	AUTO(glob) struct glob *g = NULL;
	struct err e = { .code = ERR_NONE };
	int failed = 0;
	assert_int_equal(glob_compile(&g, STR("migrations/**/*.sql"), &e), 0);
	for (long calls = 0;; calls++, failed++) {
		AUTO(tree_list) struct tree_list list = { .files = NULL };
		struct seen seen = { .digest = d };
		mem_fail_after(calls);
		int rc =
		    tree_read(&list, s->repo, str_of(s->first), g, index, check_content, &seen, &e);
		mem_fail_after(-1);
		if (rc == 0) {
			assert_int_equal(seen.calls, 6);
			break;
		}
		assert_int_equal(e.code, ERR_NOMEM);
		assert_null(list.files);
	}
	assert_in_range(failed, 5, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_lists_what_matches),
		cmocka_unit_test(test_tree_gives_each_content_once),
		cmocka_unit_test(test_tree_forgets_a_read_that_failed),
		cmocka_unit_test(test_tree_reads_only_what_is_new),
		cmocka_unit_test(test_tree_takes_blobs_that_the_store_knows),
		cmocka_unit_test(test_tree_refuses_unknown_commits),
		cmocka_unit_test(test_tree_has_bounds),
		cmocka_unit_test(test_tree_has_a_longest_path),
		cmocka_unit_test(test_tree_refuses_unsound_trees),
		cmocka_unit_test(test_tree_says_when_an_object_is_lost),
		cmocka_unit_test(test_tree_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
