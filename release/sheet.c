/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents of migrations, compressed, each once under its SHA-256. Written in batches; a content
 * that is there already is left as it is.
 */

#include "release/sheet.h"

#include "base/mem.h"
#include "base/pack.h"
#include "release/schema.h"

#include <stdlib.h>
#include <string.h>

const struct store_schema sheet_schema = {
	.module = "sheet",
	.version = 1,
	.ddl = "CREATE TABLE sheet("
	       " sha256 TEXT NOT NULL PRIMARY KEY,"
	       " size BIGINT NOT NULL,"
	       " content {blob} NOT NULL);",
};

/* clang-format off */
static const char sql_insert[] = "INSERT INTO sheet(sha256, size, content)";
static const char sql_keep[] = "ON CONFLICT(sha256) DO NOTHING";
static const char sql_exists[] = "SELECT 1 FROM sheet WHERE sha256 = $1";
static const char sql_read[] = "SELECT size, content FROM sheet WHERE sha256 = $1";
/* clang-format on */

enum {
	BATCH_SHEETS = 256,
	BATCH_BYTES = 4 * 1024 * 1024,
	CONTENT_MAX = 256 * 1024 * 1024, /* what is kept must be able to come back */
};

struct sheet {
	char sha256[SHA256_HEX];
	char *frame; /* compressed */
	size_t frame_n;
	size_t size;
};

struct sheet_writer {
	struct db *store;
	struct sheet sheets[BATCH_SHEETS];
	size_t n;
	size_t bytes;
};

int sheet_writer_new(struct sheet_writer **out, struct db *store, struct err *e)
{
	struct sheet_writer *w = mem_array(1, sizeof *w);
	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->store = store;
	*out = w;
	return 0;
}

static void forget(struct sheet_writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		mem_free(w->sheets[i].frame);
	w->n = 0;
	w->bytes = 0;
}

void sheet_writer_free(struct sheet_writer *w)
{
	if (w == NULL)
		return;
	forget(w);
	mem_free(w);
}

int sheet_put(struct sheet_writer *w, const char *sha256, struct str content, struct err *e)
{
	AUTO(buf) struct buf frame;
	if (strlen(sha256) != SHA256_HEX - 1)
		return err_set(e, ERR_INPUT, "'%.80s' is not a sha256", sha256);
	if (content.n > CONTENT_MAX)
		return err_set(e, ERR_LIMIT, "a migration is larger than %d bytes", CONTENT_MAX);
	if (w->n > 0 && (w->n == BATCH_SHEETS || w->bytes + content.n > BATCH_BYTES) &&
	    sheet_flush(w, e) != 0)
		return -1;
	buf_init(&frame, content.n + content.n / 128 + 4096);
	if (pack_compress(&frame, content, e) != 0)
		return -1;
	struct sheet *s = &w->sheets[w->n];
	s->size = content.n;
	s->frame_n = frame.n;
	s->frame = buf_take(&frame);
	if (s->frame == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(s->sha256, sha256, SHA256_HEX);
	w->n++;
	w->bytes += content.n;
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct sheet *x = a;
	const struct sheet *y = b;
	return strcmp(x->sha256, y->sha256);
}

static int write_all(struct db *store, void *context, struct err *e)
{
	struct sheet_writer *w = context;
	struct db_value values[BATCH_SHEETS * 3];
	for (size_t i = 0; i < w->n; i++) {
		const struct sheet *s = &w->sheets[i];
		values[i * 3] = DB_S(str_of(s->sha256));
		values[i * 3 + 1] = DB_I(s->size);
		values[i * 3 + 2] = DB_B(((struct str){ s->frame, s->frame_n }));
	}
	return store_insert(store, sql_insert, sql_keep, values, 3, w->n, e);
}

int sheet_flush(struct sheet_writer *w, struct err *e)
{
	if (w->n == 0)
		return 0;
	/* Two writers of the same sheets wait for each other in one order: no deadlock. */
	qsort(w->sheets, w->n, sizeof *w->sheets, by_hash);
	if (store_within(w->store, write_all, w, e) != 0)
		return err_wrap(e, "cannot store the contents of %zu migrations", w->n);
	forget(w);
	return 0;
}

int sheet_exists(struct db *store, const char *sha256, struct err *e)
{
	int64_t one;
	return store_int(&one, store, sql_exists, DB_ARGS(DB_S(str_of(sha256))), e);
}

static int check(struct str content, const char *sha256, struct digest *d, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	char hex[SHA256_HEX];
	if (digest_sha256(d, sum, content, e) != 0)
		return -1;
	if (strcmp(hex_encode(hex, sum, sizeof sum), sha256) != 0)
		return err_set(e, ERR_INPUT, "the stored content '%.8s..' is damaged", sha256);
	return 0;
}

int sheet_read(struct buf *out, struct db *store, const char *sha256, struct digest *d,
	       struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	AUTO(buf) struct buf content;
	if (db_query(&rows, store, sql_read, DB_ARGS(DB_S(str_of(sha256))), e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc <= 0)
		return rc < 0
			   ? -1
			   : err_set(e, ERR_NOTFOUND,
				     "the content of sha256 '%.64s' is not in the store", sha256);
	int64_t size = db_int(rows, 0);
	if (size < 0 || size > CONTENT_MAX)
		return err_set(e, ERR_INPUT, "the stored content '%.8s..' is damaged", sha256);
	buf_init(&content, (size_t)size + 1);
	if (pack_expand(&content, db_blob(rows, 1), (size_t)size, e) != 0)
		return err_wrap(e, "the stored content '%.8s..'", sha256);
	if (check(buf_str(&content), sha256, d, e) != 0)
		return -1;
	buf_add(out, buf_str(&content));
	return buf_check(out, e);
}
