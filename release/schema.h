/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_SCHEMA_H
#define RELEASE_SCHEMA_H

#include "release/store.h"

/* The tables of the modules of this folder, each at the head of its module's .c, in the order in
 * which they are made. For store.c only. */
extern const struct store_schema store_schema;
extern const struct store_schema rollout_schema_2;
extern const struct store_schema task_schema_2;
extern const struct store_schema approval_schema;
extern const struct store_schema sheet_schema;
extern const struct store_schema release_schema;
extern const struct store_schema plan_schema;
extern const struct store_schema plan_schema_2;
extern const struct store_schema rollout_schema;
extern const struct store_schema task_schema;
extern const struct store_schema review_schema;
extern const struct store_schema audit_schema;

#endif
