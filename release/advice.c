/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of advices: Bytebase's for what it knows, our own for the rest. */

#include "release/advice.h"

enum { CODE_BASE = 10000, CODE_INTERNAL = 1, CODE_SYNTAX = 201 };

int advice_code(enum rule rule)
{
	if (rule == RULE_SYNTAX)
		return CODE_SYNTAX;
	if (rule == RULE_EDITED_FILE)
		return CODE_INTERNAL;
	return CODE_BASE + (int)rule;
}
