/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate simulate`: composes an event as the provider would, signs it with a configured secret
 * and sends it: for trying a set-up, and for the quickstart. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/app.h"
#include "cli/http.h"
#include "cli/names.h"
#include "vcs/provider.h"

#include <curl/curl.h>

#include <assert.h>

enum {
	BODY_MAX = 1024 * 1024,
	ANSWER_MAX = 64 * 1024,
	TIMEOUT_MS = 30000,
	HEADERS_MAX = 4 + SIGNED_HEADERS_MAX,
	REPEATS_MAX = 2,
};

struct simulation {
	const struct conf_repository *repository;
	const struct provider *provider;
	struct event event;
	struct buf body;
	const char *headers[HEADERS_MAX];
	size_t n_headers;
	const char *url;
	int direct;
};

static struct str value_or(const struct options *given, const char *name, struct str otherwise)
{
	const struct str value = option_value(given, name);

	return value.p != NULL ? value : otherwise;
}

static int read_kind(enum event_kind *out, struct str word, struct err *e)
{
	static const struct {
		const char *word;
		enum event_kind kind;
	} kinds[] = { { "merge", EVENT_MERGE }, { "push", EVENT_PUSH }, { "ping", EVENT_PING } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (str_eq_cstr(word, kinds[i].word)) {
			*out = kinds[i].kind;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT, "cannot simulate '%.*s' (expected merge, push or ping)",
		       STR_ARG(word));
}

/* What the options say by themselves: checked before the configuration is read. */
static int read_event(struct event *event, const struct options *given, struct err *e)
{
	int64_t number = 1;

	if (read_kind(&event->kind, given->operands[1], e) != 0 ||
	    option_number(&number, given, "--number", 1, INT64_C(1) << 53, e) != 0)
		return -1;
	event->merge_commit = option_value(given, "--commit");
	if (event->kind == EVENT_PING)
		return 0;
	if (event->merge_commit.p == NULL)
		return err_set(e, ERR_INPUT, "--commit is missing: the merge commit's 40 digits");
	if (!oid_is_valid(event->merge_commit))
		return err_set(e, ERR_INPUT,
			       "--commit '%.*s': expected 40 lower-case hexadecimal digits",
			       STR_ARG(event->merge_commit));
	event->author.login = value_or(given, "--author", STR("octocat"));
	event->author.id = value_or(given, "--author-id", STR("583231"));
	event->author.bot = EVENT_BOT_NO;
	event->actor = event->author.login;
	if (event->kind == EVENT_PUSH)
		return 0;
	event->action = STR("closed");
	event->source_branch = STR("simulated");
	event->pull_request.number = value_or(given, "--number", STR("1"));
	event->pull_request.title = value_or(given, "--title", STR("A simulated pull request"));
	return 0;
}

/* Where this host's own daemon listens, as a url. An address for all is reached by loopback. */
static int own_url(struct simulation *s, const struct conf *conf, struct arena *arena,
		   struct err *e)
{
	const size_t colon = str_find_last(conf->listen, ':');
	struct str host = str_first(conf->listen, colon);
	const struct str port = str_from(conf->listen, colon + 1);
	uint64_t number;

	if (num_parse_u64(&number, port, 1, 65535) != 0)
		return err_set(e, ERR_INPUT,
			       "'%.*s' tells no port to send to; give --url with the port that "
			       "`tidegate serve` logged",
			       STR_ARG(conf->listen));
	if (host.n == 0 || str_eq_cstr(host, "0.0.0.0") || str_eq_cstr(host, "*"))
		host = STR("127.0.0.1");
	else if (str_eq_cstr(host, "[::]"))
		host = STR("[::1]");
	s->direct = 1;
	s->url = arena_printf(arena, "http://%.*s:%llu/webhooks/%.*s", STR_ARG(host),
			      (unsigned long long)number, STR_ARG(s->repository->id));
	return s->url != NULL ? 0 : arena_err(arena, e);
}

/* A delivery id of the common form, of random digits. */
static int random_id(struct str *out, struct arena *arena, struct err *e)
{
	unsigned char bytes[16];
	char hex[33];

	if (digest_random(bytes, sizeof(bytes), e) != 0)
		return -1;
	hex_encode(hex, bytes, sizeof(bytes));
	*out = str_of(arena_printf(arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13,
				   hex + 17, hex + 20));
	return out->p != NULL ? 0 : arena_err(arena, e);
}

static int add_header(struct simulation *s, struct arena *arena, const char *name, struct str value,
		      struct err *e)
{
	if (name == NULL)
		return 0;
	if (str_has_control(value))
		return err_set(e, ERR_INPUT, "the value of '%s' holds a control character", name);
	assert(s->n_headers < HEADERS_MAX);
	s->headers[s->n_headers] = arena_printf(arena, "%s: %.*s", name, STR_ARG(value));
	if (s->headers[s->n_headers] == NULL)
		return arena_err(arena, e);
	s->n_headers++;
	return 0;
}

static int choose_secret(struct conf_secret **out, const struct conf_repository *repository,
			 const struct options *given, struct err *e)
{
	struct conf_secret *secrets = repository->secrets.items;
	int64_t index = 0;

	if (option_number(&index, given, "--secret-index", 0, INT32_MAX, e) != 0)
		return -1;
	if ((uint64_t)index >= repository->secrets.n)
		return err_set(e, ERR_INPUT, "--secret-index %lld: '%.*s' has %zu, from 0",
			       (long long)index, STR_ARG(repository->id), repository->secrets.n);
	*out = &secrets[index];
	return 0;
}

static int sign_body(struct simulation *s, const struct signing *what, struct digest *d,
		     struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf value;
	const char *header;

	buf_init(&value, 4096);
	if (s->provider->sign(&header, &value, what->body, what->secret, d, e) != 0 ||
	    buf_check(&value, e) != 0)
		return -1;
	return add_header(s, arena, header, buf_str(&value), e);
}

static int sign(struct simulation *s, const struct conf_secret *secret, struct str id,
		struct arena *arena, struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();

	assert(secret != NULL && secret->value != NULL);
	const struct signing what = { buf_str(&s->body), secret_reveal(secret->value), id,
				      clock_unix_ms() / 1000 };
	struct header headers[SIGNED_HEADERS_MAX];
	size_t n = 0;

	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (s->provider->sign_headers == NULL)
		return sign_body(s, &what, d, arena, e);
	if (s->provider->sign_headers(headers, &n, &what, arena, d, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *name = arena_str(arena, headers[i].name).p;

		if (name == NULL)
			return arena_err(arena, e);
		if (add_header(s, arena, name, headers[i].value, e) != 0)
			return -1;
	}
	return 0;
}

static struct str first_of(const struct conf_list *texts)
{
	return texts->n > 0 ? *(const struct str *)texts->items : STR_NULL;
}

/* The request, ready to go. The event and the repository are known. */
static int compose(struct simulation *s, struct conf_secret *secret, struct app *app,
		   const struct options *given, struct err *e)
{
	struct str id = option_value(given, "--delivery-id");
	const char *type = NULL;

	s->event.repository = s->repository->full_name;
	/* Where ids are allow-listed, the first of each. */
	s->event.repository_id = first_of(&s->repository->repository_ids);
	s->event.subscription_id = first_of(&s->repository->subscription_ids);
	if (s->event.kind != EVENT_PING)
		s->event.target_branch = value_or(given, "--branch", s->repository->branch);
	if (id.p == NULL && random_id(&id, app->arena, e) != 0)
		return -1;
	if (s->provider->compose(&s->body, &type, &s->event, e) != 0 || buf_check(&s->body, e) != 0)
		return -1;
	if (app_load_secret(secret, app->conf, "webhook secret", e) != 0)
		return -1;
	if (add_header(s, app->arena, "Content-Type", STR("application/json"), e) != 0 ||
	    add_header(s, app->arena, "User-Agent", STR("tidegate-simulate/" TIDEGATE_VERSION),
		       e) != 0 ||
	    add_header(s, app->arena, s->provider->event_header, str_of(type), e) != 0 ||
	    add_header(s, app->arena, s->provider->delivery_header, id, e) != 0)
		return -1;
	return sign(s, secret, id, app->arena, e);
}

/* 'text' for a shell. */
static void quote(struct buf *out, struct str text)
{
	buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, text.p[i]);
	}
	buf_addc(out, '\'');
}

/* The same request as a command; the signature is in it, the secret is not. */
static int print_command(struct app *app, const struct simulation *s)
{
	AUTO(buf) struct buf out;

	app_begin(&out);
	buf_adds(&out, "printf %s ");
	quote(&out, buf_str(&s->body));
	buf_adds(&out, " |\ncurl --include --request POST --data-binary @- \\\n");
	for (size_t i = 0; i < s->n_headers; i++) {
		buf_adds(&out, "  --header ");
		quote(&out, str_of(s->headers[i]));
		buf_adds(&out, " \\\n");
	}
	buf_adds(&out, "  ");
	quote(&out, str_of(s->url));
	buf_addc(&out, '\n');
	return app_print(app, &out);
}

static int print_answers(struct app *app, const struct http_post *posts, size_t n)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	if (app->format == FORMAT_TABLE) {
		for (size_t i = 0; i < n; i++) {
			struct str answer = buf_str(&posts[i].answer);

			if (str_ends(answer, STR("\n")))
				answer.n--;
			buf_addf(&out, "%d ", posts[i].status);
			screen_add(&out, answer);
			buf_addc(&out, '\n');
		}
		return app_print(app, &out);
	}
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "answers");
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		jw_int(&w, "status", posts[i].status);
		jw_str(&w, "body", buf_str(&posts[i].answer));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int post_all(struct http_post *posts, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (http_send(&posts[i], e) != 0)
			return -1;
	}
	return 0;
}

static int send_all(struct app *app, const struct simulation *s, size_t n)
{
	struct http_post posts[REPEATS_MAX];
	struct err e;
	int code;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return app_usage(app, "cannot start libcurl");
	for (size_t i = 0; i < n; i++) {
		posts[i] = (struct http_post){ .url = s->url,
					       .headers = s->headers,
					       .n_headers = s->n_headers,
					       .body = buf_str(&s->body),
					       .timeout_ms = TIMEOUT_MS,
					       .direct = s->direct };
		buf_init(&posts[i].answer, ANSWER_MAX);
	}
	code = post_all(posts, n, &e) != 0 ? app_fail(app, &e) : print_answers(app, posts, n);
	for (size_t i = 0; i < n; i++) {
		if (code == EXIT_DONE && (posts[i].status < 200 || posts[i].status > 299))
			code = EXIT_FAILED;
		buf_free(&posts[i].answer);
	}
	curl_global_cleanup();
	return code;
}

static int choose_endpoint(struct simulation *s, struct app *app, const struct options *given,
			   struct err *e)
{
	const struct str url = option_value(given, "--url");

	if (names_repository(&s->repository, app->conf, given->operands[0], e) != 0)
		return -1;
	s->provider = provider_find(s->repository->provider);
	if (s->provider == NULL || s->provider->compose == NULL ||
	    (s->provider->sign == NULL && s->provider->sign_headers == NULL))
		return err_set(e, ERR_INPUT, "events of provider '%.*s' cannot be simulated",
			       STR_ARG(s->repository->provider));
	s->url = url.p;
	return url.p != NULL ? 0 : own_url(s, app->conf, app->arena, e);
}

static int simulate(struct simulation *s, struct app *app, const struct options *given)
{
	struct conf_secret *secret = NULL;
	struct err e;
	int code;

	if (read_event(&s->event, given, &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (choose_endpoint(s, app, given, &e) != 0 ||
	    choose_secret(&secret, s->repository, given, &e) != 0 ||
	    compose(s, secret, app, given, &e) != 0)
		return app_fail_usage(app, &e);
	if (option_has(given, "--print"))
		return print_command(app, s);
	return send_all(app, s, option_has(given, "--repeat") ? 2 : 1);
}

static int run_simulate(struct app *app, const struct options *given)
{
	struct simulation s = { .repository = NULL };
	int code;

	buf_init(&s.body, BODY_MAX);
	code = simulate(&s, app, given);
	buf_free(&s.body);
	return code;
}

static const struct option options_simulate[] = {
	{ "--commit", 0, OPTION_ONE, "SHA", "merge: the merge commit; push: the new tip" },
	{ "--number", 0, OPTION_ONE, "N", "of the pull request; default 1" },
	{ "--title", 0, OPTION_ONE, "TEXT", "of the pull request" },
	{ "--author", 0, OPTION_ONE, "LOGIN", "who wrote it; default octocat" },
	{ "--author-id", 0, OPTION_ONE, "ID", "the author's id at the provider; default 583231" },
	{ "--branch", 0, OPTION_ONE, "NAME", "target branch; default the endpoint's" },
	{ "--url", 0, OPTION_ONE, "URL", "default http://LISTEN/webhooks/ENDPOINT" },
	{ "--secret-index", 0, OPTION_ONE, "N", "which of the endpoint's secrets signs, from 0" },
	{ "--delivery-id", 0, OPTION_ONE, "ID", "default random" },
	{ "--repeat", 0, OPTION_FLAG, NULL, "send the same delivery a second time" },
	{ "--print", 0, OPTION_FLAG, NULL, "print it as a curl command instead of sending it" },
	{ .name = NULL },
};

const struct command command_simulate = {
	.name = "simulate",
	.summary = "build, sign and send an event, to try a set-up",
	.usage = "ENDPOINT merge|push --commit SHA [OPTION...]\nENDPOINT ping [OPTION...]",
	.text =
	    "Composes the event as the endpoint's provider would, signs it with the endpoint's "
	    "secret, sends\nit, and prints the status and the answer. ENDPOINT is a repository's "
	    "id in the configuration.\nWith --print it writes a command that sends the same bytes; "
	    "the signature is in it, the secret\nis not.",
	.options = options_simulate,
	.examples =
	    "tidegate simulate app ping\n"
	    "tidegate simulate app merge --commit \"$(git rev-parse main)\" --number 7 --title "
	    "'Add orders'\n"
	    "tidegate simulate app merge --commit \"$(git rev-parse main)\" --repeat",
	.exits = "0 when each answer was 2xx, else 1.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_simulate,
};
