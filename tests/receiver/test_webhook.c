/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery from the socket to the disk and back: every answer of the webhook route. */

#include "base/pack.h"
#include "receiver/webhook.h"
#include "tests/receiver/http_client.h"
#include "tests/receiver/store_fixture.h"

#include <pthread.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

static const char secret[] = "It's a Secret to Everybody";

struct site {
	struct fixture *f;
	struct live live;
	struct log log;
	struct gate gate;
	struct bell work;
	struct inbox *inbox;
	struct webhook webhook;
	struct route route;
	struct listener *listener;
	unsigned port;
};

static struct db *open_gated(struct site *s, const struct conf *conf)
{
	struct err e = { 0 };
	struct db *db = NULL;
	struct store_options options = {
		.durable = 1, .enter = gate_enter, .leave = gate_leave, .gate = &s->gate
	};
	check_ok(store_open(&db, conf, &options, &e), &e);
	return db;
}

/* The fixture's configuration on a free port; its secrets loaded. */
static struct conf *site_conf(struct fixture *f)
{
	struct err e = { 0 };
	struct conf *conf = NULL;
	struct buf text;
	buf_init(&text, 65536);
	buf_adds(&text, "listen: 127.0.0.1:0\n");
	buf_addf(&text, fixture_conf, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir);
	check_ok(conf_parse(&conf, buf_str(&text), "test.yaml", &e), &e);
	check_ok(conf_load_secrets(conf, &e), &e);
	buf_free(&text);
	return conf;
}

static int setup(void **state)
{
	struct err e = { 0 };
	struct site *s = calloc(1, sizeof *s);
	assert_non_null(s);
	void *fixture = NULL;
	(void)fixture_setup(&fixture);
	s->f = fixture;
	s->log = (struct log){ .fd = -1 };
	struct conf *conf = site_conf(s->f);
	assert_int_equal(gate_init(&s->gate), 0);
	assert_int_equal(bell_init(&s->work), 0);
	struct inbox_options inbox = { .store = open_gated(s, conf),
				       .checkpoint = open_gated(s, conf),
				       .work = &s->work,
				       .max_waiting = 1024 };
	check_ok(inbox_start(&s->inbox, &inbox, &e), &e);
	assert_int_equal(live_init(&s->live, conf), 0);
	s->webhook = (struct webhook){ .inbox = s->inbox, .log = &s->log };
	s->route = webhook_route(&s->webhook);
	struct listener_options options = {
		.live = &s->live, .log = &s->log, .routes = &s->route, .n_routes = 1, .socket = -1
	};
	check_ok(listener_start(&s->listener, &options, &e), &e);
	s->port = listener_port(s->listener);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;
	listener_stop(s->listener, 2000);
	inbox_stop(s->inbox);
	live_destroy(&s->live);
	bell_destroy(&s->work);
	gate_destroy(&s->gate);
	void *fixture = s->f;
	(void)fixture_teardown(&fixture);
	free(s);
	return 0;
}

/* --- requests --- */

struct sending {
	const char *path;
	const char *type;      /* NULL: application/json */
	const char *event;     /* NULL: pull_request */
	const char *id;        /* NULL: no delivery id */
	const char *extra;     /* more header lines */
	const char *signature; /* NULL: the right one; "": none */
	struct str body;
	int chunked;
};

static void add_signature(struct buf *out, struct str body)
{
	AUTO(digest) struct digest *d = digest_new();
	AUTO(buf) struct buf value;
	const char *name = NULL;
	struct err e = { 0 };
	buf_init(&value, 128);
	check_ok(provider_github.sign(&name, &value, body, str_of(secret), d, &e), &e);
	buf_addf(out, "%s: %s\r\n", name, value.p);
}

static void add_body(struct buf *out, const struct sending *q)
{
	if (!q->chunked) {
		buf_addf(out, "Content-Length: %zu\r\n\r\n", q->body.n);
		buf_add(out, q->body);
		return;
	}
	buf_adds(out, "Transfer-Encoding: chunked\r\n\r\n");
	for (struct str rest = q->body; rest.n > 0; rest = str_from(rest, 1000)) {
		struct str part = str_first(rest, 1000);
		buf_addf(out, "%zx\r\n%.*s\r\n", part.n, STR_ARG(part));
	}
	buf_adds(out, "0\r\n\r\n");
}

