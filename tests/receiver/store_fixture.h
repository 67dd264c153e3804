/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RECEIVER_STORE_FIXTURE_H
#define TESTS_RECEIVER_STORE_FIXTURE_H

/* A fresh embedded store in a directory of its own, for one test. */

#include "base/buf.h"
#include "base/conf.h"
#include "receiver/delivery.h"
#include "release/store.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	struct conf *conf;
	struct db *store;
	struct arena arena;
};

static const char fixture_conf[] =
    "store: %s/store.db\n"
    "environments: [{id: dev, rollout: automatic}, {id: prod, rollout: manual}]\n"
    "instances:\n"
    "  - {id: dev, environment: dev, url: \"sqlite:%s\"}\n"
    "  - {id: prod, environment: prod, url: \"sqlite:%s\"}\n"
    "projects: [{id: shop}]\n"
    "repositories:\n"
    "  - id: app\n"
    "    provider: github\n"
    "    full_name: acme/app\n"
    "    clone_url: \"file://%s/app.git\"\n"
    "    secrets: [{file: %s/secret}]\n"
    "    project: shop\n"
    "    targets: [instances/dev/databases/a, instances/prod/databases/a]\n"
    "  - id: other\n"
    "    provider: github\n"
    "    full_name: acme/other\n"
    "    clone_url: \"file://%s/other.git\"\n"
    "    secrets: [{file: %s/secret}]\n"
    "    project: shop\n"
    "    targets: [instances/dev/databases/b]\n";

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	(void)snprintf(f->dir, sizeof f->dir, "/tmp/tidegate-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	struct err e = { 0 };
	struct buf text;
	buf_init(&text, 65536);
	char secret[96];
	(void)snprintf(secret, sizeof secret, "%s/secret", f->dir);
	FILE *file = fopen(secret, "w");
	assert_non_null(file);
	(void)fputs("It's a Secret to Everybody\n", file);
	(void)fclose(file);
	buf_addf(&text, fixture_conf, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir);
	check_ok(conf_parse(&f->conf, buf_str(&text), "test.yaml", &e), &e);
	check_ok(conf_load_secrets(f->conf, &e), &e);
	buf_free(&text);
	struct store_options options = { .create = 1 };
	check_ok(store_open(&f->store, f->conf, &options, &e), &e);
	check_ok(delivery_schema(f->store, &e), &e);
	arena_init(&f->arena, 1 << 26);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	db_close(f->store);
	conf_free(f->conf);
	arena_free(&f->arena);
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "secret",
					     "a.db",     "a.db-wal",     "a.db-shm" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[160];
		(void)snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

#endif
