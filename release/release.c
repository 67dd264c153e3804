/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases: made once for a commit and for a set of files, read back. The numbering of a train and
 * both idempotences are decided under one lock of the project, in one transaction.
 */

#include "release/release.h"

#include "base/buf.h"
#include "base/pack.h"
#include "release/name.h"
#include "release/schema.h"
#include "release/train.h"

#include <inttypes.h>

const struct store_schema release_schema = {
	.module = "release",
	.version = 1,
	.ddl = "CREATE TABLE release("
	       " seq {identity}," /* the order in which they were made */
	       " project TEXT NOT NULL,"
	       " id TEXT NOT NULL,"
	       " train TEXT NOT NULL,"
	       " iteration BIGINT NOT NULL,"
	       " repository TEXT NOT NULL,"
	       " commit_id TEXT NOT NULL,"
	       " digest TEXT NOT NULL,"
	       " manifest {blob} NOT NULL," /* Zstandard */
	       " manifest_size BIGINT NOT NULL,"
	       " files BIGINT NOT NULL,"
	       " vcs_type TEXT, vcs_url TEXT, title TEXT, creator TEXT,"
	       " created_at BIGINT NOT NULL,"
	       " UNIQUE(project, id),"
	       " UNIQUE(project, train, iteration),"
	       " UNIQUE(project, repository, commit_id));"
	       "CREATE INDEX release_digest ON release(project, repository, digest);",
};

#define COLUMNS                                                                                    \
	"project, id, repository, commit_id, digest, vcs_type, vcs_url, title, creator, files, "   \
	"created_at"

/* clang-format off */
static const char sql_by_commit[] =
	"SELECT " COLUMNS " FROM release"
	" WHERE project = $1 AND repository = $2 AND commit_id = $3";
static const char sql_by_digest[] =
	"SELECT " COLUMNS " FROM release"
	" WHERE project = $1 AND repository = $2 AND digest = $3 ORDER BY seq DESC LIMIT 1";
static const char sql_by_id[] =
	"SELECT " COLUMNS " FROM release WHERE project = $1 AND id = $2";
static const char sql_list[] =
	"SELECT " COLUMNS " FROM release ORDER BY seq DESC LIMIT $1";
static const char sql_list_project[] =
	"SELECT " COLUMNS " FROM release WHERE project = $1 ORDER BY seq DESC LIMIT $2";
static const char sql_next[] =
	"SELECT max(iteration) + 1 FROM release WHERE project = $1 AND train = $2";
static const char sql_taken[] = "SELECT 1 FROM release WHERE project = $1 AND id = $2";
static const char sql_insert[] =
	"INSERT INTO release(project, id, train, iteration, repository, commit_id, digest, manifest,"
	" manifest_size, files, vcs_type, vcs_url, title, creator, created_at)"
	" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
static const char sql_manifest[] =
	"SELECT manifest, manifest_size FROM release WHERE project = $1 AND id = $2";
/* clang-format on */

enum {
	/* A maker that collides with another looks again; each time, one of them has won. */
	MAKE_TRIES = 20,
	/* Ids that a train of another name took: "T1" + "00" is "T" + "100". */
	TAKEN_MAX = 1000,
};

static int read_release(void *element, struct store_reader *r, struct err *e)
{
	struct release *out = element;
	*out = (struct release){
		.project = store_read(r, 0),
		.id = store_read(r, 1),
		.repository = store_read(r, 2),
		.commit = store_read(r, 3),
		.digest = store_read(r, 4),
		.vcs_type = store_read(r, 5),
		.vcs_url = store_read(r, 6),
		.title = store_read(r, 7),
		.creator = store_read(r, 8),
		.files = db_int(r->rows, 9),
		.created_ms = db_int(r->rows, 10),
	};
	struct name name = { .kind = NAME_RELEASE, .project = out->project, .release = out->id };
	out->name = name_text(&name, r->arena);
	if (out->name.p == NULL)
		return arena_err(r->arena, e);
	return 0;
}

