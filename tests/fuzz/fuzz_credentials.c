/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GitLab and Azure DevOps send to prove themselves. The first byte picks the provider, then
 * comes one header per line ("name: value"), an empty line, and the body. A request may only pass
 * when a header holds what we would have sent.
 */

#include "vcs/provider.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1744000000 };

struct target {
	const struct provider *provider;
	struct str secret;
};

static size_t read_headers(struct header *headers, struct str *rest)
{
	size_t n = 0;
	struct str line;
	while (n < REQUEST_HEADERS_MAX && str_split(&line, rest, '\n') && line.n > 0) {
		size_t colon = str_find(line, ':');
		headers[n].name = str_first(line, colon);
		headers[n].value = str_trim(str_from(line, colon + 1));
		n++;
	}
	return n;
}

static int holds(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++) {
		if (str_starts(str_from(text, i), part))
			return 1;
	}
	return 0;
}

/* Sign the same body again, with the id and the time that the request claims. */
static void check_passed(const struct target *t, const struct request *r, struct digest *d)
{
	AUTO(arena) struct arena arena;
	struct header ours[SIGNED_HEADERS_MAX];
	size_t n = 0;
	struct signing what = { .body = r->body, .secret = t->secret, .now_s = NOW };
	struct str sent, time = STR_NULL;
	struct err e;
	arena_init(&arena, 1 << 20);
	int rc = request_header(&what.id, r, "webhook-id", &e);
	assert(rc == 0 || t->provider != &provider_gitlab);
	rc = request_header(&time, r, "webhook-timestamp", &e);
	/* Only the time that we would write can be compared; others are taken within the window. */
	if (t->provider == &provider_gitlab && !str_eq_cstr(time, "1744000000"))
		return;
	rc = t->provider->sign_headers(ours, &n, &what, &arena, d, &e);
	assert(rc == 0 && n > 0);
	const struct header last = ours[n - 1];
	const char *name = arena_str(&arena, last.name).p;
	assert(name != NULL);
	rc = request_header(&sent, r, name, &e);
	assert(rc == 0);
	/* The scheme's letters have no case, and GitLab's list may hold more. */
	const size_t blank = str_find(last.value, ' ');
	assert(holds(sent, blank < last.value.n ? str_from(last.value, blank + 1) : last.value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target targets[] = {
		{ &provider_gitlab, { "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=", 50 } },
		{ &provider_gitlab, { "sluice-secret", 13 } },
		{ &provider_azure, { "tide:sluice", 11 } },
		{ &provider_azure, { "X-Azure-Token: sluice", 21 } },
	};
	AUTO(digest) struct digest *d = digest_new();
	struct header headers[REQUEST_HEADERS_MAX];
	struct request r = { .headers = headers };
	struct err e = { .code = ERR_NONE };
	if (d == NULL || size == 0)
		return 0;
	const struct target *t = &targets[data[0] & 3U];
	struct str rest = { (const char *)data + 1, size - 1 };
	r.n_headers = read_headers(headers, &rest);
	r.body = rest.p != NULL ? rest : STR("");
	if (t->provider->authenticate(&r, &t->secret, 1, NOW, d, &e) == 0)
		check_passed(t, &r, d);
	else
		assert(e.code == ERR_AUTH && e.msg[0] != '\0');
	return 0;
}
