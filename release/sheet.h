/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_SHEET_H
#define RELEASE_SHEET_H

#include "base/auto.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "db/db.h"

/*
 * The contents of migrations, each stored once under its SHA-256 (Bytebase's sheets). Writing is in
 * batches: sheets are reachable only through a release that is made afterwards, so a batch that is
 * lost by a crash is written again by the next attempt.
 */
struct sheet_writer;

/* Collects up to 256 sheets or 4 MiB between transactions of `store`, which must outlive it. */
int sheet_writer_new(struct sheet_writer **out, struct db *store, struct err *e) MUST_CHECK;
void sheet_writer_free(struct sheet_writer *w);
AUTO_DEFINE(sheet_writer, struct sheet_writer *, sheet_writer_free);
/* Queue one content under `sha256` (64 hex digits). */
int sheet_put(struct sheet_writer *w, const char *sha256, struct str content,
	      struct err *e) MUST_CHECK;
/* Write what is queued. */
int sheet_flush(struct sheet_writer *w, struct err *e) MUST_CHECK;

/* Whether the store has it: 1, 0, or -1. */
int sheet_exists(struct db *store, const char *sha256, struct err *e) MUST_CHECK;
/* Append the content to `out`, after checking that it still hashes to `sha256`. ERR_NOTFOUND. */
int sheet_read(struct buf *out, struct db *store, const char *sha256, struct digest *d,
	       struct err *e) MUST_CHECK;

#endif
