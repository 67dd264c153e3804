/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the review's rules, which the configuration checks and the review uses. */

#include "base/rule.h"

static const struct {
	const char *id;
	enum rule_level level;
} rules[RULES] = {
#define RULE_ROW(name, id, level) [RULE_##name] = { id, RULE_##level },
	RULE_TABLE(RULE_ROW)
#undef RULE_ROW
};

const char *rule_id(enum rule rule)
{
	return rules[rule].id;
}

enum rule_level rule_default(enum rule rule)
{
	return rules[rule].level;
}

int rule_find(enum rule *out, struct str id)
{
	for (int i = 0; i < RULES; i++) {
		if (str_eq_cstr(id, rules[i].id)) {
			*out = (enum rule)i;
			return 0;
		}
	}
	return -1;
}

const char *rule_level_name(enum rule_level level)
{
	static const char *const names[RULE_LEVELS] = { "off", "info", "warning", "error" };
	return names[level];
}
