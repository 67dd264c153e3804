/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitLab's signing tokens and secret tokens. Facts: GitLab Docs, "Webhooks", and the Standard
 * Webhooks specification, whose header texts are signed as they were sent.
 */

#include "base/base64.h"
#include "base/num.h"
#include "vcs/gitlab.h"
#include "vcs/signature.h"

#include <stdio.h>
#include <string.h>

static const char token_header[] = "X-Gitlab-Token";
static const char id_header[] = "webhook-id";
static const char time_header[] = "webhook-timestamp";
static const char signature_header_name[] = "webhook-signature";

enum {
	KEY_BYTES = 32,     /* what GitLab demands of a signing token */
	ID_MAX_BYTES = 256, /* a UUID has 36 */
};

static int is_signing_token(struct str secret)
{
	return str_starts(secret, STR("whsec_"));
}

/* A token that does not decode must not be taken for a plain one: it would be sent in clear. */
static int read_key(unsigned char key[KEY_BYTES], struct str token, struct err *e)
{
	size_t n;
	const struct str coded = str_from(token, strlen("whsec_"));
	if (base64_decode(key, &n, KEY_BYTES, coded, NULL) != 0 || n != KEY_BYTES)
		return err_set(e, ERR_AUTH,
			       "a signing token of the endpoint is malformed (expected whsec_ and "
			       "%d bytes in base64, as GitLab shows it)",
			       KEY_BYTES);
	return 0;
}

/* --- signing tokens --- */

struct claim {
	struct str id, time, signatures;
};

static int read_claim(struct claim *out, const struct request *r, int64_t now_s, struct err *e)
{
	struct claim c = { .id = STR_NULL };
	uint64_t signed_s;
	if (signature_header(&c.signatures, r, signature_header_name, e) != 0 ||
	    signature_header(&c.id, r, id_header, e) != 0 ||
	    signature_header(&c.time, r, time_header, e) != 0)
		return -1;
	if (c.id.n > ID_MAX_BYTES)
		return err_set(e, ERR_AUTH, "header '%s' is too long", id_header);
	if (num_parse_u64(&signed_s, c.time, 0, INT64_MAX) != 0)
		return err_set(e, ERR_AUTH, "header '%s' is malformed (expected unix seconds)",
			       time_header);
	if (now_s <= 0)
		return err_set(e, ERR_AUTH, "the signed time cannot be judged without a clock");
	/* Both are within 0 and INT64_MAX, so that the difference cannot overflow. */
	const int64_t off = now_s - (int64_t)signed_s;
	if (off > GITLAB_WINDOW_S || off < -GITLAB_WINDOW_S)
		return err_set(e, ERR_AUTH,
			       "the signed time is more than %d seconds away (replayed, or a clock "
			       "is wrong)",
			       GITLAB_WINDOW_S);
	*out = c;
	return 0;
}

/*
 * GitLab sends the signed id a second time as Idempotency-Key, by which deliveries are told apart:
 * were it free, one signed delivery could come as many.
 */
static int check_idempotency_key(const struct claim *c, const struct request *r, struct err *e)
{
	struct str key;
	struct err inner = { .code = ERR_NONE };
	if (request_header(&key, r, provider_gitlab.delivery_header, &inner) != 0)
		return err_set(e, ERR_AUTH, "%s", inner.msg);
	if (key.p != NULL && !str_eq(key, c->id))
		return err_set(e, ERR_AUTH, "header '%s' is not the signed '%s'",
			       provider_gitlab.delivery_header, id_header);
	return 0;
}

/* What is signed, with the headers' texts as they were sent. */
static int signed_text(struct buf *out, struct str id, struct str time, struct str body,
		       struct err *e)
{
	buf_add(out, id);
	buf_addc(out, '.');
	buf_add(out, time);
	buf_addc(out, '.');
	buf_add(out, body);
	return buf_check(out, e);
}

/* Whether one of the blank-separated "v1,<base64>" is the MAC; other versions are not for us. */
static int list_has(struct str list, const unsigned char mac[SHA256_BYTES])
{
	struct str entry;
	int found = 0;
	while (str_split(&entry, &list, ' ')) {
		unsigned char claimed[SHA256_BYTES];
		size_t n;
		if (!str_starts(entry, STR("v1,")) ||
		    base64_decode(claimed, &n, sizeof claimed, str_from(entry, strlen("v1,")),
				  NULL) != 0 ||
		    n != sizeof claimed)
			continue;
		found |= digest_equal(claimed, mac, sizeof claimed);
	}
	return found;
}