/* 1: found; 0: there is none; -1. */
static int find(struct release *out, struct db *store, const char *sql, const struct db_value *args,
		size_t n_args, struct arena *arena, struct err *e)
{
	struct release *list;
	size_t n;
	if (store_list(&list, &n, sizeof *list, read_release, store, sql, args, n_args, arena, e) !=
	    0)
		return -1;
	if (n == 0)
		return 0;
	*out = list[0];
	return 1;
}

/* Everything that the transaction of release_make works on. */
struct make {
	struct release *out;
	enum release_made how;
	const struct release_request *request;
	const struct manifest *manifest;
	struct str train;
	struct str packed; /* the manifest's text, compressed */
	size_t packed_size;
	struct arena *arena;
};

/* The first iteration of the train that is free, and the id that it gives. */
static int next_id(struct str *id, int64_t *iteration, struct db *store, const struct make *m,
		   struct err *e)
{
	int64_t one;
	struct str project = m->request->project;
	*iteration = 0;
	if (store_int(iteration, store, sql_next, DB_ARGS(DB_S(project), DB_S(m->train)), e) < 0)
		return -1;
	for (int i = 0; i < TAKEN_MAX; i++, ++*iteration) {
		*id =
		    str_of(arena_printf(m->arena, "%.*s%02" PRId64, STR_ARG(m->train), *iteration));
		if (id->p == NULL)
			return arena_err(m->arena, e);
		int taken = store_int(&one, store, sql_taken, DB_ARGS(DB_S(project), DB_S(*id)), e);
		if (taken <= 0)
			return taken;
	}
	return err_set(e, ERR_REFUSED,
		       "no release id is free in the train '%.*s': change the release id template",
		       STR_ARG(m->train));
}

static int insert(struct db *store, struct make *m, struct err *e)
{
	const struct release_request *q = m->request;
	struct str id;
	int64_t iteration;
	if (next_id(&id, &iteration, store, m, e) != 0)
		return -1;
	if (db_exec(store, NULL, sql_insert,
		    DB_ARGS(DB_S(q->project), DB_S(id), DB_S(m->train), DB_I(iteration),
			    DB_S(q->repository), DB_S(q->commit), DB_S(str_of(m->manifest->digest)),
			    DB_B(m->packed), DB_I(m->packed_size), DB_I(m->manifest->n),
			    DB_S(q->vcs_type), DB_S(store_text(q->vcs_url, m->arena)),
			    DB_S(store_text(q->title, m->arena)),
			    DB_S(store_text(q->creator, m->arena)), DB_I(q->now_ms)),
		    e) != 0)
		return -1;
	m->how = RELEASE_NEW;
	return release_get(m->out, store, q->project, id, m->arena, e);
}

static int make(struct db *store, void *context, struct err *e)
{
	struct make *m = context;
	const struct release_request *q = m->request;
	int64_t ignored;
	/* Whoever makes a release of this project waits here until we are done. */
	if (store_number(&ignored, store, q->project, "release", e) != 0)
		return -1;
	int found =
	    find(m->out, store, sql_by_commit,
		 DB_ARGS(DB_S(q->project), DB_S(q->repository), DB_S(q->commit)), m->arena, e);
	if (found != 0) {
		m->how = RELEASE_SAME_COMMIT;
		return found < 0 ? -1 : 0;
	}
	found =
	    find(m->out, store, sql_by_digest,
		 DB_ARGS(DB_S(q->project), DB_S(q->repository), DB_S(str_of(m->manifest->digest))),
		 m->arena, e);
	if (found != 0) {
		m->how = RELEASE_SAME_FILES;
		return found < 0 ? -1 : 0;
	}
	return insert(store, m, e);
}

/* Collisions and lost races heal by looking again. */
static int make_with_tries(struct db *store, struct make *m, struct err *e)
{
	for (int i = 0;; i++) {
		struct err why = { .code = ERR_NONE };
		if (store_within(store, make, m, &why) == 0)
			return 0;
		int again = (why.code == ERR_EXISTS || why.code == ERR_UNAVAILABLE) &&
			    !store->in_transaction && i + 1 < MAKE_TRIES;
		if (again)
			continue;
		if (e != NULL)
			*e = why;
		return err_wrap(e, "cannot make the release of commit '%.*s'",
				STR_ARG(m->request->commit));
	}
}

