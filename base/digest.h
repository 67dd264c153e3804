/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/* SHA-256 and HMAC-SHA256 over OpenSSL's EVP, hexadecimal text, and comparing in constant time. */

enum { SHA256_BYTES = 32, SHA256_HEX = 65 };

/* A reusable context: one per thread. NULL out of memory. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest *d);
AUTO_DEFINE(digest, struct digest *, digest_free);

/* SHA-256 (FIPS 180-4) of `data`. -1 with ERR_SYS when OpenSSL fails. */
int digest_sha256(struct digest *d, unsigned char out[SHA256_BYTES], struct str data,
		  struct err *e) MUST_CHECK;
/* HMAC-SHA256 (RFC 2104); the key may have any length above 0 (an empty key is ERR_INPUT). */
int digest_hmac(struct digest *d, unsigned char out[SHA256_BYTES], struct str key, struct str data,
		struct err *e) MUST_CHECK;

/* Whether two blocks of the same public length are equal, in a time that tells nothing of them. */
int digest_equal(const unsigned char *a, const unsigned char *b, size_t n);

/* Lower-case hexadecimal with a NUL; `out` has 2 * n + 1 bytes. Returns `out`. */
char *hex_encode(char *out, const unsigned char *bytes, size_t n);
/* Exactly 2 * n digits of either case into n bytes; ERR_INPUT otherwise. */
int hex_decode(unsigned char *out, size_t n, struct str hex, struct err *e) MUST_CHECK;

/* `n` bytes from the system's generator. */
int digest_random(unsigned char *out, size_t n, struct err *e) MUST_CHECK;

#endif
