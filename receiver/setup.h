/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_SETUP_H
#define RECEIVER_SETUP_H

#include "base/conf.h"
#include "base/err.h"

/*
 * What reading the configuration cannot check, since base/ does not know the rooms above it: that
 * each provider exists, that branches, patterns and release names can be used. ERR_INPUT with
 * "FILE:LINE: problem". For the start, a reload, and `tidegate config check`.
 */
int setup_check(const struct conf *conf, struct err *e) MUST_CHECK;

#endif
