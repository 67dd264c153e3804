/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's signature header. The input is one header per line ("name: value"), an empty line, and
 * the body. A request may only pass when its one signature header spells our own MAC.
 */

#include "vcs/provider.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* What must be true of a request that passed. */
static void check_passed(const struct request *r, struct digest *d)
{
	AUTO(buf) struct buf value;
	const char *name;
	struct str claimed;
	struct err e;
	buf_init(&value, 128);
	int rc = provider_github.sign(&name, &value, r->body, STR("sluice-secret"), d, &e);
	assert(rc == 0);
	rc = request_header(&claimed, r, name, &e);
	assert(rc == 0);
	assert(str_eq_nocase(claimed, buf_str(&value)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(digest) struct digest *d = digest_new();
	struct header headers[REQUEST_HEADERS_MAX];
	struct str rest = { (const char *)data, size };
	struct request r = { .headers = headers };
	struct err e = { .code = ERR_NONE };
	const struct str secrets[] = { STR("sluice-secret") };
	if (d == NULL)
		return 0;
	r.n_headers = read_headers(headers, &rest);
	r.body = rest.p != NULL ? rest : STR("");
	if (provider_github.authenticate(&r, secrets, 1, 0, d, &e) == 0)
		check_passed(&r, d);
	else
		assert(e.code == ERR_AUTH && e.msg[0] != '\0');
	return 0;
}
