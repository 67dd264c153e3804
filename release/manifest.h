/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_MANIFEST_H
#define RELEASE_MANIFEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* What a release holds: the migrations of one commit, in version order, each with the SHA-256 of
 * its bytes. The digest of the manifest's text is the release's content. */

enum { MANIFEST_TEXT_MAX = 256 * 1024 * 1024 }; /* 200,000 files with paths of 1 KiB */

struct migration {
	struct str version; /* canonical */
	struct str path;
	char sha256[SHA256_HEX];
	size_t size;
};

/* A file that matched the pattern and is no migration, and why. */
struct manifest_skip {
	struct str path;
	const char *reason;
};

struct manifest {
	struct migration *files; /* by version */
	size_t n;
	struct manifest_skip *skipped; /* by path; only after manifest_build */
	size_t n_skipped;
	char digest[SHA256_HEX];
};

/* A file as it was found at the commit. */
struct manifest_file {
	struct str path;
	unsigned char sha256[SHA256_BYTES];
	size_t size;
};

/*
 * Take the versions from the names, sort, leave out what has none. Two files of the same version
 * are ERR_REFUSED with a message that names both; a version out of range ERR_INPUT with the path.
 * All of `out` lives in `arena`.
 */
int manifest_build(struct manifest *out, const struct manifest_file *files, size_t n,
		   struct digest *d, struct arena *arena, struct err *e) MUST_CHECK;

/* The canonical text, one line a file: VERSION SP SHA256 SP SIZE SP PATH LF, with '%', control
 * bytes and bytes that are not UTF-8 of the path as %XX; and back. ERR_INPUT for a damaged text. */
int manifest_write(struct buf *out, const struct manifest *m, struct err *e) MUST_CHECK;
int manifest_read(struct manifest *out, struct str text, struct digest *d, struct arena *arena,
		  struct err *e) MUST_CHECK;

#endif
