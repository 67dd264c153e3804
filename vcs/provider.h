/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VCS_PROVIDER_H
#define VCS_PROVIDER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"
#include "vcs/event.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What a provider sends and how it signs. Each provider is one .c file of pure functions over bytes
 * (no socket, file, clock or environment in them), ending in a `const struct provider`, and one
 * line of the table in provider.c.
 */

/* One HTTP header as received: the name's case is the sender's, the value is trimmed. */
struct header {
	struct str name;
	struct str value;
};

enum { REQUEST_HEADERS_MAX = 128 };

/* One request as received. */
struct request {
	const struct header *headers;
	size_t n_headers;
	struct str body; /* raw bytes: what was signed */
};

/*
 * The value of the header `name` (compared without case): absent when there is none. ERR_INPUT when
 * it is there twice, since two readers could then take different ones.
 */
int request_header(struct str *out, const struct request *r, const char *name,
		   struct err *e) MUST_CHECK;

/* What `sign_headers` signs. */
struct signing {
	struct str body;
	struct str secret;
	struct str id; /* of the delivery */
	int64_t now_s;
};
enum { SIGNED_HEADERS_MAX = 4 };

struct provider {
	const char *name;            /* as in the configuration: "github" */
	const char *vcs_type;        /* Bytebase's VCSType: "GITHUB"; VCS_TYPE_UNSPECIFIED: none */
	const char *delivery_header; /* holds the delivery's id; NULL: the body does */
	const char *event_header;    /* holds the event's type; NULL: the body does */
	int takes_form;              /* application/x-www-form-urlencoded is allowed too */

	/*
	 * Whether one of the secrets signed these bytes; the MAC is compared in constant time and
	 * all secrets are tried. `now_s` is for providers that sign a time. ERR_AUTH with the
	 * reason (missing, repeated, empty or malformed header; no secret fits) or an internal
	 * failure.
	 */
	int (*authenticate)(const struct request *r, const struct str *secrets, size_t n,
			    int64_t now_s, struct digest *d, struct err *e);

	/*
	 * Read an authenticated request. Strings of the event point into `arena` or the body.
	 * ERR_INPUT with the place when the body cannot be read, or a fact that the event's kind
	 * needs has the wrong JSON type; a fact that is only missing is absent. Commit ids and
	 * branch names are handed on as sent: who uses them asks oid_is_valid, branch_is_valid.
	 */
	int (*parse)(struct event *out, const struct request *r, struct arena *arena,
		     struct err *e);

	/*
	 * For `tidegate simulate` and tests: the JSON body of `event` as the provider would send
	 * it, and its event header's value. MAY be NULL.
	 */
	int (*compose)(struct buf *body, const char **type, const struct event *event,
		       struct err *e);
	/* The name and value of the signature header for `body`. MAY be NULL with compose. */
	int (*sign)(const char **header, struct buf *value, struct str body, struct str secret,
		    struct digest *d, struct err *e);
	/*
	 * The same for providers that sign more than the body, or whose secret names the header:
	 * all headers that prove the delivery, at most SIGNED_HEADERS_MAX, and their number.
	 * Strings are in `arena`. Where it is there, sign does ERR_REFUSED for the secrets that
	 * only this one can use. MAY be NULL: sign is all.
	 */
	int (*sign_headers)(struct header *out, size_t *n, const struct signing *what,
			    struct arena *arena, struct digest *d, struct err *e);
};

extern const struct provider provider_github;
extern const struct provider provider_gitlab;
extern const struct provider provider_bitbucket;
extern const struct provider provider_bitbucket_server;
extern const struct provider provider_azure;
extern const struct provider provider_gitea;
extern const struct provider provider_git;

/* By the configuration's name; NULL when there is none. */
const struct provider *provider_find(struct str name);
/* All providers, NULL-ended. */
const struct provider *const *provider_all(void);

/*
 * For the providers: the JSON of the body, whether it was sent as application/json or as a form
 * with exactly one `payload` field (strict %XX, '+' is a blank). ERR_INPUT with the reason.
 */
int request_json_text(struct str *out, const struct request *r, struct arena *arena,
		      struct err *e) MUST_CHECK;

/* Object ids: 40 lower-case hexadecimal digits, not all of them zero. */
int oid_is_valid(struct str oid);
/* All digits are 0 (any length above 0): "no commit" in pushes. */
int oid_is_zero(struct str oid);
/*
 * Names that may go to git: not empty, no leading '-' or '/', no "..", "@{", "//", control byte,
 * blank or any of "~^:?*[\", no '/' or '.' at the end, no part between slashes that starts with '.'
 * or ends with ".lock", not "@" alone, at most 255 bytes (git-check-ref-format).
 */
int branch_is_valid(struct str branch);

#endif
