/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching into a mirror from real repositories, over file:// and over git's own HTTP server: the
 * ordinary story, what goes wrong on the other side, and what a kill leaves in the mirror.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/repo_impl.h"

#include <sys/stat.h>

struct scene {
	struct fixture f;
	char mirror[128];
	struct repo_remote remote;
	char url[256];
};

static int scene_setup(void **state)
{
	struct scene *s = mem_array(1, sizeof *s);
	struct err e = { .code = ERR_NONE };
	assert_non_null(s);
	fixture_make(&s->f);
	fixture_sh(&s->f, NULL, 0,
		   "git init -q -b main w; cd w; echo 1 > 1.sql; git add .; git commit -q -m one; "
		   "git tag v1; git branch other; git clone -q --bare . ../r.git; "
		   "git init -q --bare ../empty.git; git init -q --bare "
		   "--object-format=sha256 ../sha256.git");
	(void)snprintf(s->mirror, sizeof s->mirror, "%s/state/mirrors/app", s->f.dir);
	(void)snprintf(s->url, sizeof s->url, "file://%s/r.git", s->f.dir);
	s->remote = (struct repo_remote){ .path = str_of(s->mirror),
					  .url = str_of(s->url),
					  .branch = STR("main"),
					  .timeout_ms = 30000 };
	assert_int_equal(repo_library_init(&e), 0);
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	fixture_remove(&s->f);
	mem_free(s);
	repo_library_shutdown();
	return 0;
}

static void set_url(struct scene *s, const char *base, const char *name)
{
	(void)snprintf(s->url, sizeof s->url, "%s/%s", base, name);
	s->remote.url = str_of(s->url);
}

static void fetch(const struct scene *s)
{
	struct err e = { .code = ERR_NONE };
	if (repo_fetch(&s->remote, &e) != 0)
		fail_msg("%s: %s", err_code_name(e.code), e.msg);
}

static void fetch_fails(const struct scene *s, enum err_code code, const char *says)
{
	struct err e = { .code = ERR_NONE };
	assert_int_equal(repo_fetch(&s->remote, &e), -1);
	if (e.code != code || strstr(e.msg, says) == NULL)
		fail_msg("%s: %s", err_code_name(e.code), e.msg);
}

/* The mirror's branch is where the other side's is. */
static void assert_in_step(const struct scene *s)
{
	AUTO(repo) struct repo *r = NULL;
	struct err e = { .code = ERR_NONE };
	char tip[41], theirs[41];
	fixture_sh(&s->f, theirs, 41, "git -C r.git rev-parse main");
	assert_int_equal(repo_open(&r, s->remote.path, &e), 0);
	assert_int_equal(repo_branch_tip(tip, r, STR("main"), &e), 0);
	assert_string_equal(tip, theirs);
}

static const char commit_more[] = "cd w; echo x >> x.sql; git add .; git commit -q -m more; "
				  "git push -q --force ../r.git main";