static void compose(struct buf *out, const struct sending *q)
{
	buf_init(out, 64 * 1024 * 1024);
	buf_addf(out, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nX-GitHub-Event: %s\r\n",
		 q->path != NULL ? q->path : "/webhooks/app",
		 q->type != NULL ? q->type : "application/json",
		 q->event != NULL ? q->event : "pull_request");
	if (q->id != NULL)
		buf_addf(out, "X-GitHub-Delivery: %s\r\n", q->id);
	if (q->extra != NULL)
		buf_adds(out, q->extra);
	if (q->signature == NULL)
		add_signature(out, q->body);
	else
		buf_adds(out, q->signature);
	add_body(out, q);
	struct err e = { 0 };
	check_ok(buf_check(out, &e), &e);
}

static struct reply post(struct site *s, const struct sending *q)
{
	struct buf text;
	struct reply r;
	compose(&text, q);
	client_talk(&r, s->port, text.p, text.n);
	buf_free(&text);
	return r;
}

#define MERGE_OF(repository, branch)                                                               \
	"{\"action\":\"closed\",\"pull_request\":{\"number\":12,\"merged\":true,"                  \
	"\"merge_commit_sha\":\"" SHA "\",\"base\":{\"ref\":\"" branch "\"}},"                     \
	"\"repository\":{\"full_name\":\"" repository "\"}}"

static const char merge[] = MERGE_OF("acme/app", "main");

static int64_t count(struct site *s, const char *where)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	AUTO(buf) struct buf sql;
	struct err e = { 0 };
	buf_init(&sql, 1024);
	buf_addf(&sql, "select count(*) from delivery where %s", where);
	check_ok(db_query(&rows, s->f->store, sql.p, DB_NO_ARGS, &e), &e);
	assert_int_equal(db_next(rows, &e), 1);
	return db_int(rows, 0);
}

static void check_reply(struct reply r, int status, const char *part)
{
	if (r.status != status || strstr(r.body, part) == NULL)
		fail_msg("%d %s", r.status, r.body);
}

/* --- tests --- */

static void test_webhook_takes_a_merge_as_it_came(void **state)
{
	struct site *s = *state;
	struct sending q = { .id = "d-1",
			     .extra = "X-Gitlab-Token: t\r\nX-Odd: It's a Secret to Everybody\r\n",
			     .body = str_of(merge) };
	uint64_t rings = bell_rings(&s->work);
	struct reply r = post(s, &q);
	check_reply(r, 202, "\"status\":\"queued\"");
	assert_true(bell_rings(&s->work) > rings);
	struct request kept;
	struct delivery d;
	struct err e = { 0 };
	int64_t id = strtoll(strstr(r.body, "\"delivery\":\"") + 12, NULL, 10);
	check_ok(delivery_get(&d, s->f->store, id, &s->f->arena, &e), &e);
	assert_int_equal(d.state, DELIVERY_QUEUED);
	assert_true(str_eq_cstr(d.external_id, "d-1"));
	assert_true(str_eq_cstr(d.event_type, "pull_request"));
	assert_true(str_eq_cstr(d.source, "webhook"));
	assert_int_equal(d.body_bytes, sizeof merge - 1);
	check_ok(delivery_request(&kept, s->f->store, id, &s->f->arena, &e), &e);
	assert_true(str_eq(kept.body, str_of(merge)));
	struct str token, event;
	check_ok(request_header(&token, &kept, "x-odd", &e), &e);
	assert_true(str_eq_cstr(token, "[removed]")); /* a secret of ours, whatever its name */
	check_ok(request_header(&event, &kept, "x-github-event", &e), &e);
	assert_true(str_eq_cstr(event, "pull_request"));
	check_ok(request_header(&token, &kept, "X-Gitlab-Token", &e), &e);
	assert_false(str_eq_cstr(token, "t"));
}

struct expectation {
	const char *name;
	struct sending q;
	int status;
	const char *part;  /* of the answer */
	const char *state; /* of the row; NULL: none is written */
};

#define NO_ROW NULL
#define BODY(text)                                                                                 \
	{                                                                                          \
		"" text, sizeof text - 1                                                           \
	}