static int check_signed(const struct request *r, const struct str *secrets, size_t n, int64_t now_s,
			struct digest *d, struct err *e)
{
	AUTO(buf) struct buf text;
	struct claim c = { .id = STR_NULL };
	unsigned char key[KEY_BYTES], mac[SHA256_BYTES];
	int fits = 0;
	buf_init(&text, SIZE_MAX / 2);
	if (read_claim(&c, r, now_s, e) != 0 || check_idempotency_key(&c, r, e) != 0 ||
	    signed_text(&text, c.id, c.time, r->body, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!is_signing_token(secrets[i]))
			continue;
		if (read_key(key, secrets[i], e) != 0 ||
		    digest_hmac(d, mac, (struct str){ (const char *)key, KEY_BYTES },
				buf_str(&text), e) != 0)
			return -1;
		fits |= list_has(c.signatures, mac);
	}
	if (!fits)
		return err_set(e, ERR_AUTH, "no signature fits a signing token of the endpoint");
	return 0;
}

/* --- secret tokens --- */

static int check_token(const struct request *r, const struct str *secrets, size_t n,
		       struct digest *d, struct err *e)
{
	struct str token;
	int fits = 0;
	if (signature_header(&token, r, token_header, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int same;
		if (signature_same(&same, token, secrets[i], d, e) != 0)
			return -1;
		fits |= same;
	}
	if (!fits)
		return err_set(e, ERR_AUTH, "the token is none of the endpoint's secrets");
	return 0;
}

int gitlab_authenticate(const struct request *r, const struct str *secrets, size_t n, int64_t now_s,
			struct digest *d, struct err *e)
{
	unsigned char key[KEY_BYTES];
	int signing = 0;
	for (size_t i = 0; i < n; i++) {
		if (signature_secret_check(secrets[i], e) != 0)
			return -1;
		if (!is_signing_token(secrets[i]))
			continue;
		if (read_key(key, secrets[i], e) != 0)
			return -1;
		signing = 1;
	}
	/* Who asks for signatures gets no less, even from one who knows the plain token. */
	return signing ? check_signed(r, secrets, n, now_s, d, e)
		       : check_token(r, secrets, n, d, e);
}

/* --- signing --- */

int gitlab_sign(const char **header, struct buf *value, struct str body, struct str secret,
		struct digest *d, struct err *e)
{
	(void)body;
	(void)d;
	if (is_signing_token(secret))
		return err_set(e, ERR_REFUSED,
			       "a signing token signs the delivery's id and time too, which takes "
			       "several headers");
	if (signature_secret_check(secret, e) != 0)
		return -1;
	buf_add(value, secret);
	if (buf_check(value, e) != 0)
		return -1;
	*header = token_header;
	return 0;
}

static int sign_with(struct str *out, const struct signing *what, struct str time,
		     struct arena *arena, struct digest *d, struct err *e)
{
	AUTO(buf) struct buf text;
	unsigned char key[KEY_BYTES], mac[SHA256_BYTES];
	char coded[BASE64_TEXT(SHA256_BYTES)];
	buf_init(&text, SIZE_MAX / 2);
	if (read_key(key, what->secret, e) != 0 ||
	    signed_text(&text, what->id, time, what->body, e) != 0 ||
	    digest_hmac(d, mac, (struct str){ (const char *)key, KEY_BYTES }, buf_str(&text), e) !=
		0)
		return -1;
	char *value = arena_printf(arena, "v1,%s", base64_encode(coded, mac, sizeof mac));
	if (value == NULL)
		return arena_err(arena, e);
	*out = str_of(value);
	return 0;
}

int gitlab_sign_headers(struct header *out, size_t *n, const struct signing *what,
			struct arena *arena, struct digest *d, struct err *e)
{
	char now[32];
	struct str signature = STR_NULL;
	if (!is_signing_token(what->secret)) {
		const struct str token = arena_str(arena, what->secret);
		if (signature_secret_check(what->secret, e) != 0)
			return -1;
		if (token.p == NULL)
			return arena_err(arena, e);
		out[0] = (struct header){ str_of(token_header), token };
		*n = 1;
		return 0;
	}
	(void)snprintf(now, sizeof now, "%lld", (long long)what->now_s);
	const struct str time = arena_str(arena, str_of(now)), id = arena_str(arena, what->id);
	if (time.p == NULL || id.p == NULL)
		return arena_err(arena, e);
	if (sign_with(&signature, what, time, arena, d, e) != 0)
		return -1;
	out[0] = (struct header){ str_of(id_header), id };
	out[1] = (struct header){ str_of(time_header), time };
	out[2] = (struct header){ str_of(signature_header_name), signature };
	*n = 3;
	return 0;
}
