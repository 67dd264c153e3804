/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_RELEASE_H
#define RELEASE_RELEASE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "release/manifest.h"

#include <stdint.h>

/* A release: the migrations of one commit, under one name, never changed. */
struct release {
	struct str project;
	struct str id;         /* "release_20261123-RC00" */
	struct str name;       /* projects/P/releases/ID */
	struct str repository; /* its id in the configuration */
	struct str commit;     /* 40 hex digits */
	struct str digest;     /* 64 hex digits */
	struct str vcs_type;   /* "GITHUB" */
	struct str vcs_url;    /* of the pull request or commit; may be absent */
	struct str title;      /* of the pull request; may be absent */
	struct str creator;    /* who caused it, for people */
	int64_t files;
	int64_t created_ms;
};

/* What a new release is made of. The contents are in the sheets already. */
struct release_request {
	struct str project;
	struct str id_template; /* {date} {time} {timestamp}, ends with {iteration} */
	struct str timezone;    /* IANA */
	struct str repository;
	struct str commit;
	struct str vcs_type;
	struct str vcs_url;
	struct str title;
	struct str creator;
	int64_t now_ms;
};

enum release_made {
	RELEASE_NEW,
	RELEASE_SAME_COMMIT, /* this commit's release, made before */
	RELEASE_SAME_FILES, /* another commit's release with exactly these files, the newest such */
};

/*
 * Make the release, or find the one that there is: idempotent by (project, repository, commit) and
 * by content. Makers that run at once in one train get consecutive iterations. ERR_REFUSED: no
 * files. ERR_INPUT: bad template or time zone.
 */
int release_make(struct release *out, enum release_made *how, struct db *store,
		 const struct release_request *request, const struct manifest *manifest,
		 struct arena *arena, struct err *e) MUST_CHECK;

/* ERR_INPUT unless the template has one of the time variables, ends with its only {iteration}, and
 * leaves only characters of [A-Za-z0-9._-] (Bytebase's rule, and names that can be addressed). */
int release_template_check(struct str id_template, struct err *e) MUST_CHECK;

/* By the commit it was made of, or by project and id. ERR_NOTFOUND. */
int release_by_commit(struct release *out, struct db *store, struct str project,
		      struct str repository, struct str commit, struct arena *arena,
		      struct err *e) MUST_CHECK;
int release_get(struct release *out, struct db *store, struct str project, struct str id,
		struct arena *arena, struct err *e) MUST_CHECK;
/* Newest first, at most `limit`; an absent project means all. */
int release_list(struct release **out, size_t *n, struct db *store, struct str project,
		 size_t limit, struct arena *arena, struct err *e) MUST_CHECK;

/* Its files; the digest is checked. */
int release_manifest(struct manifest *out, struct db *store, const struct release *release,
		     struct arena *arena, struct err *e) MUST_CHECK;

#endif
