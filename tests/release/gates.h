/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RELEASE_GATES_H
#define TESTS_RELEASE_GATES_H

/* Rollouts whose environments have gates: what the tests of approvals, batches, windows and orders
 * are written with. */

#include "release/plan.h"
#include "release/rollout.h"
#include "tests/release/room.h"

enum { GATES_LEASE = 1000 };

/* Two environments, each with one instance more than it needs; `dev`, `prod` and `instance` are
 * further keys, each beginning with a comma, or "". */
PG_HELPER void gates_configure(struct room *room, const char *dev, const char *prod,
			       const char *instance)
{
	AUTO(buf) struct buf text;
	struct err e;
	buf_init(&text, 8192);
	buf_addf(&text,
		 "store: \"%s\"\nstate_dir: /nowhere\nenvironments:\n"
		 "  - {id: dev, rollout: automatic%s}\n  - {id: prod, rollout: manual%s}\n"
		 "instances:\n"
		 "  - {id: dev, environment: dev, url: \"sqlite:%s\"%s}\n"
		 "  - {id: dev2, environment: dev, url: \"sqlite:%s\"}\n"
		 "  - {id: prod, environment: prod, url: \"sqlite:%s\"}\n"
		 "projects: [{id: shop}]\nrepositories: []\n",
		 room->store_url, dev, prod, room->dir, instance, room->dir, room->dir);
	conf_free(room->conf);
	room->conf = NULL;
	check_ok(conf_parse(&room->conf, buf_str(&text), "gates.yaml", &e), &e);
}

/* The rollout of a new plan for the targets, NULL-ended. */
PG_HELPER int64_t gates_roll(struct room *room, const char *file, const char *const *targets)
{
	const char *const one[] = { file, NULL };
	struct manifest m = room_manifest(room, one);
	struct release r = room_release(room, file, &m);
	struct str list[64];
	struct plan plan;
	size_t n = 0;
	int made;
	struct err e;
	for (; targets[n] != NULL; n++)
		list[n] = str_of(targets[n]);
	check_ok(plan_make(&plan, &made, room->store, room->conf, &r, list, n, STR_NULL, 1000,
			   &room->arena, &e),
		 &e);
	check_ok(rollout_create(room->store, room->conf, &plan, 2000, &e), &e);
	return plan.id;
}

PG_HELPER struct rollout gates_view(struct room *room, int64_t plan)
{
	struct rollout r;
	struct err e;
	check_ok(rollout_get(&r, room->store, room->conf, STR("shop"), plan, &room->arena, &e), &e);
	return r;
}

PG_HELPER struct rollout_order gates_order(int64_t plan, const char *stage, const char *who)
{
	return (struct rollout_order){
		.project = STR("shop"),
		.plan = plan,
		.environment = str_of(stage),
		.actor = { str_of(who), STR("cli on h, uid 1") },
		.now_ms = clock_unix_ms(),
	};
}

/* Say what became of tasks, without workers. */
PG_HELPER void gates_mark(struct room *room, const char *where, const char *status)
{
	struct err e;
	char sql[256];
	(void)snprintf(sql, sizeof sql, "UPDATE task SET status = '%s' WHERE %s", status, where);
	check_ok(db_exec(room->store, NULL, sql, DB_NO_ARGS, &e), &e);
}

PG_HELPER size_t gates_advance(struct room *room, int64_t plan)
{
	size_t opened = 77;
	struct err e;
	check_ok(rollout_advance(&opened, room->store, room->conf, STR("shop"), plan,
				 clock_unix_ms(), &e),
		 &e);
	return opened;
}

/* How many entries of the audit log have this action. */
PG_HELPER int64_t gates_audited(struct room *room, const char *action)
{
	int64_t n = 0;
	struct err e;
	assert_int_equal(store_int(&n, room->store, "SELECT count(*) FROM audit WHERE action = $1",
				   DB_ARGS(DB_S(str_of(action))), &e),
			 1);
	return n;
}

PG_HELPER int gates_claim(struct room *room, struct task *t, int64_t now_ms, int64_t *next_ms)
{
	const struct task_claimer by = { .owner = STR("w"),
					 .lease_ms = GATES_LEASE,
					 .conf = room->conf };
	struct err e;
	int rc = task_claim(t, next_ms, room->store, &by, now_ms, &room->arena, &e);
	if (rc < 0)
		fail_msg("%s", e.msg);
	return rc;
}

PG_HELPER void gates_contains(struct str text, const char *part)
{
	if (text.p == NULL || strstr(text.p, part) == NULL)
		fail_msg("'%.*s' lacks '%s'", STR_ARG(text), part);
}

#define DEV "instances/dev/databases/"
#define DEV2 "instances/dev2/databases/"
#define PROD "instances/prod/databases/"

#endif