static const struct expectation expectations[] = {
	{ "no endpoint", { .path = "/webhooks/nobody" }, 404, "not_found", NO_ROW },
	{ "no id", { .path = "/webhooks/" }, 404, "not_found", NO_ROW },
	{ "deeper", { .path = "/webhooks/app/x" }, 404, "not_found", NO_ROW },
	{ "elsewhere", { .path = "/webhook" }, 404, "not_found", NO_ROW },
	{ "query", { .path = "/webhooks/app?x=1", .id = "q" }, 202, "queued", "queued" },
	{ "text", { .type = "text/plain" }, 415, "application/json", NO_ROW },
	{ "latin", { .type = "application/json; charset=latin1" }, 415, "type", NO_ROW },
	{ "utf-8",
	  { .type = "Application/JSON; charset=\"UTF-8\"", .id = "u" },
	  202,
	  "queued",
	  "queued" },
	{ "gzip", { .extra = "Content-Encoding: gzip\r\n" }, 415, "Content-Encoding", NO_ROW },
	{ "two types", { .extra = "Content-Type: text/plain\r\n" }, 400, "twice", NO_ROW },
	{ "no signature", { .signature = "" }, 401, "missing", NO_ROW },
	{ "wrong signature",
	  { .signature = "X-Hub-Signature-256: sha256=" SHA "0123456789abcdef01234567\r\n" },
	  401,
	  "fits none",
	  NO_ROW },
	{ "malformed signature",
	  { .signature = "X-Hub-Signature-256: sha256=zz\r\n" },
	  401,
	  "malformed",
	  NO_ROW },
	{ "two signatures",
	  { .extra = "X-Hub-Signature-256: sha256=00\r\n" },
	  401,
	  "twice",
	  NO_ROW },
	{ "old signature", { .signature = "X-Hub-Signature: sha1=00\r\n" }, 401, "SHA-1", NO_ROW },
	{ "two ids", { .id = "a", .extra = "X-GitHub-Delivery: b\r\n" }, 400, "twice", NO_ROW },
	{ "no id", { .body = BODY("{\"x\":1}"), .event = "issues" }, 200, "ignored", "ignored" },
	{ "chunked", { .id = "c", .chunked = 1 }, 202, "queued", "queued" },
	{ "ping",
	  { .id = "p", .event = "ping", .body = BODY("{\"zen\":\"z\"}") },
	  200,
	  "pong",
	  "ignored" },
	{ "other branch",
	  { .id = "b", .body = BODY(MERGE_OF("acme/app", "topic")) },
	  200,
	  "topic",
	  "ignored" },
	{ "foreign",
	  { .id = "f", .body = BODY(MERGE_OF("evil/app", "main")) },
	  202,
	  "evil/app",
	  "refused" },
	{ "truncated",
	  { .id = "t", .body = BODY("{\"action\":\"clo") },
	  422,
	  "unreadable",
	  "refused" },
	{ "empty", { .id = "e", .body = BODY("") }, 422, "unreadable", "refused" },
	{ "twice a key",
	  { .id = "k", .body = BODY("{\"a\":1,\"a\":2}") },
	  422,
	  "unreadable",
	  "refused" },
	{ "form",
	  { .id = "form",
	    .type = "application/x-www-form-urlencoded",
	    .event = "ping",
	    .body = BODY("payload=%7B%22zen%22%3A%22x+y%22%7D") },
	  200,
	  "pong",
	  "ignored" },
	{ "form without payload",
	  { .id = "form2", .type = "application/x-www-form-urlencoded", .body = BODY("a=b") },
	  422,
	  "unreadable",
	  "refused" },
};

static void check_expectation(struct site *s, const struct expectation *x)
{
	struct sending q = x->q;
	if (q.body.p == NULL)
		q.body = str_of(merge);
	char where[64];
	(void)snprintf(where, sizeof where, "state = '%s'", x->state != NULL ? x->state : "");
	int64_t all = count(s, "1 = 1"), same = count(s, where);
	struct reply r = post(s, &q);
	if (r.status != x->status || strstr(r.body, x->part) == NULL)
		fail_msg("%s: %d %s", x->name, r.status, r.body);
	assert_int_equal(count(s, "1 = 1"), all + (x->state != NULL));
	assert_int_equal(count(s, where), same + (x->state != NULL));
}

static void test_webhook_answers(void **state)
{
	for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++)
		check_expectation(*state, &expectations[i]);
}

static void test_webhook_takes_only_post(void **state)
{
	struct site *s = *state;
	static const char get[] = "GET /webhooks/app HTTP/1.1\r\nHost: a\r\n\r\n";
	struct reply r;
	client_talk(&r, s->port, get, sizeof get - 1);
	assert_int_equal(r.status, 405);
	assert_non_null(strstr(r.head, "Allow: POST\r\n"));
}

static void test_webhook_knows_a_duplicate(void **state)
{
	struct site *s = *state;
	struct sending q = { .id = "same", .body = str_of(merge) };
	struct reply first = post(s, &q);
	check_reply(first, 202, "queued");
	struct reply again = post(s, &q);
	check_reply(again, 200, "\"status\":\"duplicate\"");
	assert_int_equal(strncmp(first.body, again.body, 16), 0);
	/* The id belongs to the endpoint. */
	q.path = "/webhooks/other";
	check_reply(post(s, &q), 202, "refused");
	/* A refused one burns no id. */
	q.path = NULL;
	q.id = "burnt";
	q.signature = "X-Hub-Signature-256: sha256=00\r\n";
	check_reply(post(s, &q), 401, "unauthenticated");
	q.signature = NULL;
	check_reply(post(s, &q), 202, "queued");
}

