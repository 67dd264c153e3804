/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include "base/json_write.h"

/* Ids are strings in JSON: no reader can round them. 0 is null. */
static inline __attribute__((unused)) void json_id_out(struct json_writer *w, const char *key,
						       int64_t id)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)id);
	jw_text(w, key, id != 0 ? text : NULL);
}

#endif
