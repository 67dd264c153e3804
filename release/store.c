/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening our own store and bringing its tables up to date. What the modules keep in it is theirs:
 * this file knows only the table of versions and the one of numbers.
 */

#include "release/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "release/schema.h"

#include <string.h>

/* clang-format off */
static const char sql_make[] =
	"CREATE TABLE IF NOT EXISTS tidegate_schema("
	" module TEXT NOT NULL, version BIGINT NOT NULL, applied_at BIGINT NOT NULL,"
	" PRIMARY KEY(module, version))";
static const char sql_versions[] =
	"SELECT module, max(version) FROM tidegate_schema GROUP BY module";
static const char sql_insert[] =
	"INSERT INTO tidegate_schema(module, version, applied_at) VALUES($1, $2, $3)";
/* clang-format on */

const struct store_schema store_schema = {
	.module = "store",
	.version = 1,
	.ddl = "CREATE TABLE counter("
	       " project TEXT NOT NULL, series TEXT NOT NULL, value BIGINT NOT NULL,"
	       " PRIMARY KEY(project, series));",
};

enum {
	SCHEMAS_MAX = 64,
	SCHEMA_TEXT_MAX = 64 * 1024,
	/* Processes that start at once on one new server collide while they make the tables. */
	MIGRATE_TRIES = 8,
	/* An embedded store has one writer at a time: the longest that one may keep it. Shorter
	 * than the 10 s that GitHub waits for an answer. */
	STORE_LOCK_TIMEOUT_MS = 8000,
};

/* The newest version of each schema's module that the store has, 0 for none. */
static int read_versions(int64_t have[SCHEMAS_MAX], struct db *store,
			 const struct store_schema *schemas, size_t n, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int rc;
	memset(have, 0, SCHEMAS_MAX * sizeof *have);
	if (db_query(&rows, store, sql_versions, DB_NO_ARGS, e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		struct str module = db_text(rows, 0);
		for (size_t i = 0; i < n; i++) {
			if (str_eq_cstr(module, schemas[i].module))
				have[i] = db_int(rows, 1);
		}
	}
	return rc;
}

/* 1: everything is there; 0: something is missing; -1: the store is newer than we are. */
static int compare(const int64_t have[SCHEMAS_MAX], const struct store_schema *schemas, size_t n,
		   struct err *e)
{
	int complete = 1;
	for (size_t i = 0; i < n; i++) {
		int64_t newest = 0;
		for (size_t j = 0; j < n; j++) {
			if (strcmp(schemas[i].module, schemas[j].module) == 0 &&
			    schemas[j].version > newest)
				newest = schemas[j].version;
		}
		if (have[i] > newest)
			return err_set(e, ERR_REFUSED,
				       "the store's tables of '%s' are of version %lld, this "
				       "program knows %lld: use the newer program that made them",
				       schemas[i].module, (long long)have[i], (long long)newest);
		if (have[i] < schemas[i].version)
			complete = 0;
	}
	return complete;
}

static void expand(struct buf *out, const char *ddl, const struct db_driver *driver)
{
	struct str rest = str_of(ddl);
	while (rest.n > 0) {
		size_t at = str_find(rest, '{');
		buf_add(out, str_first(rest, at));
		rest = str_from(rest, at);
		if (str_starts(rest, STR("{identity}"))) {
			buf_adds(out, driver->identity);
			rest = str_from(rest, sizeof "{identity}" - 1);
		} else if (str_starts(rest, STR("{blob}"))) {
			buf_adds(out, driver->blob);
			rest = str_from(rest, sizeof "{blob}" - 1);
		} else if (rest.n > 0) {
			buf_addc(out, '{');
			rest = str_from(rest, 1);
		}
	}
}

static int apply(struct db *store, const struct store_schema *schema, struct err *e)
{
	AUTO(buf) struct buf ddl;
	struct db_script script = { .notice = NULL };
	buf_init(&ddl, SCHEMA_TEXT_MAX);
	expand(&ddl, schema->ddl, db_driver_of(store));
	if (buf_check(&ddl, e) != 0)
		return -1;
	/* The row first: of two that try at once, the second waits here and then learns of it. */
	if (db_exec(
		store, NULL, sql_insert,
		DB_ARGS(DB_S(str_of(schema->module)), DB_I(schema->version), DB_I(clock_unix_ms())),
		e) != 0 ||
	    db_script_run(store, buf_str(&ddl), &script, e) != 0)
		return err_wrap(e, "cannot make the store's tables of '%s'", schema->module);
	return 0;
}

struct schemas {
	const struct store_schema *p;
	size_t n;
};

static int migrate(struct db *store, void *context, struct err *e)
{
	const struct schemas *s = context;
	int64_t have[SCHEMAS_MAX];
	if (db_exec(store, NULL, sql_make, DB_NO_ARGS, e) != 0 ||
	    read_versions(have, store, s->p, s->n, e) != 0 || compare(have, s->p, s->n, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (have[i] < s->p[i].version && apply(store, &s->p[i], e) != 0)
			return -1;
	}
	return 0;
}

int store_migrate(struct db *store, const struct store_schema *schemas, size_t n, struct err *e)
{
	struct schemas s = { schemas, n };
	struct err why = { .code = ERR_NONE };
	int64_t have[SCHEMAS_MAX];
	if (n > SCHEMAS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d schemas", SCHEMAS_MAX);
	for (int i = 0; i < MIGRATE_TRIES; i++) {
		/* An unreadable table of versions is a store without tables. */
		if (read_versions(have, store, schemas, n, &why) == 0) {
			int complete = compare(have, schemas, n, e);
			if (complete != 0)
				return complete < 0 ? -1 : 0;
		}
		if (store_within(store, migrate, &s, &why) == 0)
			return 0;
		if (why.code != ERR_EXISTS && why.code != ERR_UNAVAILABLE && why.code != ERR_DB)
			break;
	}
	if (e != NULL)
		*e = why;
	return -1;
}

static int open_url(struct db **out, struct str url, const struct store_options *options,
		    struct err *e)
{
	struct db_options o = {
		.url = url,
		.create = options->create,
		.durable = options->durable,
		.store = 1,
		.lock_timeout_ms = STORE_LOCK_TIMEOUT_MS,
		.enter = options->enter,
		.leave = options->leave,
		.gate = options->gate,
	};
	return db_open(out, &o, e);
}

int store_open(struct db **out, const struct conf *conf, const struct store_options *options,
	       struct err *e)
{
	AUTO(buf) struct buf url;
	AUTO(db) struct db *db = NULL;
	struct err why = { .code = ERR_NONE };
	const struct store_schema schemas[] = { store_schema,  sheet_schema,    release_schema,
						plan_schema,   rollout_schema,  task_schema,
						audit_schema,  plan_schema_2,   rollout_schema_2,
						task_schema_2, approval_schema, review_schema };
	buf_init(&url, 8192);
	if (db_find(conf->store) == NULL)
		buf_adds(&url, "sqlite:");
	buf_add(&url, conf->store);
	if (buf_check(&url, e) != 0)
		return -1;
	if (open_url(&db, buf_str(&url), options, &why) != 0) {
		if (e != NULL)
			*e = why;
		return why.code == ERR_NOTFOUND
			   ? err_wrap(e, "there is no store yet, start `tidegate serve`")
			   : err_wrap(e, "cannot open the store");
	}
	if (store_migrate(db, schemas, sizeof schemas / sizeof *schemas, e) != 0)
		return -1;
	*out = TAKE(db);
	return 0;
}
