/* SPDX-License-Identifier: Apache-2.0 */
/* HMACs and plain tokens in headers, compared in constant time. It knows no provider. */

#include "vcs/signature.h"

int signature_secret_check(struct str secret, struct err *e)
{
	int printed = 0;
	for (size_t i = 0; i < secret.n; i++)
		printed |= (unsigned char)secret.p[i] > ' ';
	if (!printed)
		return err_set(e, ERR_AUTH, "an empty secret cannot prove anything");
	return 0;
}

int signature_header(struct str *out, const struct request *r, const char *name, struct err *e)
{
	struct str value;
	struct err inner = { .code = ERR_NONE };
	if (request_header(&value, r, name, &inner) != 0)
		return err_set(e, ERR_AUTH, "%s", inner.msg);
	if (value.p == NULL)
		return err_set(e, ERR_AUTH,
			       "header '%s' is missing (does the webhook have a secret?)", name);
	if (value.n == 0)
		return err_set(e, ERR_AUTH,
			       "header '%s' is empty (does the webhook have a secret?)", name);
	*out = value;
	return 0;
}

int signature_check(const struct request *r, const char *name, struct str prefix,
		    const struct str *secrets, size_t n, struct digest *d, struct err *e)
{
	unsigned char claimed[SHA256_BYTES], mac[SHA256_BYTES];
	struct str value = STR_NULL;
	if (signature_header(&value, r, name, e) != 0)
		return -1;
	if (!str_starts(value, prefix) ||
	    hex_decode(claimed, SHA256_BYTES, str_from(value, prefix.n), NULL) != 0)
		return err_set(e, ERR_AUTH, "header '%s' is malformed (expected %.*s%s)", name,
			       STR_ARG(prefix),
			       prefix.n > 0 ? " and 64 hexadecimal digits"
					    : "64 hexadecimal digits");
	int fits = 0;
	for (size_t i = 0; i < n; i++) {
		if (signature_secret_check(secrets[i], e) != 0 ||
		    digest_hmac(d, mac, secrets[i], r->body, e) != 0)
			return -1;
		fits |= digest_equal(mac, claimed, sizeof mac);
	}
	if (!fits)
		return err_set(e, ERR_AUTH, "the signature fits none of the endpoint's secrets");
	return 0;
}

int signature_write(struct buf *value, struct str prefix, struct str body, struct str secret,
		    struct digest *d, struct err *e)
{
	unsigned char mac[SHA256_BYTES];
	char hex[SHA256_HEX];
	if (digest_hmac(d, mac, secret, body, e) != 0)
		return -1;
	buf_add(value, prefix);
	buf_adds(value, hex_encode(hex, mac, sizeof mac));
	return buf_check(value, e);
}

int signature_same(int *same, struct str a, struct str b, struct digest *d, struct err *e)
{
	unsigned char sum_a[SHA256_BYTES], sum_b[SHA256_BYTES];
	if (digest_sha256(d, sum_a, a, e) != 0 || digest_sha256(d, sum_b, b, e) != 0)
		return -1;
	*same = digest_equal(sum_a, sum_b, SHA256_BYTES);
	return 0;
}
