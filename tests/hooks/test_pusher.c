/* SPDX-License-Identifier: Apache-2.0 */
/* Who pushed, by the variables of each git server. */

#include "hooks/pusher.h"
#include "tests/support/check.h"

#include <string.h>

/* The variables of the row that is being tried: `get` takes no context, as getenv. */
static const char *const *variables;

static const char *get(const char *name)
{
	size_t n = strlen(name);
	for (const char *const *v = variables; *v != NULL; v++) {
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	}
	return NULL;
}

static void read_from(struct pusher *out, struct arena *arena, const char *const *row)
{
	variables = row;
	pusher_read(out, get, STR("git"), arena);
}

static int is(struct str s, const char *wanted)
{
	return wanted == NULL ? s.p == NULL : str_eq_cstr(s, wanted);
}

static void test_pusher_of_each_server(void **state)
{
	static const struct {
		const char *variables[6];
		const char *source, *id, *login, *email;
	} rows[] = {
		{ { "GITEA_PUSHER_NAME=mona", "GITEA_PUSHER_ID=7", "GITEA_PUSHER_EMAIL=m@x.y" },
		  "gitea",
		  "7",
		  "mona",
		  "m@x.y" },
		{ { "GL_ID=user-7", "GL_USERNAME=mona", "REMOTE_USER=git" },
		  "gitlab",
		  "user-7",
		  "mona",
		  NULL },
		{ { "GL_ID=key-3" }, "gitlab", "key-3", "key-3", NULL },
		{ { "GL_USER=mona", "GL_REPO=app" }, "gitolite", NULL, "mona", NULL },
		{ { "REMOTE_USER=mona" }, "http", NULL, "mona", NULL },
		{ { "REMOTE_USER=", "GL_USER= " }, "unix", NULL, "git", NULL },
		{ { NULL }, "unix", NULL, "git", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct pusher p;
		arena_init(&arena, 1 << 16);
		read_from(&p, &arena, rows[i].variables);
		if (strcmp(p.source, rows[i].source) != 0 || !is(p.id, rows[i].id) ||
		    !is(p.login, rows[i].login) || !is(p.email, rows[i].email))
			fail_msg("row %zu: %s '%.*s' '%.*s'", i, p.source, STR_ARG(p.id),
				 STR_ARG(p.login));
	}
}

static void test_pusher_is_cleaned_and_cut(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct pusher p;
	char longer[600] = "REMOTE_USER=";
	arena_init(&arena, 1 << 16);
	const char *bad[] = { "REMOTE_USER=a\nb\x1b[31m\xff", NULL };
	read_from(&p, &arena, bad);
	assert_true(str_eq_cstr(p.login, "a?b?[31m?"));
	for (size_t i = 12; i < 412; i += 2)
		memcpy(longer + i, "\xc3\xa4", 2);
	const char *many[] = { longer, NULL };
	read_from(&p, &arena, many);
	assert_int_equal(p.login.n, PUSHER_TEXT_MAX);
	assert_true(str_is_utf8(p.login));
}

static void test_pusher_of_this_process(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct pusher p;
	arena_init(&arena, 1 << 16);
	pusher_of_process(&p, &arena);
	assert_true(p.login.n > 0);
	assert_non_null(p.source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pusher_of_each_server),
		cmocka_unit_test(test_pusher_is_cleaned_and_cut),
		cmocka_unit_test(test_pusher_of_this_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
