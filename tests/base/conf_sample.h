/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BASE_CONF_SAMPLE_H
#define TESTS_BASE_CONF_SAMPLE_H

/* The parts of a good configuration, for tests that replace one of them. */
#define CONF_ENVIRONMENTS "environments: [{id: dev, rollout: automatic}, {id: prod}]\n"
#define CONF_INSTANCES                                                                             \
	"instances:\n"                                                                             \
	"  - {id: dev, environment: dev, url: 'sqlite:/var/lib/app/dev'}\n"                        \
	"  - id: prod\n"                                                                           \
	"    environment: prod\n"                                                                  \
	"    url: postgresql://tidegate@db:5432\n"                                                 \
	"    password: {env: TIDEGATE_TEST_PASSWORD}\n"                                            \
	"    databases: [mydb, 'tenant_*']\n"
#define CONF_PROJECTS "projects: [{id: my-project}]\n"
#define CONF_REPOSITORY                                                                            \
	"repositories:\n"                                                                          \
	"  - id: app\n"                                                                            \
	"    provider: github\n"                                                                   \
	"    full_name: acme/app\n"                                                                \
	"    clone_url: https://github.com/acme/app.git\n"                                         \
	"    credentials: {token: {env: TIDEGATE_TEST_TOKEN}}\n"                                   \
	"    project: my-project\n"                                                                \
	"    targets: [instances/dev/databases/mydb, instances/prod/databases/mydb]\n"
#define CONF_SECRETS "    secrets: [{env: TIDEGATE_TEST_SECRET}]\n"
#define CONF_SAMPLE CONF_ENVIRONMENTS CONF_INSTANCES CONF_PROJECTS CONF_REPOSITORY CONF_SECRETS

#endif
