/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries that are handed in, on their way to the store. How they come here is no matter. */

#include "receiver/handin.h"

#include "base/clock.h"
#include "base/num.h"
#include "receiver/intake.h"

#include <stdio.h>

enum { HEADERS_MAX_BYTES = 128 * 1024, PACKED_SLACK = 4096 };

void handin_free(struct handin *h)
{
	buf_free(&h->headers);
	buf_free(&h->packed);
}

const struct conf_repository *handin_repository(const struct conf *conf, struct str id)
{
	const struct conf_repository *r = conf_repository(conf, id);
	if (r == NULL || !str_eq_cstr(r->provider, provider_git.name))
		return NULL;
	return r;
}

static int name_it(struct handin *h, struct str body, struct digest *d, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	if (digest_sha256(d, sum, body, e) != 0)
		return -1;
	(void)snprintf(h->id, sizeof h->id, "sha256:%s", hex_encode(hex, sum, sizeof sum));
	h->delivery.external_id = str_of(h->id);
	return 0;
}

/* What it says, and so what becomes of it. */
static int read_it(struct handin *h, const struct conf_repository *repository,
		   const struct request *request, struct arena *arena, struct err *e)
{
	struct intake in;
	const struct provider *provider = provider_find(repository->provider);
	if (provider == NULL)
		return err_set(e, ERR_INPUT, "provider '%.*s' is not known",
			       STR_ARG(repository->provider));
	if (intake_read(&in, repository, provider, request, arena, e) != 0)
		return -1;
	h->delivery.summary = in.summary;
	h->delivery.reason = in.reason;
	switch (in.verdict) {
	case INTAKE_RELEASE:
		h->delivery.state = DELIVERY_QUEUED;
		break;
	case INTAKE_IGNORE:
	case INTAKE_PING:
		h->delivery.state = DELIVERY_IGNORED;
		break;
	case INTAKE_REFUSE:
		h->delivery.state = DELIVERY_REFUSED;
		break;
	}
	return 0;
}

int handin_prepare(struct handin *out, const struct conf_repository *repository, struct str source,
		   size_t max, const struct request *request, struct digest *d,
		   struct pack_context *pack, struct arena *arena, struct err *e)
{
	buf_init(&out->headers, HEADERS_MAX_BYTES);
	buf_init(&out->packed, max + PACKED_SLACK);
	if (request->body.n > max)
		return err_set(e, ERR_LIMIT, "the body is larger than %zu bytes", max);
	if (name_it(out, request->body, d, e) != 0 ||
	    read_it(out, repository, request, arena, e) != 0 ||
	    delivery_pack_headers(&out->headers, request, e) != 0)
		return -1;
	int rc = pack != NULL ? pack_compress_with(&out->packed, pack, request->body, e)
			      : pack_compress(&out->packed, request->body, e);
	if (rc != 0)
		return -1;
	out->delivery.endpoint = repository->id;
	out->delivery.provider = repository->provider;
	out->delivery.source = source;
	out->delivery.received_ms = clock_unix_ms();
	out->delivery.headers = buf_str(&out->headers);
	out->delivery.body_packed = buf_str(&out->packed);
	out->delivery.body_bytes = num_clamp_i64(request->body.n);
	return 0;
}

int handin_write(int64_t *id, int *duplicate, struct db *store, const struct handin *h,
		 struct err *e)
{
	int64_t row = 0;
	int again = 0;
	if (db_begin(store, e) != 0)
		return -1;
	if (delivery_insert(&row, &again, store, &h->delivery, e) != 0 ||
	    db_commit(store, e) != 0) {
		db_rollback(store);
		return -1;
	}
	*id = row;
	if (duplicate != NULL)
		*duplicate = again;
	return 0;
}
