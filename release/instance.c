/* SPDX-License-Identifier: Apache-2.0 */
/* From an instance of the configuration to the options of a session. */

#include "release/instance.h"

int instance_options(struct db_options *out, const struct conf *conf,
		     const struct conf_instance *instance, struct err *e)
{
	struct db_options options = { .url = instance->url,
				      .application = "tidegate",
				      .durable = 1 };
	const struct conf_environment *environment = conf_environment(conf, instance->environment);
	if (db_find(instance->url) == NULL)
		return err_set(e, ERR_INPUT, "instance '%.*s' has a url of an unknown kind",
			       STR_ARG(instance->id));
	if (instance->password != NULL && instance->password->value == NULL)
		return err_set(e, ERR_INPUT, "the password of instance '%.*s' is not loaded",
			       STR_ARG(instance->id));
	if (instance->password != NULL)
		options.password = instance->password->value;
	if (environment != NULL) {
		options.lock_timeout_ms = environment->lock_timeout_ms;
		options.statement_timeout_ms = environment->statement_timeout_ms;
	}
	*out = options;
	return 0;
}
