/* SPDX-License-Identifier: Apache-2.0 */
/* Groups resolved over real directories, frozen in plans, and what drifts from them. */

#include "release/drift.h"
#include "release/group.h"
#include "release/plan.h"
#include "tests/release/room.h"

#include <sys/stat.h>
#include <unistd.h>

#define GROUP STR("projects/shop/databaseGroups/fleet")
#define TEXT                                                                                       \
	"store: \"%s\"\nstate_dir: /nowhere\n"                                                     \
	"environments: [{id: dev}, {id: prod}]\n"                                                  \
	"instances:\n"                                                                             \
	"  - {id: a, environment: %s, url: \"sqlite:%s/a\", databases: [\"tenant_*\"]}\n"          \
	"  - {id: b, environment: prod, url: \"sqlite:%s/%s\"}\n"                                  \
	"  - {id: loose, url: \"sqlite:%s/loose\"}\n"                                              \
	"projects: [{id: shop, database_groups: [{id: fleet, databases: [\"t*\"]}]}]\n"

static const char *const dirs[] = { "a", "b", "loose", NULL };

static struct conf *configure(const struct room *room, const char *environment, const char *b)
{
	struct conf *c = NULL;
	AUTO(buf) struct buf text;
	struct err e;
	buf_init(&text, 8192);
	buf_addf(&text, TEXT, room->store_url, environment, room->dir, room->dir, b, room->dir);
	check_ok(conf_parse(&c, buf_str(&text), "room.yaml", &e), &e);
	return c;
}