static void test_repo_fetch_follows_a_branch(void **state)
{
	struct scene *s = *state;
	AUTO(repo) struct repo *r = NULL;
	struct err e = { .code = ERR_NONE };
	char refs[512], before[41];
	fetch(s);
	assert_in_step(s);
	fetch(s); /* nothing new */
	fixture_sh(&s->f, NULL, 0, commit_more);
	fetch(s);
	assert_in_step(s);
	/* A forced push: the branch goes along, the old commit is there, but not on it. */
	fixture_sh(&s->f, before, 41, "git -C r.git rev-parse main");
	fixture_sh(&s->f, NULL, 0, "git -C w reset -q --hard HEAD^");
	fixture_sh(&s->f, NULL, 0, commit_more);
	fixture_sh(&s->f, NULL, 0,
		   "cd w; git commit -q --amend -m other; "
		   "git push -q --force ../r.git main");
	fetch(s);
	assert_in_step(s);
	assert_int_equal(repo_open(&r, s->remote.path, &e), 0);
	assert_int_equal(repo_is_on_branch(r, str_of(before), STR("main"), &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	/* Nothing but the branch came. */
	fixture_sh(&s->f, refs, sizeof refs,
		   "git --git-dir state/mirrors/app for-each-ref --format='%(refname)'");
	assert_string_equal(refs, "refs/heads/main");
}

static void test_repo_fetch_makes_private_directories(void **state)
{
	struct scene *s = *state;
	struct stat st;
	fetch(s);
	assert_int_equal(stat(s->mirror, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_repo_fetch_says_what_is_missing(void **state)
{
	struct scene *s = *state;
	struct err e;
	AUTO(repo) struct repo *r = NULL;
	char tip[41];
	fetch(s);
	fixture_sh(&s->f, NULL, 0, "git -C r.git update-ref -d refs/heads/main");
	fetch_fails(s, ERR_NOTFOUND, "branch 'main' does not exist");
	/* The mirror does not pretend that it is still there. */
	assert_int_equal(repo_open(&r, s->remote.path, &e), 0);
	assert_int_equal(repo_branch_tip(tip, r, STR("main"), &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	set_url(s, "file:///nonexistent", "r.git");
	fetch_fails(s, ERR_NOTFOUND, "no repository at 'file:///nonexistent/r.git'");
	(void)snprintf(s->url, sizeof s->url, "file://%s/empty.git", s->f.dir);
	s->remote.url = str_of(s->url);
	fetch_fails(s, ERR_NOTFOUND, "branch 'main' does not exist");
}

static void test_repo_fetch_refuses_sha256(void **state)
{
	struct scene *s = *state;
	fixture_sh(&s->f, NULL, 0,
		   "git init -q --object-format=sha256 -b main w256; cd w256; "
		   "git commit -q --allow-empty -m one; git push -q ../sha256.git main");
	(void)snprintf(s->url, sizeof s->url, "file://%s/sha256.git", s->f.dir);
	s->remote.url = str_of(s->url);
	fetch_fails(s, ERR_REFUSED, "SHA-256");
}

static void test_repo_fetch_checks_its_input(void **state)
{
	struct scene *s = *state;
	AUTO(secret) struct secret *token = NULL;
	struct err e = { .code = ERR_NONE };
	s->remote.branch = STR("--upload-pack=id");
	fetch_fails(s, ERR_INPUT, "no branch name");
	s->remote.branch = STR("main");
	s->remote.path = STR("relative");
	fetch_fails(s, ERR_INPUT, "not absolute");
	s->remote.path = str_of(s->mirror);
	s->remote.url = STR("ext::sh -c id");
	fetch_fails(s, ERR_INPUT, "the url");
	assert_int_equal(secret_from_bytes(&token, STR("t0ken"), &e), 0);
	s->remote.url = STR("ssh://git@127.0.0.1/x");
	s->remote.token = token;
	fetch_fails(s, ERR_INPUT, "a token is only for https://");
	s->remote.token = NULL;
	s->remote.ssh_key = STR("/etc/x' -o ProxyCommand='id");
	fetch_fails(s, ERR_INPUT, "ssh key");
	s->remote.ssh_key = STR("/etc/key");
	s->remote.known_hosts = STR("/etc/${HOME}");
	fetch_fails(s, ERR_INPUT, "known_hosts");
	s->remote.known_hosts = STR("known");
	fetch_fails(s, ERR_INPUT, "not absolute");
}

static void test_repo_fetch_changes_its_branch(void **state)
{
	struct scene *s = *state;
	char refs[256];
	fetch(s);
	/* "main/x" cannot stand beside "main": the configuration was changed. */
	fixture_sh(&s->f, NULL, 0,
		   "git -C r.git update-ref -d refs/heads/other; cd r.git; "
		   "git branch -m main tmp; git branch main/x tmp");
	s->remote.branch = STR("main/x");
	fetch(s);
	fixture_sh(&s->f, refs, sizeof refs,
		   "git --git-dir state/mirrors/app for-each-ref --format='%(refname)'");
	assert_string_equal(refs, "refs/heads/main/x");
}

/* --- healing --- */

static void test_repo_fetch_removes_stale_locks(void **state)
{
	struct scene *s = *state;
	char left[512];
	fetch(s);
	fixture_sh(&s->f, NULL, 0, commit_more);
	fixture_sh(&s->f, NULL, 0,
		   "cd state/mirrors/app; touch HEAD.lock config.lock packed-refs.lock "
		   "refs/heads/main.lock shallow.lock objects/pack/tmp_pack_x1y2z3 "
		   "objects/pack/pack-1.keep gc.pid");
	fetch(s);
	assert_in_step(s);
	fixture_sh(&s->f, left, sizeof left,
		   "cd state/mirrors/app; find . -name '*.lock' -o -name 'tmp_*' -o -name '*.keep' "
		   "-o -name gc.pid");
	assert_string_equal(left, "");
}

static void test_repo_fetch_clones_a_broken_mirror_anew(void **state)
{
	static const char *const harm[] = {
		"rm HEAD",
		"rm -r objects",
		"rm -r refs; mkdir x; mv x refs; rm HEAD",
		"echo '[core' > config",
		"for f in objects/pack/*.pack; do chmod u+w $f; : > $f; done",
		"chmod u+w objects/pack/*; rm objects/pack/*",
		"echo 3333333333333333333333333333333333333333 > refs/heads/main",
		"rm -r *",
	};
	struct scene *s = *state;
	for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
		AUTO(buf) struct buf script;
		buf_init(&script, 4096);
		fetch(s);
		buf_addf(&script, "cd state/mirrors/app; %s", harm[i]);
		fixture_sh(&s->f, NULL, 0, script.p);
		fixture_sh(&s->f, NULL, 0, commit_more);
		struct err e = { .code = ERR_NONE };
		if (repo_fetch(&s->remote, &e) != 0)
			fail_msg("after '%s': %s", harm[i], e.msg);
		assert_in_step(s);
	}
}

static void test_repo_fetch_keeps_a_broken_mirror_when_it_cannot_clone(void **state)
{
	struct scene *s = *state;
	char name[64];
	fetch(s);
	fixture_sh(&s->f, NULL, 0,
		   "cd state/mirrors/app; touch mark; chmod u+w objects/pack/*.pack; "
		   "for f in objects/pack/*.pack; do : > $f; done; cd ../../..; mv r.git gone.git");
	struct err e = { .code = ERR_NONE };
	assert_int_equal(repo_fetch(&s->remote, &e), -1);
	fixture_sh(&s->f, name, sizeof name, "ls state/mirrors/app/mark; mv gone.git r.git");
	assert_string_equal(name, "state/mirrors/app/mark");
	fetch(s);
	assert_in_step(s);
}

/* Kill a fetch of many objects at several moments; the next one must work each time. */
static void test_repo_fetch_survives_kills(void **state)
{
	struct scene *s = *state;
	fixture_sh(&s->f, NULL, 0,
		   "cd w; i=0; while [ $i -lt 300 ]; do head -c 20000 /dev/urandom > f$i; "
		   "i=$((i+1)); done; git add .; git commit -q -m many; git push -q ../r.git main");
	for (int64_t ms = 1; ms < 60; ms += 7) {
		struct err e = { .code = ERR_NONE };
		s->remote.timeout_ms = ms;
		if (repo_fetch(&s->remote, &e) != 0)
			assert_int_equal(e.code, ERR_UNAVAILABLE);
	}
	s->remote.timeout_ms = 30000;
	fetch(s);
	assert_in_step(s);
}

static void test_repo_fetch_joins_packs(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 40; i++) {
		fixture_sh(&s->f, NULL, 0, commit_more);
		fetch(s);
		assert_in_range(repo_mirror_packs(s->mirror), 1, 26);
	}
	assert_in_step(s);
	fixture_sh(&s->f, NULL, 0, "git --git-dir state/mirrors/app fsck --full --strict");
}

/* --- over HTTP --- */

static void test_repo_fetch_over_http(void **state)
{
	struct scene *s = *state;
	struct fixture_http http;
	fixture_http_start(&http, &s->f, NULL);
	set_url(s, http.url, "r.git");
	fetch(s);
	assert_in_step(s);
	fixture_sh(&s->f, NULL, 0, commit_more);
	fetch(s);
	assert_in_step(s);
	s->remote.branch = STR("gone");
	fetch_fails(s, ERR_NOTFOUND, "branch 'gone' does not exist");
	s->remote.branch = STR("main");
	set_url(s, http.url, "none.git");
	fetch_fails(s, ERR_NOTFOUND, "no repository");
	fixture_http_stop(&http);
	fetch_fails(s, ERR_UNAVAILABLE, "cannot fetch");
}

#define TOKEN "s3cr3t-t0ken"
#define CODED "eC1hY2Nlc3MtdG9rZW46czNjcjN0LXQwa2Vu"

static void test_repo_fetch_sends_the_token(void **state)
{
	static const char *const options[] = { "--token", TOKEN, "--user", "x-access-token", NULL };
	struct scene *s = *state;
	struct fixture_http http;
	AUTO(secret) struct secret *right = NULL;
	AUTO(secret) struct secret *wrong = NULL;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(secret_from_bytes(&right, STR(TOKEN), &e), 0);
	assert_int_equal(secret_from_bytes(&wrong, STR("wr0ng-t0ken"), &e), 0);
	fixture_http_start(&http, &s->f, options);
	set_url(s, http.url, "r.git");
	fetch_fails(s, ERR_AUTH, "refuses us");
	s->remote.token = wrong;
	assert_int_equal(repo_fetch(&s->remote, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	assert_null(strstr(e.msg, "wr0ng"));
	s->remote.token = right;
	fetch(s);
	assert_in_step(s);
	s->remote.username = STR("somebody");
	fetch_fails(s, ERR_AUTH, "refuses us");
	fixture_http_stop(&http);
}

/* A redirect could carry the token to anybody. */
static void test_repo_fetch_follows_no_redirect(void **state)
{
	struct scene *s = *state;
	struct fixture_http there, here;
	AUTO(secret) struct secret *token = NULL;
	struct err e = { .code = ERR_NONE };
	char log[128], seen[256];
	(void)snprintf(log, sizeof log, "%s/log", s->f.dir);
	const char *const logged[] = { "--log", log, NULL };
	assert_int_equal(secret_from_bytes(&token, STR(TOKEN), &e), 0);
	fixture_http_start(&there, &s->f, logged);
	const char *const redirect[] = { "--redirect", there.url, NULL };
	fixture_http_start(&here, &s->f, redirect);
	set_url(s, here.url, "r.git");
	s->remote.token = token;
	fetch_fails(s, ERR_REFUSED, "redirects");
	fixture_sh(&s->f, seen, sizeof seen, "cat log 2>/dev/null || true");
	assert_string_equal(seen, "");
	/* The log does work. */
	set_url(s, there.url, "r.git");
	fetch(s);
	fixture_sh(&s->f, seen, sizeof seen, "grep -c credentials log");
	assert_string_not_equal(seen, "0");
	fixture_http_stop(&here);
	fixture_http_stop(&there);
}

static void test_repo_fetch_names_server_errors(void **state)
{
	static const struct {
		const char *status;
		enum err_code code;
	} rows[] = {
		{ "500", ERR_UNAVAILABLE },
		{ "503", ERR_UNAVAILABLE },
		{ "403", ERR_AUTH },
		{ "404", ERR_NOTFOUND },
	};
	struct scene *s = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const options[] = { "--status", rows[i].status, NULL };
		struct fixture_http http;
		fixture_http_start(&http, &s->f, options);
		set_url(s, http.url, "r.git");
		fetch_fails(s, rows[i].code, http.url);
		fixture_http_stop(&http);
	}
}

/* Processes of our user whose command line names the mirror. */
static int count_children(const struct scene *s)
{
	char text[16];
	AUTO(buf) struct buf script;
	buf_init(&script, 1024);
	buf_addf(&script,
		 "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' "
		 "| grep -cx 'state/mirrors/app\\|%s' || true",
		 s->mirror);
	fixture_sh(&s->f, text, sizeof text, script.p);
	return text[0] - '0';
}

static int stop_after_300_ms(void *context)
{
	const int64_t *start = context;
	return clock_mono_ms() - *start > 300;
}

static void test_repo_fetch_gives_up_a_silent_server(void **state)
{
	static const char *const options[] = { "--hang", NULL };
	struct scene *s = *state;
	struct fixture_http http;
	fixture_http_start(&http, &s->f, options);
	set_url(s, http.url, "r.git");
	s->remote.timeout_ms = 400;
	int64_t start = clock_mono_ms();
	fetch_fails(s, ERR_UNAVAILABLE, "took longer than 400 ms");
	assert_in_range(clock_mono_ms() - start, 400, 4000);
	assert_int_equal(count_children(s), 0);
	s->remote.timeout_ms = 60000;
	start = clock_mono_ms();
	s->remote.stop = stop_after_300_ms;
	s->remote.context = &start;
	fetch_fails(s, ERR_UNAVAILABLE, "was stopped");
	assert_in_range(clock_mono_ms() - start, 300, 4000);
	assert_int_equal(count_children(s), 0);
	fixture_http_stop(&http);
}

/* --- the environment, and what git says --- */

static const char *env_value(const struct repo_env *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->items[i], name, n) == 0 && env->items[i][n] == '=')
			return env->items[i] + n + 1;
	}
	return NULL;
}

static void test_repo_fetch_shuts_the_host_out(void **state)
{
	struct scene *s = *state;
	AUTO(repo_env) struct repo_env env;
	struct repo_url url;
	struct str secrets[2];
	struct err e = { .code = ERR_NONE };
	assert_int_equal(setenv("GIT_SSH", "/bin/false", 1), 0);
	assert_int_equal(setenv("SSL_CERT_FILE", "/etc/bundle.pem", 1), 0);
	repo_env_init(&env);
	assert_int_equal(repo_url_parse(&url, s->remote.url, &e), 0);
	assert_int_equal(repo_env_fetch(&env, secrets, &s->remote, &url, &e), 0);
	assert_null(env_value(&env, "GIT_SSH"));
	assert_null(env_value(&env, "XDG_CONFIG_HOME"));
	assert_string_equal(env_value(&env, "HOME"), s->mirror);
	assert_string_equal(env_value(&env, "GIT_CONFIG_GLOBAL"), "/dev/null");
	assert_string_equal(env_value(&env, "GIT_ALLOW_PROTOCOL"), "file");
	assert_string_equal(env_value(&env, "GIT_SSL_CAINFO"), "/etc/bundle.pem");
	assert_int_equal(unsetenv("GIT_SSH"), 0);
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

static void test_repo_fetch_binds_the_token_to_its_origin(void **state)
{
	struct scene *s = *state;
	AUTO(repo_env) struct repo_env env;
	AUTO(secret) struct secret *token = NULL;
	struct repo_url url;
	struct str secrets[2];
	struct err e = { .code = ERR_NONE };
	char key[64], value[64];
	assert_int_equal(secret_from_bytes(&token, STR("s3cr3t-t0ken"), &e), 0);
	s->remote.url = STR("https://git.example.com:8443/a/b.git");
	s->remote.token = token;
	s->remote.username = STR("x-access-token");
	repo_env_init(&env);
	assert_int_equal(repo_url_parse(&url, s->remote.url, &e), 0);
	assert_int_equal(repo_env_fetch(&env, secrets, &s->remote, &url, &e), 0);
	(void)snprintf(key, sizeof key, "GIT_CONFIG_KEY_%zu", env.configs - 1);
	(void)snprintf(value, sizeof value, "GIT_CONFIG_VALUE_%zu", env.configs - 1);
	assert_string_equal(env_value(&env, key), "http.https://git.example.com:8443/.extraHeader");
	assert_string_equal(env_value(&env, value), "Authorization: Basic " CODED);
	assert_true(str_eq_cstr(secrets[0], TOKEN));
	assert_true(str_eq_cstr(secrets[1], CODED));
	s->remote.username = STR("a:b");
	assert_int_equal(repo_env_fetch(&env, secrets, &s->remote, &url, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

static void test_repo_fetch_calls_ssh_strictly(void **state)
{
	struct scene *s = *state;
	AUTO(repo_env) struct repo_env env;
	struct repo_url url;
	struct str secrets[2];
	struct err e = { .code = ERR_NONE };
	s->remote.url = STR("git@127.0.0.1:a/b.git");
	s->remote.ssh_key = STR("/etc/my keys/id; touch x");
	s->remote.known_hosts = STR("/etc/known hosts");
	repo_env_init(&env);
	assert_int_equal(repo_url_parse(&url, s->remote.url, &e), 0);
	assert_int_equal(repo_env_fetch(&env, secrets, &s->remote, &url, &e), 0);
	const char *command = env_value(&env, "GIT_SSH_COMMAND");
	assert_non_null(command);
	assert_non_null(strstr(command, " -o BatchMode=yes"));
	assert_non_null(strstr(command, " -o StrictHostKeyChecking=yes"));
	assert_non_null(strstr(command, " -o IdentitiesOnly=yes -i '/etc/my keys/id; touch x'"));
	assert_non_null(strstr(command, " -o 'UserKnownHostsFile=\"/etc/known hosts\"'"));
	assert_string_equal(env_value(&env, "GIT_ALLOW_PROTOCOL"), "ssh");
	/* ssh itself takes it: nobody listens there. */
	s->remote.ssh_key = STR("/nonexistent/key");
	s->remote.url = STR("ssh://git@127.0.0.1:1/a/b.git");
	fetch_fails(s, ERR_UNAVAILABLE, "refused");
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(test_repo_fetch_follows_a_branch),
		SCENE(test_repo_fetch_makes_private_directories),
		SCENE(test_repo_fetch_says_what_is_missing),
		SCENE(test_repo_fetch_refuses_sha256),
		SCENE(test_repo_fetch_checks_its_input),
		SCENE(test_repo_fetch_changes_its_branch),
		SCENE(test_repo_fetch_removes_stale_locks),
		SCENE(test_repo_fetch_clones_a_broken_mirror_anew),
		SCENE(test_repo_fetch_keeps_a_broken_mirror_when_it_cannot_clone),
		SCENE(test_repo_fetch_survives_kills),
		SCENE(test_repo_fetch_joins_packs),
		SCENE(test_repo_fetch_over_http),
		SCENE(test_repo_fetch_sends_the_token),
		SCENE(test_repo_fetch_follows_no_redirect),
		SCENE(test_repo_fetch_names_server_errors),
		SCENE(test_repo_fetch_gives_up_a_silent_server),
		SCENE(test_repo_fetch_shuts_the_host_out),
		SCENE(test_repo_fetch_binds_the_token_to_its_origin),
		SCENE(test_repo_fetch_calls_ssh_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
