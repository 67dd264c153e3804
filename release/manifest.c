/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of migrations of one release: built from the files of a commit, written as a canonical
 * text, read back. Pure: contents are known by their SHA-256 only.
 */

#include "release/manifest.h"

#include "base/num.h"
#include "release/version.h"

#include <stdlib.h>
#include <string.h>

/* Paths in messages are bounded, so that what to do still fits behind them. */
static struct str shown(struct str path)
{
	size_t n = path.n < 160 ? path.n : 160;
	while (n > 0 && n < path.n && ((unsigned char)path.p[n] & 0xc0U) == 0x80U)
		n--;
	return str_first(path, n);
}

static void write_path(struct buf *out, struct str path)
{
	for (size_t i = 0; i < path.n;) {
		unsigned char c = (unsigned char)path.p[i];
		size_t n = str_utf8_len(str_from(path, i));
		if (n == 0 || c < 0x20 || c == 0x7f || c == '%') {
			buf_addf(out, "%%%02X", (unsigned)c);
			i++;
			continue;
		}
		buf_add(out, (struct str){ path.p + i, n });
		i += n;
	}
}

int manifest_write(struct buf *out, const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct migration *f = &m->files[i];
		buf_add(out, f->version);
		buf_addf(out, " %s %zu ", f->sha256, f->size);
		write_path(out, f->path);
		buf_addc(out, '\n');
	}
	return buf_check(out, e);
}

static int set_digest(struct manifest *m, struct str text, struct digest *d, struct err *e)
{
	unsigned char sum[SHA256_BYTES];
	if (digest_sha256(d, sum, text, e) != 0)
		return -1;
	(void)hex_encode(m->digest, sum, sizeof sum);
	return 0;
}

static int by_version(const void *a, const void *b)
{
	const struct migration *x = a;
	const struct migration *y = b;
	int order = version_compare(x->version, y->version);
	return order != 0 ? order : str_cmp(x->path, y->path);
}

static int by_path(const void *a, const void *b)
{
	const struct manifest_skip *x = a;
	const struct manifest_skip *y = b;
	return str_cmp(x->path, y->path);
}

/* Sort one file into the migrations or the skipped. */
static int add_file(struct manifest *m, const struct manifest_file *file, struct arena *arena,
		    struct err *e)
{
	struct str path = arena_str(arena, file->path);
	struct str version;
	char canonical[VERSION_TEXT];
	if (path.p == NULL)
		return arena_err(arena, e);
	if (!version_of_path(&version, path)) {
		m->skipped[m->n_skipped++] = (struct manifest_skip){
			.path = path,
			.reason = version_path_undoes(path) ? "it undoes a migration"
							    : "its name starts with no version",
		};
		return 0;
	}
	struct str in_message = shown(path);
	if (version_canonical(canonical, version, e) != 0)
		return err_wrap(e, "file '%.*s'", STR_ARG(in_message));
	struct migration *f = &m->files[m->n++];
	f->version = arena_str(arena, str_of(canonical));
	if (f->version.p == NULL)
		return arena_err(arena, e);
	f->path = path;
	f->size = file->size;
	(void)hex_encode(f->sha256, file->sha256, sizeof file->sha256);
	return 0;
}

static int refuse_duplicates(const struct manifest *m, struct err *e)
{
	for (size_t i = 1; i < m->n; i++) {
		const struct migration *a = &m->files[i - 1];
		const struct migration *b = &m->files[i];
		if (version_compare(a->version, b->version) != 0)
			continue;
		struct str first = shown(a->path);
		struct str second = shown(b->path);
		return err_set(e, ERR_REFUSED,
			       "'%.*s' and '%.*s' are both version '%.*s': rename one of them",
			       STR_ARG(first), STR_ARG(second), STR_ARG(b->version));
	}
	return 0;
}

