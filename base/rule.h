/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RULE_H
#define BASE_RULE_H

#include "base/str.h"

/*
 * The rules of the review, by which people name them in the configuration and in scripts. What each
 * one says is in release/lint_rules.h; docs/rules.md describes them.
 */
enum rule_level { RULE_OFF, RULE_INFO, RULE_WARNING, RULE_ERROR, RULE_LEVELS };

/* RULE(enum, id, level by default) */
#define RULE_TABLE(RULE)                                                                           \
	/* what the review itself finds: no statement's pattern */                                 \
	RULE(SYNTAX, "syntax", ERROR)                                                              \
	RULE(SCRIPT_REFUSED, "script-refused", ERROR)                                              \
	RULE(TRANSACTION_CONTROL, "transaction-control", ERROR)                                    \
	RULE(EDITED_FILE, "edited-file", ERROR)                                                    \
	RULE(OUT_OF_ORDER, "out-of-order", ERROR)                                                  \
	RULE(UNFINISHED, "unfinished", ERROR)                                                      \
	RULE(SUPPRESSION, "suppression", ERROR)                                                    \
	RULE(UNUSED_SUPPRESSION, "unused-suppression", WARNING)                                    \
	RULE(NOT_CHECKED, "not-checked", WARNING)                                                  \
	RULE(TARGET_UNREACHABLE, "target-unreachable", WARNING)                                    \
	/* locks */                                                                                \
	RULE(BLOCKING_INDEX_BUILD, "blocking-index-build", WARNING)                                \
	RULE(BLOCKING_INDEX_DROP, "blocking-index-drop", WARNING)                                  \
	RULE(BLOCKING_REINDEX, "blocking-reindex", WARNING)                                        \
	RULE(BLOCKING_REFRESH, "blocking-refresh", WARNING)                                        \
	RULE(UNIQUE_CONSTRAINT_BUILD, "unique-constraint-build", WARNING)                          \
	RULE(CONSTRAINT_NOT_VALID, "constraint-not-valid", WARNING)                                \
	RULE(VALIDATE_SAME_FILE, "validate-same-file", WARNING)                                    \
	RULE(SET_NOT_NULL_SCAN, "set-not-null-scan", WARNING)                                      \
	RULE(ATTACH_PARTITION_SCAN, "attach-partition-scan", INFO)                                 \
	RULE(LOCK_TABLE, "lock-table", WARNING)                                                    \
	RULE(LOCK_IN_LONG_TRANSACTION, "lock-in-long-transaction", WARNING)                        \
	RULE(LOCK_TIMEOUT_OFF, "lock-timeout-off", WARNING)                                        \
	RULE(CONCURRENTLY_MIXED, "concurrently-mixed", WARNING)                                    \
	/* rewrites */                                                                             \
	RULE(VOLATILE_DEFAULT, "volatile-default", WARNING)                                        \
	RULE(COLUMN_TYPE_CHANGE, "column-type-change", WARNING)                                    \
	RULE(TABLE_REWRITE, "table-rewrite", WARNING)                                              \
	RULE(VACUUM_FULL, "vacuum-full", WARNING)                                                  \
	/* what fails, or breaks who uses it */                                                    \
	RULE(NOT_NULL_WITHOUT_DEFAULT, "not-null-without-default", WARNING)                        \
	RULE(ENUM_VALUE_USED, "enum-value-used", WARNING)                                          \
	RULE(RENAME_TABLE, "rename-table", WARNING)                                                \
	RULE(RENAME_COLUMN, "rename-column", WARNING)                                              \
	RULE(DDL_BESIDE_DML, "ddl-beside-dml", WARNING)                                            \
	/* data */                                                                                 \
	RULE(DROP_DATABASE, "drop-database", ERROR)                                                \
	RULE(DROP_SCHEMA, "drop-schema", ERROR)                                                    \
	RULE(DROP_TABLE, "drop-table", WARNING)                                                    \
	RULE(DROP_COLUMN, "drop-column", WARNING)                                                  \
	RULE(DROP_CASCADE, "drop-cascade", WARNING)                                                \
	RULE(TRUNCATE, "truncate", WARNING)                                                        \
	RULE(REQUIRE_WHERE, "require-where", WARNING)                                              \
	RULE(INSERT_COLUMNS, "insert-columns", INFO)                                               \
	/* design */                                                                               \
	RULE(MISSING_PRIMARY_KEY, "missing-primary-key", WARNING)                                  \
	RULE(TIMESTAMP_WITHOUT_TIME_ZONE, "timestamp-without-time-zone", INFO)                     \
	RULE(PREFER_IDENTITY, "prefer-identity", INFO)                                             \
	RULE(SMALL_KEY, "small-key", INFO)                                                         \
	RULE(CHAR_TYPE, "char-type", INFO)                                                         \
	RULE(NAME_FORM, "name-form", INFO)                                                         \
	RULE(NAME_LENGTH, "name-length", WARNING)                                                  \
	RULE(NAME_RESERVED, "name-reserved", WARNING)

enum rule {
#define RULE_ENUM(name, id, level) RULE_##name,
	RULE_TABLE(RULE_ENUM)
#undef RULE_ENUM
	    RULES,
};

/* "require-where" */
const char *rule_id(enum rule rule);
/* What it counts for where the configuration says nothing. */
enum rule_level rule_default(enum rule rule);
/* 0, or -1 when there is no rule with that id. */
int rule_find(enum rule *out, struct str id);
/* "off", "info", "warning", "error" */
const char *rule_level_name(enum rule_level level);

#endif