int release_make(struct release *out, enum release_made *how, struct db *store,
		 const struct release_request *request, const struct manifest *manifest,
		 struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf text;
	AUTO(buf) struct buf packed;
	struct release made;
	struct make m = { .out = &made, .request = request, .manifest = manifest, .arena = arena };
	if (manifest->n == 0)
		return err_set(e, ERR_REFUSED,
			       "commit '%.*s' has no migrations: a release needs one file at least",
			       STR_ARG(request->commit));
	if (train_name(&m.train, request->id_template, request->timezone, request->now_ms, arena,
		       e) != 0)
		return -1;
	buf_init(&text, MANIFEST_TEXT_MAX);
	buf_init(&packed, MANIFEST_TEXT_MAX);
	if (manifest_write(&text, manifest, e) != 0 ||
	    pack_compress(&packed, buf_str(&text), e) != 0)
		return -1;
	m.packed = buf_str(&packed);
	m.packed_size = text.n;
	if (make_with_tries(store, &m, e) != 0)
		return -1;
	*out = made;
	*how = m.how;
	return 0;
}

int release_template_check(struct str id_template, struct err *e)
{
	return train_check(id_template, e);
}

int release_by_commit(struct release *out, struct db *store, struct str project,
		      struct str repository, struct str commit, struct arena *arena, struct err *e)
{
	int found = find(out, store, sql_by_commit,
			 DB_ARGS(DB_S(project), DB_S(repository), DB_S(commit)), arena, e);
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "commit '%.*s' has no release",
			       STR_ARG(str_first(commit, 64)));
	return found < 0 ? -1 : 0;
}

int release_get(struct release *out, struct db *store, struct str project, struct str id,
		struct arena *arena, struct err *e)
{
	int found = find(out, store, sql_by_id, DB_ARGS(DB_S(project), DB_S(id)), arena, e);
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "there is no release '%.*s' in project '%.*s'",
			       STR_ARG(str_first(id, 200)), STR_ARG(str_first(project, 64)));
	return found < 0 ? -1 : 0;
}

int release_list(struct release **out, size_t *n, struct db *store, struct str project,
		 size_t limit, struct arena *arena, struct err *e)
{
	if (project.p == NULL)
		return store_list(out, n, sizeof **out, read_release, store, sql_list,
				  DB_ARGS(DB_I(limit)), arena, e);
	return store_list(out, n, sizeof **out, read_release, store, sql_list_project,
			  DB_ARGS(DB_S(project), DB_I(limit)), arena, e);
}

/* The manifest's text, expanded. */
static int read_text(struct buf *text, struct db *store, const struct release *release,
		     struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_manifest, DB_ARGS(DB_S(release->project), DB_S(release->id)),
		     e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOTFOUND, "there is no release '%.*s'",
			       STR_ARG(release->name));
	int64_t size = db_int(rows, 1);
	if (size < 0 || size > MANIFEST_TEXT_MAX)
		return err_set(e, ERR_INPUT, "its manifest is damaged");
	return pack_expand(text, db_blob(rows, 0), (size_t)size, e);
}

int release_manifest(struct manifest *out, struct db *store, const struct release *release,
		     struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf text;
	AUTO(digest) struct digest *d = digest_new();
	struct manifest m;
	buf_init(&text, MANIFEST_TEXT_MAX);
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	/* The paths point into the arena, not into the text. */
	if (read_text(&text, store, release, e) != 0 ||
	    manifest_read(&m, buf_str(&text), d, arena, e) != 0)
		return err_wrap(e, "release '%.*s'", STR_ARG(release->name));
	if (!str_eq_cstr(release->digest, m.digest))
		return err_set(e, ERR_INPUT,
			       "the manifest of release '%.*s' does not fit its digest",
			       STR_ARG(release->name));
	*out = m;
	return 0;
}
