/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_GITLAB_H
#define VCS_GITLAB_H

#include "vcs/provider.h"

/*
 * GitLab's two kinds of secrets, shared by gitlab.c and gitlab_sign.c only. What begins with
 * "whsec_" is a signing token (GitLab 19.0 and later): the HMAC-SHA256 key for the delivery's id,
 * time and body. Anything else is a secret token, which GitLab sends in clear as X-Gitlab-Token.
 */

/* How far the signed time may be from ours, either way: the tolerance of Standard Webhooks. */
enum { GITLAB_WINDOW_S = 300 };

/* Slots of struct provider. With a signing token among the secrets, plain tokens prove nothing. */
int gitlab_authenticate(const struct request *r, const struct str *secrets, size_t n, int64_t now_s,
			struct digest *d, struct err *e) MUST_CHECK;
int gitlab_sign(const char **header, struct buf *value, struct str body, struct str secret,
		struct digest *d, struct err *e) MUST_CHECK;
int gitlab_sign_headers(struct header *out, size_t *n, const struct signing *what,
			struct arena *arena, struct digest *d, struct err *e) MUST_CHECK;

#endif
