/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of a git child, built from nothing, so that neither the host's configuration nor
 * the user's plays a part. Credentials travel here, never on a command line. It reads `environ` for
 * the few variables that a child must have from outside: that is the one exception to the rule that
 * only the configuration looks at the environment.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "vcs/repo_impl.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

extern char **environ;

enum { ENV_VALUE_MAX = 128 * 1024 }; /* a secret may have 64 KiB, base64 a third more */

void repo_env_init(struct repo_env *env)
{
	*env = (struct repo_env){ .n = 0 };
}

void repo_env_free(struct repo_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		mem_free_secret(env->items[i], strlen(env->items[i]));
	repo_env_init(env);
}

/* The text is wiped before it is freed: it may hold a credential. */
static void env_add(struct repo_env *env, const char *name, struct str value)
{
	const size_t name_n = strlen(name);
	/* The last place stays NULL. */
	if (value.n > ENV_VALUE_MAX || env->n + 1 >= sizeof env->items / sizeof env->items[0]) {
		env->failed = 1;
		return;
	}
	char *item = mem_alloc(name_n + value.n + 2);
	if (item == NULL) {
		env->failed = 1;
		return;
	}
	memcpy(item, name, name_n);
	item[name_n] = '=';
	if (value.n > 0)
		memcpy(item + name_n + 1, value.p, value.n);
	item[name_n + 1 + value.n] = '\0';
	env->items[env->n++] = item;
}

static void env_adds(struct repo_env *env, const char *name, const char *value)
{
	env_add(env, name, str_of(value));
}

static void env_config(struct repo_env *env, const char *key, const char *value)
{
	char name[48];
	(void)snprintf(name, sizeof name, "GIT_CONFIG_KEY_%zu", env->configs);
	env_adds(env, name, key);
	(void)snprintf(name, sizeof name, "GIT_CONFIG_VALUE_%zu", env->configs);
	env_adds(env, name, value);
	env->configs++;
}

/* Our own variable `name`, or NULL. */
static const char *outer(const char *name)
{
	size_t n = strlen(name);
	for (char **p = environ; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
			return *p + n + 1;
	}
	return NULL;
}

static void add_outer(struct repo_env *env)
{
	static const char *const passed[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					      "all_proxy",  "ALL_PROXY",   "no_proxy",
					      "NO_PROXY",   "SSL_CERT_DIR" };
	const char *path = outer("PATH");
	env_adds(env, "PATH", path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		const char *value = outer(passed[i]);
		if (value != NULL)
			env_adds(env, passed[i], value);
	}
	/* Debian's git uses GnuTLS, which does not look at SSL_CERT_FILE by itself. */
	const char *bundle = outer("SSL_CERT_FILE");
	if (bundle != NULL) {
		env_adds(env, "SSL_CERT_FILE", bundle);
		env_adds(env, "GIT_SSL_CAINFO", bundle);
	}
}

static void add_fixed(struct repo_env *env, const char *protocol)
{
	static const char *const configs[][2] = {
		{ "credential.helper", "" },
		{ "core.hooksPath", "/dev/null" },
		{ "core.fsmonitor", "false" },
		{ "http.followRedirects", "false" },
		/* a server that trickles is given up before the deadline of the whole */
		{ "http.lowSpeedLimit", "100" },
		{ "http.lowSpeedTime", "60" },
		{ "fetch.fsckObjects", "true" },
		/* old and harmless, and in the history of well-known repositories */
		{ "fetch.fsck.zeroPaddedFilemode", "ignore" },
		{ "fetch.fsck.missingSpaceBeforeDate", "ignore" },
		{ "fetch.fsck.badTimezone", "ignore" },
		/*
		 * Each fetch adds one pack and no loose objects; repo_fetch joins packs itself, so
		 * that no collection runs in the background or eats the time of a fetch.
		 */
		{ "fetch.unpackLimit", "1" },
		{ "gc.auto", "0" },
		{ "maintenance.auto", "false" },
		{ "protocol.version", "2" },
	};
	env_adds(env, "LANG", "C.UTF-8");
	env_adds(env, "GIT_TERMINAL_PROMPT", "0");
	env_adds(env, "GIT_CONFIG_NOSYSTEM", "1");
	env_adds(env, "GIT_CONFIG_GLOBAL", "/dev/null");
	env_adds(env, "GIT_ATTR_NOSYSTEM", "1");
	env_adds(env, "GIT_ALLOW_PROTOCOL", protocol);
	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
		env_config(env, configs[i][0], configs[i][1]);
}

/* --- https: a token --- */

static int check_token(struct str user, struct str token, const struct repo_url *url, struct err *e)
{
	if (url->scheme != REPO_HTTPS && url->scheme != REPO_HTTP)
		return err_set(e, ERR_INPUT,
			       "a token is only for https:// (use an ssh key, or another url)");
	if (str_find(user, ':') < user.n || str_has_control(user) || str_has_control(token))
		return err_set(e, ERR_INPUT,
			       "the user name or token holds a ':' or a control character");
	return 0;
}

