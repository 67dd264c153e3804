/* SPDX-License-Identifier: Apache-2.0 */
/* Which databases a group's rule lets through. */

#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN                                                                                      \
	"environments: [{id: dev}, {id: prod}]\n"                                                  \
	"instances:\n"                                                                             \
	"  - {id: eu-1, environment: prod, url: 'sqlite:a', labels: {tier: gold, zone: a}}\n"      \
	"  - {id: eu-2, environment: prod, url: 'sqlite:b', labels: {tier: iron}}\n"               \
	"  - {id: us-1, environment: dev, url: 'sqlite:c'}\n"                                      \
	"  - {id: loose, url: 'sqlite:d', labels: {tier: gold}}\n"                                 \
	"projects: [{id: p, database_groups: [{id: g"
#define END "}]}]\n"

static struct conf *parse(const char *text)
{
	struct conf *c = NULL;
	struct err e = { .msg = "" };
	if (conf_parse(&c, str_of(text), "t.yaml", &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	return c;
}

static const struct conf_group *only_group(const struct conf *c)
{
	const struct conf_project *project = NULL;
	const struct conf_group *group = NULL;
	struct err e;
	assert_int_equal(conf_group(&project, &group, c, STR("projects/p/databaseGroups/g"), &e),
			 0);
	assert_true(str_eq_cstr(project->id, "p"));
	return group;
}

/* The instances and databases that are let through, of four instances with three databases. */
static const char *members(char out[256], const char *rule)
{
	static const char *const instances[] = { "eu-1", "eu-2", "us-1", "loose" };
	static const char *const names[] = { "tenant_1", "tenant_2", "shop" };
	AUTO(conf) struct conf *c = parse(rule);
	const struct conf_group *g = only_group(c);
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < 4; i++) {
		const struct conf_instance *in = conf_instance(c, str_of(instances[i]));
		for (size_t j = 0; j < 3; j++) {
			if (conf_group_has(g, in, str_of(names[j])))
				at += (size_t)snprintf(out + at, 256 - at, " %s/%s", instances[i],
						       names[j]);
		}
	}
	return out;
}

static void test_conf_group_rules(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		const char *members;
	} rows[] = {
		{ BEGIN ", environments: [dev]" END, " us-1/tenant_1 us-1/tenant_2 us-1/shop" },
		{ BEGIN ", environments: [dev, prod], databases: [shop]" END,
		  " eu-1/shop eu-2/shop us-1/shop" },
		{ BEGIN ", databases: [shop], instances: ['eu-?', loose]" END,
		  " eu-1/shop eu-2/shop loose/shop" },
		{ BEGIN ", labels: {tier: gold}, databases: ['tenant_*']" END,
		  " eu-1/tenant_1 eu-1/tenant_2 loose/tenant_1 loose/tenant_2" },
		{ BEGIN ", labels: {tier: gold, zone: a}, databases: [shop]" END, " eu-1/shop" },
		{ BEGIN ", labels: {tier: Gold}" END, "" },
		{ BEGIN ", instances: [us-1], exclude: ['tenant_*']" END, " us-1/shop" },
		{ BEGIN ", databases: [tenant_1], exclude: ['instances/eu-*/databases/*']" END,
		  " us-1/tenant_1 loose/tenant_1" },
		{ BEGIN ", databases: [shop], environments: [], instances: []" END,
		  " eu-1/shop eu-2/shop us-1/shop loose/shop" },
		{ BEGIN ", databases: [nothing]" END, "" },
	};
	char got[256];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(members(got, rows[i].rule), rows[i].members);
}

static void test_conf_group_names(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(BEGIN END);
	static const struct {
		const char *name;
		enum err_code code;
	} rows[] = {
		{ "projects/p/databaseGroups/g", ERR_NONE },
		{ "projects/p/databaseGroups/h", ERR_NOTFOUND },
		{ "projects/q/databaseGroups/g", ERR_NOTFOUND },
		{ "projects/p/databaseGroups/", ERR_INPUT },
		{ "projects/p/databaseGroups/g/", ERR_INPUT },
		{ "projects/p/databaseGroupsg", ERR_INPUT },
		{ "projects//databaseGroups/g", ERR_INPUT },
		{ "projects/p/groups/g", ERR_INPUT },
		{ "instances/eu-1/databases/shop", ERR_INPUT },
		{ "", ERR_INPUT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct conf_project *p = NULL;
		const struct conf_group *g = NULL;
		struct err e = { .code = ERR_NONE };
		int rc = conf_group(&p, &g, c, str_of(rows[i].name), &e);
		assert_int_equal(rc, rows[i].code == ERR_NONE ? 0 : -1);
		assert_int_equal(e.code, rows[i].code);
	}
}

static void test_conf_group_shows(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(BEGIN ", exclude: [x], labels: {'a: b': c}" END);
	AUTO(buf) struct buf out;
	struct err e;
	buf_init(&out, 65536);
	assert_int_equal(conf_show(&out, c, &e), 0);
	assert_non_null(strstr(out.p, "labels: {\"tier\": \"gold\", \"zone\": \"a\"}"));
	AUTO(conf) struct conf *again = parse(out.p);
	const struct conf_group *g = only_group(again);
	assert_int_equal(g->labels.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_group_rules),
		cmocka_unit_test(test_conf_group_names),
		cmocka_unit_test(test_conf_group_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
