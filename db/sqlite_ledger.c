/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger in a SQLite file: its table, and the way from an older shape of it. */

#include "db/sqlite.h"

/* No STRICT, no generated column: the file stays readable by the old SQLite of an application. */
const char sqlite_ledger_ddl[] =
    "create table if not exists main.tidegate_revision (\n"
    "  version text not null primary key,\n"
    "  path text,\n"
    "  sha256 text,\n"
    "  state text not null check (state in ('applied', 'baseline', 'started')),\n"
    "  release_name text,\n"
    "  task_run text,\n"
    "  repository text,\n"
    "  commit_id text,\n"
    "  applied_ms bigint not null,\n"
    "  applied_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),\n"
    "  duration_ms bigint not null default 0,\n"
    "  statements integer not null default 0,\n"
    "  statements_done integer not null default 0,\n"
    "  applied_by text,\n"
    "  in_flight integer not null default 0,\n"
    "  probe text\n"
    ");\n";

/* From the shape of version 0.1.0. */
const char *const sqlite_ledger_upgrade[] = {
	"alter table main.tidegate_revision rename column release to release_name",
	"alter table main.tidegate_revision add column in_flight integer not null default 0",
	"alter table main.tidegate_revision add column probe text",
	NULL,
};