int manifest_build(struct manifest *out, const struct manifest_file *files, size_t n,
		   struct digest *d, struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf text;
	buf_init(&text, MANIFEST_TEXT_MAX);
	struct manifest m = { .files = arena_array(arena, n, sizeof *m.files),
			      .skipped = arena_array(arena, n, sizeof *m.skipped) };
	if (m.files == NULL || m.skipped == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < n; i++) {
		if (add_file(&m, &files[i], arena, e) != 0)
			return -1;
	}
	qsort(m.files, m.n, sizeof *m.files, by_version);
	qsort(m.skipped, m.n_skipped, sizeof *m.skipped, by_path);
	if (refuse_duplicates(&m, e) != 0 || manifest_write(&text, &m, e) != 0 ||
	    set_digest(&m, buf_str(&text), d, e) != 0)
		return -1;
	*out = m;
	return 0;
}

/* Undo %XX in place of a copy. */
static int read_path(struct str *out, struct str text, struct arena *arena)
{
	struct str copy = arena_str(arena, text);
	if (copy.p == NULL || copy.n == 0)
		return -1;
	char *path = arena_alloc(arena, copy.n + 1);
	if (path == NULL)
		return -1;
	size_t n = 0;
	for (size_t i = 0; i < copy.n; i++) {
		unsigned char byte = (unsigned char)copy.p[i];
		if (byte == '%') {
			struct str hex = str_first(str_from(copy, i + 1), 2);
			if (hex.n != 2 || hex_decode(&byte, 1, hex, NULL) != 0)
				return -1;
			i += 2;
		}
		path[n++] = (char)byte;
	}
	*out = (struct str){ path, n };
	return 0;
}

static int read_line(struct migration *out, struct str line, struct arena *arena)
{
	struct str version;
	struct str sha256;
	struct str size;
	struct str rest = line;
	struct migration f = { .size = 0 };
	unsigned char sum[SHA256_BYTES];
	uint64_t bytes;
	char canonical[VERSION_TEXT];
	if (!str_split(&version, &rest, ' ') || !str_split(&sha256, &rest, ' ') ||
	    !str_split(&size, &rest, ' ') || rest.p == NULL)
		return -1;
	if (version_canonical(canonical, version, NULL) != 0 ||
	    hex_decode(sum, sizeof sum, sha256, NULL) != 0 ||
	    num_parse_u64(&bytes, size, 0, SIZE_MAX) != 0 || read_path(&f.path, rest, arena) != 0)
		return -1;
	f.version = arena_str(arena, str_of(canonical));
	f.size = (size_t)bytes;
	(void)hex_encode(f.sha256, sum, sizeof sum);
	*out = f;
	return f.version.p != NULL ? 0 : -1;
}

static size_t count_lines(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static int damaged(const struct arena *arena, size_t line, struct err *e)
{
	if (arena->failed != ERR_NONE)
		return arena_err(arena, e);
	return err_set(e, ERR_INPUT, "the manifest is damaged in line %zu", line);
}

int manifest_read(struct manifest *out, struct str text, struct digest *d, struct arena *arena,
		  struct err *e)
{
	AUTO(buf) struct buf again;
	buf_init(&again, MANIFEST_TEXT_MAX);
	struct str rest = text;
	struct str line;
	size_t lines = count_lines(text);
	struct manifest m = { .files = arena_array(arena, lines, sizeof *m.files) };
	if (m.files == NULL)
		return arena_err(arena, e);
	while (m.n < lines && str_split(&line, &rest, '\n')) {
		if (read_line(&m.files[m.n], line, arena) != 0)
			return damaged(arena, m.n + 1, e);
		if (m.n > 0 && version_compare(m.files[m.n - 1].version, m.files[m.n].version) >= 0)
			return damaged(arena, m.n + 1, e);
		m.n++;
	}
	/* There is one text for each manifest: what was read must give the same bytes again. */
	if (manifest_write(&again, &m, e) != 0)
		return -1;
	if (!str_eq(buf_str(&again), text))
		return err_set(e, ERR_INPUT, "the manifest is damaged: it is not in its one form");
	if (set_digest(&m, text, d, e) != 0)
		return -1;
	*out = m;
	return 0;
}
