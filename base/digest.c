/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and HMAC by OpenSSL's EVP. The algorithms are fetched once per context, since fetching
 * costs as much as hashing a small body.
 */

#include "base/digest.h"

#include "base/mem.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <limits.h>

struct digest {
	EVP_MD *md;
	EVP_MD_CTX *md_ctx;
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_ctx;
};

static int set_up(struct digest *d)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	d->md = EVP_MD_fetch(NULL, sha256, NULL);
	d->md_ctx = EVP_MD_CTX_new();
	d->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (d->md == NULL || d->md_ctx == NULL || d->mac == NULL)
		return -1;
	d->mac_ctx = EVP_MAC_CTX_new(d->mac);
	return d->mac_ctx != NULL && EVP_MAC_CTX_set_params(d->mac_ctx, params) == 1 ? 0 : -1;
}

struct digest *digest_new(void)
{
	struct digest *d = mem_array(1, sizeof *d);
	if (d != NULL && set_up(d) != 0) {
		digest_free(d);
		return NULL;
	}
	return d;
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MAC_CTX_free(d->mac_ctx);
	EVP_MAC_free(d->mac);
	EVP_MD_CTX_free(d->md_ctx);
	EVP_MD_free(d->md);
	mem_free(d);
}

int digest_sha256(struct digest *d, unsigned char out[SHA256_BYTES], struct str data, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	unsigned n = 0;
	if (EVP_DigestInit_ex2(d->md_ctx, d->md, NULL) != 1 ||
	    EVP_DigestUpdate(d->md_ctx, data.p, data.n) != 1 ||
	    EVP_DigestFinal_ex(d->md_ctx, sum, &n) != 1 || n != SHA256_BYTES)
		return err_set(e, ERR_SYS, "OpenSSL cannot compute a SHA-256");
	for (size_t i = 0; i < SHA256_BYTES; i++)
		out[i] = sum[i];
	return 0;
}

int digest_hmac(struct digest *d, unsigned char out[SHA256_BYTES], struct str key, struct str data,
		struct err *e)
{
	if (key.n == 0)
		return err_set(e, ERR_INPUT, "the key of an HMAC is empty");
	unsigned char sum[SHA256_BYTES];
	size_t n = 0;
	static const unsigned char nothing[1];
	const unsigned char *bytes = data.n > 0 ? (const unsigned char *)data.p : nothing;
	if (EVP_MAC_init(d->mac_ctx, (const unsigned char *)key.p, key.n, NULL) != 1 ||
	    EVP_MAC_update(d->mac_ctx, bytes, data.n) != 1 ||
	    EVP_MAC_final(d->mac_ctx, sum, &n, sizeof sum) != 1 || n != SHA256_BYTES)
		return err_set(e, ERR_SYS, "OpenSSL cannot compute an HMAC-SHA256");
	for (size_t i = 0; i < SHA256_BYTES; i++)
		out[i] = sum[i];
	return 0;
}

int digest_equal(const unsigned char *a, const unsigned char *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

int digest_random(unsigned char *out, size_t n, struct err *e)
{
	while (n > 0) {
		int part = n > INT_MAX ? INT_MAX : (int)n;
		if (RAND_bytes(out, part) != 1)
			return err_set(e, ERR_SYS, "the system gives no random bytes");
		out += part;
		n -= (size_t)part;
	}
	return 0;
}
