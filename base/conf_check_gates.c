/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables cannot say of the gates of a rollout: approvals, batches, windows. */

#include "base/conf_schema.h"
#include "base/share.h"
#include "base/window.h"
#include "base/zone.h"

enum { APPROVER_MAX = 256, BATCHES_MAX = 32, WINDOWS_MAX = 64 };

struct gates {
	const struct conf_environment *environment;
	const struct yaml *item; /* of the environment */
	const char *file;
	struct err *e;
};

/* The value of `key`, or the item where the file does not have it. */
static const struct yaml *value_at(const struct gates *g, const char *key)
{
	const struct yaml *value = yaml_get(g->item, key);
	return value != NULL ? value : g->item;
}

static int check_approvals(const struct gates *g)
{
	const struct conf_environment *en = g->environment;
	const struct str *names = en->approvers.items;
	const struct yaml *node = value_at(g, "approvers")->child;
	if (en->approvals > 0 && en->rollout == CONF_ROLLOUT_AUTOMATIC)
		return conf_fail(g->file, value_at(g, "approvals"), g->e,
				 "approvals do not go with an automatic rollout (expected "
				 "'rollout: manual')");
	for (size_t i = 0; i < en->approvers.n; i++, node = node->next) {
		if (names[i].n == 0 || names[i].n > APPROVER_MAX || str_has_control(names[i]))
			return conf_fail(g->file, node, g->e,
					 "malformed name (expected a login of at most %d bytes)",
					 APPROVER_MAX);
		for (size_t k = 0; k < i; k++) {
			if (str_eq(names[i], names[k]))
				return conf_fail(g->file, node, g->e, "'%.*s' stands twice",
						 STR_ARG(names[i]));
		}
	}
	if (en->approvers.n > 0 && (int64_t)en->approvers.n < en->approvals)
		return conf_fail(g->file, value_at(g, "approvers"), g->e,
				 "%zu people cannot give %lld approvals (expected more names, or "
				 "fewer 'approvals')",
				 en->approvers.n, (long long)en->approvals);
	return 0;
}

/* Cumulative shares that grow, with everything at the end. */
static int check_batches(const struct gates *g)
{
	const struct str *texts = g->environment->batches.items;
	const size_t n = g->environment->batches.n;
	const struct yaml *node = value_at(g, "batches")->child;
	struct share before = { .n = 0 };
	if (n > BATCHES_MAX)
		return conf_fail(g->file, node, g->e, "more than %d batches", BATCHES_MAX);
	for (size_t i = 0; i < n; i++, node = node->next) {
		struct share s;
		if (share_parse(&s, texts[i], g->e) != 0)
			return conf_fail_wrap(g->file, node, g->e);
		if (s.n == 0 || (i > 0 && s.is_percent == before.is_percent && s.n <= before.n))
			return conf_fail(g->file, node, g->e,
					 "a batch without a database in it (expected shares that "
					 "grow, such as [1, 10%%, 100%%])");
		before = s;
	}
	if (n > 0 && !(before.is_percent && before.n == 100))
		return conf_fail(g->file, value_at(g, "batches"), g->e,
				 "the last batch leaves databases out (expected 100%% at the end)");
	struct share threshold;
	if (share_parse(&threshold, g->environment->failure_threshold, g->e) != 0)
		return conf_fail_wrap(g->file, value_at(g, "failure_threshold"), g->e);
	return 0;
}

static int check_windows(const struct gates *g)
{
	const struct str *texts = g->environment->windows.items;
	const struct yaml *node = value_at(g, "windows")->child;
	AUTO(zone) struct zone *zone = NULL;
	struct window w;
	if (g->environment->windows.n > WINDOWS_MAX)
		return conf_fail(g->file, node, g->e, "more than %d windows", WINDOWS_MAX);
	for (size_t i = 0; i < g->environment->windows.n; i++, node = node->next) {
		if (window_parse(&w, texts[i], g->e) != 0)
			return conf_fail_wrap(g->file, node, g->e);
	}
	if (zone_open(&zone, g->environment->timezone.p, g->e) != 0)
		return conf_fail_wrap(g->file, value_at(g, "timezone"), g->e);
	return 0;
}

int conf_check_gates(const struct conf *c, const struct yaml *root, const char *file, struct err *e)
{
	const struct conf_environment *list = c->environments.items;
	const struct yaml *all = yaml_get(root, "environments");
	const struct yaml *item = all != NULL ? all->child : NULL;
	for (size_t i = 0; i < c->environments.n && item != NULL; i++, item = item->next) {
		const struct gates g = { &list[i], item, file, e };
		if (check_approvals(&g) != 0 || check_batches(&g) != 0 || check_windows(&g) != 0)
			return -1;
	}
	return 0;
}
