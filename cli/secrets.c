/* SPDX-License-Identifier: Apache-2.0 */
/* Which passwords the commands that reach databases themselves need. */
#include "cli/secrets.h"

#include "cli/app.h"

int secrets_of_instance(const struct conf *conf, const struct conf_instance *instance,
			struct err *e)
{
	if (instance->password == NULL)
		return 0;
	return app_load_secret(instance->password, conf, "password of the instance", e);
}

int secrets_of_target(const struct conf *conf, struct str target, struct err *e)
{
	const struct conf_instance *instance;
	struct str database;

	if (conf_target(&instance, &database, conf, target, e) != 0)
		return -1;
	return secrets_of_instance(conf, instance, e);
}

int secrets_of_group(const struct conf *conf, struct str group, struct err *e)
{
	const struct conf_instance *instances = conf->instances.items;
	const struct conf_project *project;
	const struct conf_group *rule;

	if (conf_group(&project, &rule, conf, group, e) != 0)
		return -1;
	for (size_t i = 0; i < conf->instances.n; i++) {
		if (conf_group_has_instance(rule, &instances[i]) &&
		    secrets_of_instance(conf, &instances[i], e) != 0)
			return -1;
	}
	return 0;
}
