/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A password, token or webhook secret. It has a type of its own so that nothing prints it by
 * mistake: there is no formatter, and its memory is overwritten before it is freed.
 */
struct secret;

/*
 * From the environment, or from a file of at most 64 KiB whose one trailing line end is dropped.
 * ERR_NOTFOUND when there is no such variable or file; ERR_INPUT when it is empty or white space
 * only, or holds a NUL. The caller frees.
 */
int secret_from_env(struct secret **out, const char *name, struct err *e) MUST_CHECK;
int secret_from_file(struct secret **out, const char *path, struct err *e) MUST_CHECK;
/* From bytes in memory; the same rules. */
int secret_from_bytes(struct secret **out, struct str bytes, struct err *e) MUST_CHECK;
void secret_free(struct secret *s);

/* The bytes, NUL-terminated, lent until secret_free; for the one call that needs them. */
struct str secret_reveal(const struct secret *s);

AUTO_DEFINE(secret, struct secret *, secret_free);

#endif
