/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket Cloud's bodies. The first byte picks the event's type, the rest is the body. What was
 * read must be consistent, and must be writable as JSON.
 */

#include "tests/fuzz/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "pullrequest:fulfilled", "repo:push",
					     "pullrequest:updated", "issue:created" };
	return payload_run(&provider_bitbucket, types, "pullrequest:fulfilled", data, size);
}
