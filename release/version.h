/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_VERSION_H
#define RELEASE_VERSION_H

#include "base/err.h"
#include "base/str.h"

/*
 * Versions of migrations: the capture of ^[vV]?(\d+(\.\d+)*) on the file's base name without its
 * extension (bytebase-action's rule). Segments compare as numbers, a shared prefix puts the one
 * with fewer segments first (1 < 1.0 < 1.0.1), and leading zeros mean nothing: 001 and 1 are the
 * same.
 */

enum { VERSION_TEXT = 256 };

/*
 * The version in the name of `path`: 1 and the text as it is written there (part of `path`), or 0
 * when the name starts with none, or is that of a file that undoes a migration.
 */
int version_of_path(struct str *out, struct str path);

/* Whether the name is that of a file that undoes a migration: "….down.sql", in either case. */
int version_path_undoes(struct str path);

/* The canonical text, without leading zeros, by which a version is known everywhere: "001.02" is
 * "1.2". ERR_INPUT: not a version; a segment over 2^64-1; longer than VERSION_TEXT - 1. */
int version_canonical(char out[VERSION_TEXT], struct str version, struct err *e) MUST_CHECK;

/* Order of two valid versions: <0, 0, >0. */
int version_compare(struct str a, struct str b);

#endif
