/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

/* cmocka with what it needs before it, and the one assertion that every test wants. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/err.h"

/* Stops the test with the message when `rc` is not 0. */
#define check_ok(rc, e)                                                                            \
	do {                                                                                       \
		if ((rc) != 0)                                                                     \
			fail_msg("%s", (e)->msg);                                                  \
	} while (0)

#endif
