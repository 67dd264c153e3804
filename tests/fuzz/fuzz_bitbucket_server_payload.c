/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket Data Center's bodies. The first byte picks the event's type, the rest is the body. What
 * was read must be consistent, and must be writable as JSON.
 */

#include "tests/fuzz/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "pr:merged", "repo:refs_changed", "diagnostics:ping",
					     "pr:comment:added" };
	return payload_run(&provider_bitbucket_server, types, "pr:merged", data, size);
}