static void touch(const struct room *room, const char *name)
{
	char path[300];
	(void)snprintf(path, sizeof path, "%s/%s.db", room->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static void drop(const struct room *room, const char *name)
{
	char path[300];
	(void)snprintf(path, sizeof path, "%s/%s.db", room->dir, name);
	assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
	char path[300];
	if (room_setup(state) != 0)
		return -1;
	const struct room *room = *state;
	for (size_t i = 0; dirs[i] != NULL; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", room->dir, dirs[i]);
		if (mkdir(path, 0700) != 0)
			return -1;
	}
	touch(room, "a/tenant_2");
	touch(room, "a/tenant_1");
	touch(room, "a/toys");
	touch(room, "b/tenant_3");
	touch(room, "b/t 1");
	touch(room, "b/shop");
	return 0;
}

static int tear_down(void **state)
{
	const struct room *room = *state;
	char path[300];
	for (size_t i = 0; dirs[i] != NULL; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", room->dir, dirs[i]);
		room_remove(path);
	}
	return room_teardown(state);
}

static const char *joined(struct room *room, const struct str *list, size_t n)
{
	AUTO(buf) struct buf text;
	buf_init(&text, 4096);
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, " %.*s", STR_ARG(list[i]));
	return arena_str(&room->arena, buf_str(&text)).p;
}

static void test_group_resolves(void **state)
{
	struct room *room = *state;
	AUTO(conf) struct conf *conf = configure(room, "dev", "b");
	struct group_list list;
	struct err e;
	touch(room, "loose/tenant_9");
	check_ok(group_resolve(&list, conf, GROUP, &room->arena, &e), &e);
	assert_string_equal(joined(room, list.targets, list.n),
			    " instances/a/databases/tenant_1 instances/a/databases/tenant_2"
			    " instances/b/databases/tenant_3");
	assert_int_equal(list.n_left_out, 2);
	assert_int_equal(list.left_out[0].reason, DISCOVER_NAME);
	assert_int_equal(list.left_out[1].reason, DISCOVER_ENVIRONMENT);
	struct str text = group_left_out(&list, &room->arena);
	assert_non_null(strstr(text.p, "left out 2"));
	assert_non_null(strstr(text.p, "'tenant_9' of instance 'loose'"));
}

static void test_group_is_never_shorter(void **state)
{
	struct room *room = *state;
	AUTO(conf) struct conf *conf = configure(room, "dev", "elsewhere");
	struct group_list list = { .n = 77 };
	struct err e;
	assert_int_equal(group_resolve(&list, conf, GROUP, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "instance 'b'"));
	assert_int_equal(list.n, 77);
	assert_int_equal(
	    group_resolve(&list, conf, STR("projects/shop/databaseGroups/x"), &room->arena, &e),
	    -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static struct plan plan_now(struct room *room, const struct conf *conf, int want_made)
{
	static const char *const files[] = { "m/1_a.sql=select 1;", NULL };
	struct manifest m = room_manifest(room, files);
	struct release r = room_release(room, "c1", &m);
	struct group_list list;
	struct plan plan;
	struct err e;
	int made;
	check_ok(group_resolve(&list, conf, GROUP, &room->arena, &e), &e);
	check_ok(plan_make_of_group(&plan, &made, room->store, conf, &r, GROUP, list.targets,
				    list.n, STR_NULL, 1000, &room->arena, &e),
		 &e);
	assert_int_equal(made, want_made);
	return plan;
}

static void test_group_is_frozen(void **state)
{
	struct room *room = *state;
	AUTO(conf) struct conf *conf = configure(room, "dev", "b");
	AUTO(conf) struct conf *moved = configure(room, "prod", "b");
	struct plan first = plan_now(room, conf, 1), before;
	struct err e;
	assert_string_equal(first.group.p, "projects/shop/databaseGroups/fleet");
	assert_int_equal(first.n_places, 2);
	assert_string_equal(arena_str(&room->arena, first.places[0].environment).p, "dev");
	assert_int_equal(plan_now(room, conf, 0).id, first.id);
	assert_int_equal(plan_before(&before, room->store, &first, &room->arena, &e), 0);
	touch(room, "b/tenant_4");
	struct plan second = plan_now(room, conf, 1);
	assert_int_equal(second.n_targets, 4);
	assert_int_equal(plan_before(&before, room->store, &second, &room->arena, &e), 1);
	assert_int_equal(before.id, first.id);
	assert_string_equal(drift_between(&before, &second, &room->arena).p,
			    "1 database more (instances/b/databases/tenant_4) than "
			    "projects/shop/plans/1");
	assert_null(drift_between(&second, &second, &room->arena).p);
	/* The same databases in another stage are another plan. */
	assert_int_equal(plan_now(room, moved, 1).n_targets, 4);
}

static const char *drifts(struct room *room, const struct conf *conf, const struct plan *plan)
{
	AUTO(buf) struct buf text;
	struct drift *list;
	struct err e;
	size_t n;
	buf_init(&text, 4096);
	check_ok(drift_find(&list, &n, conf, plan, &room->arena, &e), &e);
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, " %s:%.*s", drift_kind_name(list[i].kind), STR_ARG(list[i].target));
	return arena_str(&room->arena, buf_str(&text)).p;
}

static void test_group_drifts(void **state)
{
	struct room *room = *state;
	AUTO(conf) struct conf *conf = configure(room, "dev", "b");
	struct plan plan = plan_now(room, conf, 1);
	assert_string_equal(drifts(room, conf, &plan), "");
	touch(room, "b/tenant_4");
	drop(room, "a/tenant_1");
	assert_string_equal(drifts(room, conf, &plan), " new:instances/b/databases/tenant_4"
						       " gone:instances/a/databases/tenant_1");
}

static void test_group_moves(void **state)
{
	struct room *room = *state;
	AUTO(conf) struct conf *conf = configure(room, "dev", "b");
	AUTO(conf) struct conf *moved = configure(room, "prod", "./b");
	AUTO(conf) struct conf *other = NULL;
	struct plan plan = plan_now(room, conf, 1);
	struct err e;
	assert_string_equal(drifts(room, moved, &plan), " environment:instances/a url:instances/b");
	check_ok(conf_parse(&other,
			    STR("environments: [{id: dev}]\n"
				"projects: [{id: shop, database_groups: [{id: fleet}]}]\n"),
			    "t.yaml", &e),
		 &e);
	assert_string_equal(drifts(room, other, &plan),
			    " unconfigured:instances/a unconfigured:instances/b");
}

#define group_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		group_test(test_group_resolves),  group_test(test_group_is_never_shorter),
		group_test(test_group_is_frozen), group_test(test_group_drifts),
		group_test(test_group_moves),
	};
	return room_run(tests);
}
