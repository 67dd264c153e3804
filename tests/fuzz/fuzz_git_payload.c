/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that a git hook makes. The first byte is left out, as in the other providers' targets. */

#include "tests/fuzz/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return payload_run(&provider_git, NULL, "none", data, size);
}
