/* SPDX-License-Identifier: Apache-2.0 */
/* Which urls may be fetched from, and where credentials would be bound to. */

#include "vcs/repo_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_repo_url_takes(void **state)
{
	static const struct {
		const char *url;
		enum repo_scheme scheme;
		const char *origin;
	} rows[] = {
		{ "https://github.com/acme/app.git", REPO_HTTPS, "https://github.com/" },
		{ "https://git.example.com:8443/a/b", REPO_HTTPS, "https://git.example.com:8443/" },
		{ "http://127.0.0.1:8080/r.git", REPO_HTTP, "http://127.0.0.1:8080/" },
		{ "http://[::1]:8080/r.git", REPO_HTTP, "http://[::1]:8080/" },
		{ "https://[2001:db8::1]/r.git", REPO_HTTPS, "https://[2001:db8::1]/" },
		{ "https://host/a%20b/c@d:e", REPO_HTTPS, "https://host/" },
		{ "ssh://git@github.com/acme/app.git", REPO_SSH, NULL },
		{ "ssh://git@host:2222/~/app.git", REPO_SSH, NULL },
		{ "ssh://host/app.git", REPO_SSH, NULL },
		{ "git@github.com:acme/app.git", REPO_SSH, NULL },
		{ "deploy_1@git-host.example:/srv/git/app", REPO_SSH, NULL },
		{ "file:///srv/git/app.git", REPO_FILE, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct repo_url url;
		struct err e = { .code = ERR_NONE };
		if (repo_url_parse(&url, str_of(rows[i].url), &e) != 0)
			fail_msg("'%s': %s", rows[i].url, e.msg);
		assert_int_equal(url.scheme, rows[i].scheme);
		assert_true(str_eq(url.origin, str_of(rows[i].origin)));
		assert_int_equal(repo_url_check(str_of(rows[i].url), &e), 0);
	}
}

static void test_repo_url_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"github.com/acme/app",
		"/srv/git/app.git",
		"./app.git",
		"ext::sh -c id",
		"ext::sh%20-c",
		"--upload-pack=id",
		"-x@host:y",
		"a@-host:y",
		"a@host:-y",
		"a@host:",
		"a@host::y",
		"host:path",
		"git://host/app",
		"ftp://host/app",
		"HTTPS://host/app",
		"https://",
		"https:///app",
		"https://host",
		"https://host/",
		"https://-host/app",
		"https://ho st/app",
		"https://host\n/app",
		"https://host/a\x7f",
		"https://host:99x/app",
		"https://host:/app",
		"https://host:123456/app",
		"https://user@host/app",
		"https://user:password@host/app",
		"ssh://user:password@host/app",
		"ssh://-oProxyCommand=id/app",
		"ssh://-x@host/app",
		"ssh://host",
		"https://[::1/app",
		"https://[x::1]/app",
		"file://host/app",
		"file://",
		"file:///",
		"https://host/\xff",
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { .code = ERR_NONE };
		if (repo_url_check(str_of(rows[i]), &e) != -1)
			fail_msg("'%s' is taken", rows[i]);
		assert_int_equal(e.code, ERR_INPUT);
		/* What a person wrote into the wrong place is not shown to others. */
		assert_null(strstr(e.msg, "password@"));
		assert_null(strstr(e.msg, "user:password"));
	}
}

static void test_repo_url_is_bounded(void **state)
{
	static char url[2001];
	struct err e = { .code = ERR_NONE };
	(void)state;
	memset(url, 'a', sizeof url);
	memcpy(url, "https://host/", 13);
	assert_int_equal(repo_url_check((struct str){ url, 2000 }, &e), 0);
	assert_int_equal(repo_url_check((struct str){ url, 2001 }, &e), -1);
	assert_int_equal(repo_url_check((struct str){ "https://host/\0", 14 }, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repo_url_takes),
		cmocka_unit_test(test_repo_url_refuses),
		cmocka_unit_test(test_repo_url_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