/* RFC 7617: "Authorization: Basic " and base64 of user ":" token; freed as a secret. */
static char *basic_header(struct str user, struct str token)
{
	static const char head[] = "Authorization: Basic ";
	AUTO(buf) struct buf plain;
	buf_init(&plain, ENV_VALUE_MAX / 2);
	buf_add(&plain, user);
	buf_addc(&plain, ':');
	buf_add(&plain, token);
	const size_t n = plain.n;
	char *text = buf_take(&plain);
	/* Four characters for each three bytes, and a NUL. */
	char *coded = text != NULL ? mem_alloc(sizeof head + (n + 2) / 3 * 4) : NULL;
	if (coded != NULL) {
		memcpy(coded, head, sizeof head);
		(void)EVP_EncodeBlock((unsigned char *)coded + strlen(head),
				      (const unsigned char *)text, num_clamp_int(n));
	}
	mem_free_secret(text, n);
	return coded;
}

static int add_token(struct repo_env *env, struct str secrets[2], const struct repo_remote *remote,
		     const struct repo_url *url, struct err *e)
{
	const struct str token = secret_reveal(remote->token);
	const struct str user =
	    remote->username.p != NULL ? remote->username : STR("x-access-token");
	char key[2100];
	if (check_token(user, token, url, e) != 0)
		return -1;
	char *header = basic_header(user, token);
	if (header == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	/* Bound to the origin: git sends it nowhere else. */
	(void)snprintf(key, sizeof key, "http.%.*s.extraHeader", STR_ARG(url->origin));
	env_config(env, key, header);
	mem_free_secret(header, strlen(header));
	secrets[0] = token;
	if (!env->failed) {
		struct str item = str_of(env->items[env->n - 1]);
		secrets[1] = str_from(item, str_find_last(item, ' ') + 1);
	}
	return 0;
}

/* --- ssh: a key and known hosts --- */

/*
 * The path goes through a shell, and then through ssh's own reading of options, where quotes,
 * '%' and '$' mean something: those are refused rather than quoted twice.
 */
static int check_ssh_path(struct str path, const char *what, struct err *e)
{
	for (size_t i = 0; i < path.n; i++) {
		if (str_find(STR("\"'\\%$"), path.p[i]) < 5 || (unsigned char)path.p[i] < ' ')
			return err_set(e, ERR_INPUT,
				       "the path of the %s '%.*s' holds one of \" ' \\ %% $ or a "
				       "control character",
				       what, STR_ARG(str_first(path, 200)));
	}
	if (path.n == 0 || path.p[0] != '/')
		return err_set(e, ERR_INPUT, "the path of the %s '%.*s' is not absolute", what,
			       STR_ARG(str_first(path, 200)));
	return 0;
}

static int add_ssh(struct repo_env *env, const struct repo_remote *remote, struct err *e)
{
	AUTO(buf) struct buf command;
	buf_init(&command, 16 * 1024);
	buf_adds(&command, "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30 "
			   "-o ServerAliveInterval=15 -o ServerAliveCountMax=4 "
			   "-o ForwardAgent=no -o ClearAllForwardings=yes -o ControlPath=none");
	if (remote->ssh_key.p != NULL) {
		if (check_ssh_path(remote->ssh_key, "ssh key", e) != 0)
			return -1;
		buf_addf(&command, " -o IdentitiesOnly=yes -i '%.*s'", STR_ARG(remote->ssh_key));
	}
	if (remote->known_hosts.p != NULL) {
		if (check_ssh_path(remote->known_hosts, "known_hosts file", e) != 0)
			return -1;
		buf_addf(&command,
			 " -o GlobalKnownHostsFile=/dev/null -o 'UserKnownHostsFile=\"%.*s\"'",
			 STR_ARG(remote->known_hosts));
	}
	if (buf_check(&command, e) != 0)
		return -1;
	env_adds(env, "GIT_SSH_COMMAND", command.p);
	env_adds(env, "GIT_SSH_VARIANT", "ssh");
	return 0;
}

int repo_env_fetch(struct repo_env *env, struct str secrets[2], const struct repo_remote *remote,
		   const struct repo_url *url, struct err *e)
{
	static const char *const protocols[] = {
		[REPO_HTTPS] = "https",
		[REPO_HTTP] = "http",
		[REPO_SSH] = "ssh",
		[REPO_FILE] = "file",
	};
	char count[24];
	secrets[0] = secrets[1] = STR_NULL;
	add_outer(env);
	env_add(env, "HOME", remote->path);
	add_fixed(env, protocols[url->scheme]);
	if (remote->token != NULL && add_token(env, secrets, remote, url, e) != 0)
		return -1;
	if (url->scheme == REPO_SSH && add_ssh(env, remote, e) != 0)
		return -1;
	(void)snprintf(count, sizeof count, "%zu", env->configs);
	env_adds(env, "GIT_CONFIG_COUNT", count);
	if (env->failed)
		return err_set(e, ERR_NOMEM, "out of memory for the environment of git");
	return 0;
}
