/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Azure DevOps sends to show who it is: Basic credentials (RFC 7617) or a header of one's own.
 * Facts: Microsoft Learn, "Web Hooks" of service hooks.
 */

#include "base/base64.h"
#include "vcs/azure.h"
#include "vcs/signature.h"

#include <string.h>

static const char basic_header[] = "Authorization";

/* A secret taken apart. */
struct proof {
	struct str header;         /* absent: Basic */
	struct str value;          /* of the header */
	struct str user, password; /* of Basic */
};

static int is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];
		const int alnum =
		    (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return 0;
	}
	return s.n > 0;
}

static void split_credentials(struct proof *out, struct str text)
{
	/* A password may hold colons, a user may not (RFC 7617, section 2). */
	const size_t colon = str_find(text, ':');
	out->user = colon < text.n ? str_first(text, colon) : STR("");
	out->password = colon < text.n ? str_from(text, colon + 1) : text;
}

/* Without anything secret in it, a proof proves nothing. */
static int read_proof(struct proof *out, struct str secret, struct err *e)
{
	struct proof p = { .header = STR_NULL };
	const size_t colon = str_find(secret, ':');
	const struct str name = str_first(secret, colon), rest = str_from(secret, colon + 1);
	if (is_token(name) && str_starts(rest, STR(" "))) {
		p.header = name;
		p.value = str_trim(rest);
	} else {
		split_credentials(&p, secret);
	}
	if (signature_secret_check(p.header.p != NULL ? p.value : p.password, e) != 0)
		return -1;
	*out = p;
	return 0;
}

/* --- what was sent --- */

/* The header is absent when the request does not have it; twice is refused. */
static int sent_header(struct str *out, const struct request *r, struct str name, struct err *e)
{
	struct str value = STR_NULL;
	int seen = 0;
	for (size_t i = 0; i < r->n_headers; i++) {
		if (!str_eq_nocase(r->headers[i].name, name))
			continue;
		if (seen)
			return err_set(e, ERR_AUTH,
				       "the header that proves the sender is there "
				       "twice");
		seen = 1;
		value = r->headers[i].value.p != NULL ? r->headers[i].value : STR("");
	}
	*out = value;
	return 0;
}

struct credentials {
	int sent; /* the request has Basic credentials */
	struct proof is;
	char text[AZURE_CREDENTIALS_MAX];
};

static int malformed(struct err *e)
{
	return err_set(e, ERR_AUTH,
		       "header '%s' is malformed (expected Basic and user:password in base64)",
		       basic_header);
}

static int read_credentials(struct credentials *out, const struct request *r, struct err *e)
{
	struct str value = STR_NULL;
	unsigned char bytes[AZURE_CREDENTIALS_MAX];
	size_t n = 0;
	if (sent_header(&value, r, STR("Authorization"), e) != 0)
		return -1;
	out->sent = value.p != NULL;
	if (!out->sent)
		return 0;
	const size_t blank = str_find(value, ' ');
	if (!str_eq_nocase(str_first(value, blank), STR("Basic")) ||
	    base64_decode(bytes, &n, sizeof bytes, str_from(value, blank + 1), NULL) != 0)
		return malformed(e);
	memcpy(out->text, bytes, n);
	const struct str text = { out->text, n };
	if (str_find(text, ':') == n)
		return malformed(e);
	split_credentials(&out->is, text);
	return 0;
}

/* --- the decision --- */

struct check {
	const struct request *r;
	struct digest *d;
	struct credentials basic; /* once it was read */
	int basic_read;
	int sent; /* the request has something that a secret asks for */
	int fits;
};

static int try_header(struct check *c, const struct proof *p, struct err *e)
{
	struct str value = STR_NULL;
	int same = 0;
	if (sent_header(&value, c->r, p->header, e) != 0)
		return -1;
	if (value.p == NULL)
		return 0;
	c->sent = 1;
	if (signature_same(&same, value, p->value, c->d, e) != 0)
		return -1;
	c->fits |= same;
	return 0;
}

static int try_basic(struct check *c, const struct proof *p, struct err *e)
{
	int user = 0, password = 0;
	/* What a proxy put there is nothing to us while no secret is Basic, hence not sooner. */
	if (!c->basic_read && read_credentials(&c->basic, c->r, e) != 0)
		return -1;
	c->basic_read = 1;
	if (!c->basic.sent)
		return 0;
	c->sent = 1;
	if (signature_same(&user, c->basic.is.user, p->user, c->d, e) != 0 ||
	    signature_same(&password, c->basic.is.password, p->password, c->d, e) != 0)
		return -1;
	c->fits |= user & password;
	return 0;
}

int azure_authenticate(const struct request *r, const struct str *secrets, size_t n, int64_t now_s,
		       struct digest *d, struct err *e)
{
	(void)now_s; /* Azure DevOps signs no time */
	struct check c = { .r = r, .d = d };
	for (size_t i = 0; i < n; i++) {
		struct proof p = { .header = STR_NULL };
		if (read_proof(&p, secrets[i], e) != 0)
			return -1;
		if ((p.header.p != NULL ? try_header(&c, &p, e) : try_basic(&c, &p, e)) != 0)
			return -1;
	}
	if (!c.sent)
		return err_set(e, ERR_AUTH,
			       "the credentials are missing (has the service hook a password or "
			       "the header of the secret?)");
	if (!c.fits)
		return err_set(e, ERR_AUTH, "the credentials are none of the endpoint's secrets");
	return 0;
}

/* --- signing --- */

static int write_basic(struct buf *value, const struct proof *p, struct err *e)
{
	char text[AZURE_CREDENTIALS_MAX], coded[BASE64_TEXT(AZURE_CREDENTIALS_MAX)];
	const size_t n = p->user.n + 1 + p->password.n;
	if (n > sizeof text)
		return err_set(e, ERR_LIMIT, "user and password have more than %d bytes",
			       AZURE_CREDENTIALS_MAX);
	if (p->user.n > 0)
		memcpy(text, p->user.p, p->user.n);
	text[p->user.n] = ':';
	if (p->password.n > 0)
		memcpy(text + p->user.n + 1, p->password.p, p->password.n);
	buf_adds(value, "Basic ");
	buf_adds(value, base64_encode(coded, (const unsigned char *)text, n));
	return buf_check(value, e);
}

int azure_sign(const char **header, struct buf *value, struct str body, struct str secret,
	       struct digest *d, struct err *e)
{
	(void)body;
	(void)d;
	struct proof p;
	if (read_proof(&p, secret, e) != 0)
		return -1;
	if (p.header.p != NULL)
		return err_set(e, ERR_REFUSED, "the secret names a header of its own");
	if (write_basic(value, &p, e) != 0)
		return -1;
	*header = basic_header;
	return 0;
}

int azure_sign_headers(struct header *out, size_t *n, const struct signing *what,
		       struct arena *arena, struct digest *d, struct err *e)
{
	(void)d;
	AUTO(buf) struct buf basic;
	struct proof p;
	buf_init(&basic, 2 * AZURE_CREDENTIALS_MAX);
	if (read_proof(&p, what->secret, e) != 0)
		return -1;
	if (p.header.p == NULL && write_basic(&basic, &p, e) != 0)
		return -1;
	const struct str name = p.header.p != NULL ? p.header : STR("Authorization");
	const struct str value = p.header.p != NULL ? p.value : buf_str(&basic);
	const struct header h = { arena_str(arena, name), arena_str(arena, value) };
	if (h.name.p == NULL || h.value.p == NULL)
		return arena_err(arena, e);
	out[0] = h;
	*n = 1;
	return 0;
}
