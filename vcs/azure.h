/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_AZURE_H
#define VCS_AZURE_H

#include "vcs/provider.h"

/*
 * Azure DevOps signs nothing: a service hook only sends a user and password (Basic), or headers of
 * one's own. Shared by azure.c and azure_auth.c only. A secret "Name: value" (a header name, colon,
 * blank) is such a header; any other is "user:password", or a password without a user.
 */

/* Longest user and password together that can be taken, in bytes. */
enum { AZURE_CREDENTIALS_MAX = 1024 };

/* Slots of struct provider. */
int azure_authenticate(const struct request *r, const struct str *secrets, size_t n, int64_t now_s,
		       struct digest *d, struct err *e) MUST_CHECK;
int azure_sign(const char **header, struct buf *value, struct str body, struct str secret,
	       struct digest *d, struct err *e) MUST_CHECK;
int azure_sign_headers(struct header *out, size_t *n, const struct signing *what,
		       struct arena *arena, struct digest *d, struct err *e) MUST_CHECK;

#endif
