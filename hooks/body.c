/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the body of a hook's delivery. */

#include "hooks/body.h"

#include "base/digest.h"
#include "base/json_write.h"
#include "vcs/provider.h"

static void write_pusher(struct json_writer *w, const struct pusher *p)
{
	jw_object(w, "pusher");
	jw_str(w, "id", p->id);
	jw_str(w, "login", p->login);
	jw_str(w, "email", p->email);
	jw_text(w, "source", p->source);
	jw_end_object(w);
}

static int write_ref(struct json_writer *w, struct str branch, struct err *e)
{
	AUTO(buf) struct buf ref;
	buf_init(&ref, POST_RECEIVE_LINE_MAX);
	buf_adds(&ref, "refs/heads/");
	buf_add(&ref, branch);
	jw_str(w, "ref", buf_str(&ref));
	return buf_check(&ref, e);
}

int body_write(struct buf *out, const struct body *b, struct err *e)
{
	unsigned char random[16];
	char nonce[2 * sizeof random + 1];
	struct json_writer w;
	if (digest_random(random, sizeof random, e) != 0)
		return -1;
	jw_init(&w, out, 0);
	jw_object(&w, NULL);
	if (write_ref(&w, b->branch, e) != 0)
		return -1;
	jw_text(&w, "before", b->change->before);
	jw_text(&w, "after", b->change->after);
	jw_bool(&w, "created", oid_is_zero(str_of(b->change->before)));
	jw_bool(&w, "deleted", oid_is_zero(str_of(b->change->after)));
	if (b->forced >= 0)
		jw_bool(&w, "forced", b->forced);
	else
		jw_null(&w, "forced");
	jw_object(&w, "repository");
	jw_str(&w, "full_name", b->repository);
	jw_end_object(&w);
	write_pusher(&w, &b->pusher);
	jw_time(&w, "pushed_at", b->now_ms);
	jw_text(&w, "nonce", hex_encode(nonce, random, sizeof random));
	jw_end_object(&w);
	return buf_check(out, e);
}
