/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL of the ledger in MySQL and MariaDB: making it, and looking whether what is there is ours.
 * It stands in the target itself, for want of schemas.
 */

#include "db/mysql.h"

#include <stddef.h>

/* Versions are compared as bytes. "if not exists" counts: two makers are told apart by the lock. */
const char mydb_ledger_ddl[] =
    "create table if not exists tidegate_revision (\n"
    "  version varchar(255) character set utf8mb4 collate utf8mb4_bin not null primary key,\n"
    "  path text,\n"
    "  sha256 varchar(64),\n"
    "  state varchar(16) not null check (state in ('applied', 'baseline', 'started')),\n"
    "  release_name varchar(512),\n"
    "  task_run varchar(512),\n"
    "  repository varchar(512),\n"
    "  commit_id varchar(64),\n"
    "  applied_ms bigint not null,\n"
    "  applied_at timestamp(6) not null default current_timestamp(6),\n"
    "  duration_ms bigint not null default 0,\n"
    "  statements integer not null default 0,\n"
    "  statements_done integer not null default 0,\n"
    "  applied_by varchar(512),\n"
    "  in_flight integer not null default 0,\n"
    "  probe text\n"
    ") engine = InnoDB default character set utf8mb4 collate utf8mb4_bin row_format = dynamic\n"
    "  comment = 'The migrations that Tidegate applied to this database, one row each';\n";

/* No version before this driver had another shape. */
const char *const mydb_ledger_upgrade[] = { NULL };

/*
 * Who may make tables in the database could have made this one first: as a view, without
 * transactions, or with a trigger that runs as us.
 */
const char mydb_ledger_look[] =
    "select 1, case"
    " when t.table_type <> 'BASE TABLE' then 'it is no ordinary table; move it away'"
    " when t.engine <> 'InnoDB' then 'its engine is not InnoDB, so nothing in it is certain; give"
    " it that (alter table tidegate_revision engine = InnoDB) when its content is right'"
    " when exists (select 1 from information_schema.triggers g where g.event_object_schema ="
    " database() and g.event_object_table = 'tidegate_revision') then 'it has a trigger; drop that'"
    " end"
    " from information_schema.tables t"
    " where t.table_schema = database() and t.table_name = 'tidegate_revision'";