struct sender {
	struct site *site;
	const char *id;
	int status;
};

static void *send_one(void *arg)
{
	struct sender *sender = arg;
	struct sending q = { .id = sender->id, .body = str_of(merge) };
	sender->status = post(sender->site, &q).status;
	return NULL;
}

static void test_webhook_knows_simultaneous_duplicates(void **state)
{
	enum { SENDERS = 32, ROUNDS = 5 };
	for (int round = 0; round < ROUNDS; round++) {
		struct sender senders[SENDERS];
		pthread_t threads[SENDERS];
		char id[32];
		(void)snprintf(id, sizeof id, "race-%d", round);
		for (int i = 0; i < SENDERS; i++) {
			senders[i] = (struct sender){ .site = *state, .id = id };
			assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]),
					 0);
		}
		int taken = 0, duplicates = 0;
		for (int i = 0; i < SENDERS; i++) {
			(void)pthread_join(threads[i], NULL);
			taken += senders[i].status == 202;
			duplicates += senders[i].status == 200;
		}
		assert_int_equal(taken, 1);
		assert_int_equal(duplicates, SENDERS - 1);
		assert_int_equal(count(*state, "1 = 1"), round + 1);
	}
}

static void test_webhook_says_when_the_store_fails(void **state)
{
	struct site *s = *state;
	struct err e = { 0 };
	struct sending q = { .id = "later", .body = str_of(merge) };
	check_ok(db_exec(s->f->store, NULL, "alter table delivery rename to gone", DB_NO_ARGS, &e),
		 &e);
	struct reply r = post(s, &q);
	check_reply(r, 503, "unavailable");
	assert_non_null(strstr(r.head, "Retry-After: "));
	check_ok(db_exec(s->f->store, NULL, "alter table gone rename to delivery", DB_NO_ARGS, &e),
		 &e);
	check_reply(post(s, &q), 202, "queued");
}

/* A merge with `n` bytes of padding before the facts. */
static void pad(struct buf *out, size_t n, char c)
{
	buf_init(out, n + 4096);
	buf_adds(out, "{\"padding\":");
	char *room;
	if (c == '[') {
		room = buf_room(out, n / 2);
		assert_non_null(room);
		memset(room, '[', n / 2);
		room = buf_room(out, n / 2);
		assert_non_null(room);
		memset(room, ']', n / 2);
	} else {
		buf_addc(out, '"');
		room = buf_room(out, n);
		assert_non_null(room);
		memset(room, c, n);
		buf_addc(out, '"');
	}
	buf_addf(out, ",%s", merge + 1);
}

static void test_webhook_bounds_the_body(void **state)
{
	struct site *s = *state;
	struct buf body;
	const size_t max = 25 * 1024 * 1024;
	pad(&body, max - (sizeof merge - 1) - sizeof "\"padding\":\"\"," + 1, 'x');
	assert_int_equal(body.n, max);
	struct sending q = { .id = "large", .body = buf_str(&body) };
	check_reply(post(s, &q), 202, "queued");
	AUTO(buf) struct buf larger;
	buf_init(&larger, max + 4096);
	buf_add(&larger, buf_str(&body));
	buf_addc(&larger, ' ');
	buf_free(&body);
	q.id = "larger";
	q.body = buf_str(&larger);
	check_reply(post(s, &q), 413, "too_large");
	assert_int_equal(count(s, "1 = 1"), 1);
}

static void test_webhook_bounds_depth_and_nodes(void **state)
{
	struct site *s = *state;
	struct buf body;
	pad(&body, 100000, '[');
	struct sending q = { .id = "deep", .body = buf_str(&body) };
	check_reply(post(s, &q), 422, "deep");
	buf_free(&body);
	/* Many nodes of one byte each: the memory of a request is bounded. */
	buf_init(&body, 8 * 1024 * 1024);
	buf_adds(&body, "[0");
	for (int i = 0; i < 2000000; i++)
		buf_adds(&body, ",0");
	buf_addc(&body, ']');
	q.id = "wide";
	q.body = buf_str(&body);
	check_reply(post(s, &q), 422, "unreadable");
	buf_free(&body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_webhook_takes_a_merge_as_it_came),
		TEST(test_webhook_answers),
		TEST(test_webhook_takes_only_post),
		TEST(test_webhook_knows_a_duplicate),
		TEST(test_webhook_knows_simultaneous_duplicates),
		TEST(test_webhook_says_when_the_store_fails),
		TEST(test_webhook_bounds_the_body),
		TEST(test_webhook_bounds_depth_and_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
