/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure DevOps' bodies. The first byte is not used, the rest is the body, which holds its own type.
 * What was read must be consistent, and must be writable as JSON.
 */

#include "tests/fuzz/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return payload_run(&provider_azure, NULL, "git.pullrequest.merged", data, size);
}
