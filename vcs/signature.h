/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_SIGNATURE_H
#define VCS_SIGNATURE_H

#include "vcs/provider.h"

/* For the providers: the two ways in which most of them prove who sent a request. */

/*
 * Whether one of the secrets made the HMAC-SHA256 of the body that the header `name` holds as
 * `prefix` and 64 hexadecimal digits. All secrets are tried, so that the time does not tell which
 * one fitted. ERR_AUTH with the reason, or an internal failure.
 */
int signature_check(const struct request *r, const char *name, struct str prefix,
		    const struct str *secrets, size_t n, struct digest *d,
		    struct err *e) MUST_CHECK;

/* The value of such a header, added to `value`. */
int signature_write(struct buf *value, struct str prefix, struct str body, struct str secret,
		    struct digest *d, struct err *e) MUST_CHECK;

/*
 * Whether two texts are the same, in a time that tells neither where they differ nor how long the
 * secret one is: their SHA-256 are compared. -1: OpenSSL failed; else 0, and `same` is 0 or 1.
 */
int signature_same(int *same, struct str a, struct str b, struct digest *d,
		   struct err *e) MUST_CHECK;

/* ERR_AUTH when a secret is empty or nothing but blanks: it must never fit anything. */
int signature_secret_check(struct str secret, struct err *e) MUST_CHECK;

/* A header that proves who sent the request: ERR_AUTH when it is missing, empty or repeated. */
int signature_header(struct str *out, const struct request *r, const char *name,
		     struct err *e) MUST_CHECK;

#endif
