/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of any bytes: refused with a place, or shown and read back the same. */

#include "base/conf.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(conf) struct conf *c = NULL;
	AUTO(conf) struct conf *again = NULL;
	AUTO(buf) struct buf first, second;
	struct err e = { .code = ERR_NONE };
	buf_init(&first, TEXT_MAX);
	buf_init(&second, TEXT_MAX);
	if (conf_parse(&c, (struct str){ (const char *)data, size }, "f", &e) != 0) {
		assert(c == NULL && (e.code == ERR_LIMIT || strncmp(e.msg, "f:", 2) == 0));
		return 0;
	}
	int rc = conf_show(&first, c, &e);
	assert(rc == 0);
	/* Shown, a large configuration can pass the limit of a file. */
	if (first.n > 1024 * 1024)
		return 0;
	rc = conf_parse(&again, buf_str(&first), "f", &e);
	assert(rc == 0);
	rc = conf_show(&second, again, &e);
	assert(rc == 0 && str_eq(buf_str(&first), buf_str(&second)));
	return 0;
}
