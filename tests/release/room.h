/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RELEASE_ROOM_H
#define TESTS_RELEASE_ROOM_H

/*
 * A fresh store for each test, on each database that a store can be: the same tests run once in a
 * group on SQLite and once on a real PostgreSQL.
 *
 *	return room_run(tests, n);
 */

#include "base/buf.h"
#include "base/clock.h"
#include "release/release.h"
#include "release/store.h"
#include "tests/support/check.h"
#include "tests/support/pg.h"

#include <dirent.h>
#include <pthread.h>

struct room {
	struct pg *pg; /* NULL: SQLite */
	char dir[64];
	char store_url[320];
	struct conf *conf;
	struct db *store;
	struct arena arena;
	struct digest *digest;
};

/* What the groups share, since cmocka hands only one pointer down. */
struct room_group {
	struct pg *pg;
	int databases; /* made so far */
};

static const char room_conf[] = "store: \"%s\"\n"
				"state_dir: /nowhere\n"
				"environments:\n"
				"  - {id: dev, rollout: automatic, max_parallel: 2}\n"
				"  - {id: staging, rollout: automatic}\n"
				"  - {id: prod, rollout: manual}\n"
				"instances:\n"
				"  - {id: dev, environment: dev, url: \"sqlite:%s\"}\n"
				"  - {id: staging, environment: staging, url: \"sqlite:%s\"}\n"
				"  - {id: prod, environment: prod, url: \"sqlite:%s\"}\n"
				"projects: [{id: shop}, {id: other}]\n"
				"repositories: []\n";

PG_HELPER void room_open(struct db **out, const struct room *room)
{
	struct err e;
	const struct store_options options = { .create = 1 };
	check_ok(store_open(out, room->conf, &options, &e), &e);
}

PG_HELPER int room_setup(void **state)
{
	struct room_group *group = *state;
	struct room *room = calloc(1, sizeof *room);
	AUTO(buf) struct buf text;
	struct err e;
	char name[32];
	assert_non_null(room);
	room->pg = group->pg;
	(void)snprintf(room->dir, sizeof room->dir, "/tmp/tidegate-room-XXXXXX");
	assert_non_null(mkdtemp(room->dir));
	(void)snprintf(room->store_url, sizeof room->store_url, "%s/store.db", room->dir);
	if (room->pg != NULL) {
		(void)snprintf(name, sizeof name, "room_%d_%d", (int)getpid(), group->databases++);
		assert_int_equal(pg_database(room->pg, name), 0);
		(void)snprintf(room->store_url, sizeof room->store_url, "%s/%s", room->pg->url,
			       name);
	}
	buf_init(&text, 8192);
	buf_addf(&text, room_conf, room->store_url, room->dir, room->dir, room->dir);
	check_ok(conf_parse(&room->conf, buf_str(&text), "room.yaml", &e), &e);
	arena_init(&room->arena, 1 << 28);
	room->digest = digest_new();
	room_open(&room->store, room);
	*state = room;
	return 0;
}

PG_HELPER void room_remove(const char *dir)
{
	char path[400];
	DIR *d = opendir(dir);
	for (struct dirent *f = d != NULL ? readdir(d) : NULL; f != NULL; f = readdir(d)) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

PG_HELPER int room_teardown(void **state)
{
	struct room *room = *state;
	db_close(room->store);
	conf_free(room->conf);
	arena_free(&room->arena);
	digest_free(room->digest);
	room_remove(room->dir);
	free(room);
	return 0;
}

/* A file of a manifest whose content is `text`. */
PG_HELPER struct manifest_file room_file(const struct room *room, const char *path,
					 const char *text)
{
	struct manifest_file f = { .path = str_of(path), .size = strlen(text) };
	struct err e;
	check_ok(digest_sha256(room->digest, f.sha256, str_of(text), &e), &e);
	return f;
}

/* The manifest of files "PATH=CONTENT", NULL-ended. */
PG_HELPER struct manifest room_manifest(struct room *room, const char *const *files)
{
	struct manifest_file list[256];
	struct manifest m;
	struct err e;
	size_t n = 0;
	for (; files[n] != NULL; n++) {
		assert_true(n < sizeof list / sizeof *list);
		struct str all = str_of(files[n]);
		struct str path = arena_str(&room->arena, str_first(all, str_find(all, '=')));
		list[n] = room_file(room, path.p, strchr(files[n], '=') + 1);
	}
	check_ok(manifest_build(&m, list, n, room->digest, &room->arena, &e), &e);
	return m;
}

PG_HELPER struct release_request room_request(const char *commit)
{
	return (struct release_request){
		.project = STR("shop"),
		.id_template = STR("release_{date}-RC{iteration}"),
		.timezone = STR("UTC"),
		.repository = STR("app"),
		.commit = str_of(commit),
		.vcs_type = STR("GITHUB"),
		.title = STR("Add a table"),
		.creator = STR("alice"),
		.now_ms = 1795434301000, /* 2026-11-23 */
	};
}

PG_HELPER struct release room_release(struct room *room, const char *commit,
				      const struct manifest *manifest)
{
	struct release_request request = room_request(commit);
	struct release release;
	enum release_made how;
	struct err e;
	check_ok(release_make(&release, &how, room->store, &request, manifest, &room->arena, &e),
		 &e);
	return release;
}

/* Run `n` threads on `body` and wait for them. */
PG_HELPER void room_threads(size_t n, void *(*body)(void *), void *arguments, size_t size)
{
	pthread_t threads[32];
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, body, (char *)arguments + i * size), 0);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
}

#define room_test(f) cmocka_unit_test_setup_teardown(f, room_setup, room_teardown)

PG_HELPER int room_set(void **state, struct pg *pg)
{
	struct room_group *group = calloc(1, sizeof *group);
	group->pg = pg;
	*state = group;
	return 0;
}

/* The group's own state; the server outlives both groups. */
static struct pg room_pg;

PG_HELPER int room_sqlite(void **state)
{
	return room_set(state, NULL);
}

PG_HELPER int room_postgres(void **state)
{
	return room_set(state, &room_pg);
}

PG_HELPER int room_end(void **state)
{
	free(*state);
	return 0;
}

/* Both groups; 77, a skip, without a PostgreSQL. */
#define room_run(tests)                                                                            \
	(pg_start(&room_pg) != 0                                                                   \
	     ? 77                                                                                  \
	     : room_sum(                                                                           \
		   cmocka_run_group_tests_name("sqlite", tests, room_sqlite, room_end),            \
		   cmocka_run_group_tests_name("postgresql", tests, room_postgres, room_end)))

PG_HELPER int room_sum(int sqlite, int postgres)
{
	pg_stop(&room_pg);
	return sqlite + postgres;
}

#endif
