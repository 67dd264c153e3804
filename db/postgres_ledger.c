/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL of the ledger in PostgreSQL: making it, and looking whether what is there is ours. All
 * names are given with their schema, because others may have put theirs before it in the path.
 */

#include "db/postgres.h"

/* The caller holds the lock, so the two makers of one schema that collide are not both ours. */
const char postgres_ledger_ddl[] =
    "create schema if not exists tidegate;\n"
    "create table if not exists tidegate.revision (\n"
    "  version pg_catalog.text not null primary key,\n"
    "  path pg_catalog.text,\n"
    "  sha256 pg_catalog.text,\n"
    "  state pg_catalog.text not null check (state operator(pg_catalog.=) any"
    " (array['applied', 'baseline', 'started']::pg_catalog.text[])),\n"
    "  release_name pg_catalog.text,\n"
    "  task_run pg_catalog.text,\n"
    "  repository pg_catalog.text,\n"
    "  commit_id pg_catalog.text,\n"
    "  applied_ms bigint not null,\n"
    "  applied_at pg_catalog.timestamptz not null default pg_catalog.clock_timestamp(),\n"
    "  duration_ms bigint not null default 0,\n"
    "  statements integer not null default 0,\n"
    "  statements_done integer not null default 0,\n"
    "  applied_by pg_catalog.text,\n"
    "  in_flight integer not null default 0,\n"
    "  probe pg_catalog.text\n"
    ");\n"
    "comment on table tidegate.revision is\n"
    "  'The migrations that Tidegate applied to this database, one row each';\n";

/*
 * Default privileges may have let an application write to it: then it proves nothing. Seldom, so
 * that a server process need not load a language for each new ledger.
 */
const char postgres_ledger_close[] =
    "do $$ declare who pg_catalog.text; begin\n"
    "  for who in select distinct case when a.grantee operator(pg_catalog.=) 0::pg_catalog.oid "
    "then 'public'\n"
    "      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text)"
    " end\n"
    "    from pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a\n"
    "    where c.oid operator(pg_catalog.=) 'tidegate.revision'::pg_catalog.regclass\n"
    "      and a.grantee operator(pg_catalog.<>) c.relowner\n"
    "  loop execute pg_catalog.format('revoke insert, update, delete, truncate, trigger'\n"
    "      ' on tidegate.revision from %s', who);\n"
    "  end loop;\n"
    "end $$;\n";

/* From the shape of version 0.1.0, whose fourteen columns the look-up below counts. */
const char *const postgres_ledger_upgrade[] = {
	"alter table tidegate.revision rename column release to release_name",
	"alter table tidegate.revision add column in_flight integer not null default 0,"
	" add column probe pg_catalog.text",
	NULL,
};

/*
 * The usual ledger, which each session meets: all ours, and nothing on it. Planning the whole check
 * below takes longer than all else that a session does when there is nothing to apply.
 */
const char postgres_ledger_look[] =
    "select case"
    " when pg_catalog.pg_get_userbyid(n.nspowner) operator(pg_catalog.<>) current_user then 2"
    " when c.oid is null then 0"
    " when pg_catalog.pg_get_userbyid(c.relowner) operator(pg_catalog.=) current_user"
    " and c.relkind operator(pg_catalog.=) 'r'::pg_catalog.\"char\" and c.relacl is null"
    " and not c.relrowsecurity and not c.relhastriggers and not c.relhasrules"
    " and not exists (select from pg_catalog.pg_attribute a"
    " where a.attrelid operator(pg_catalog.=) c.oid and a.attacl is not null)"
    " then case when c.relnatts operator(pg_catalog.=) 14::pg_catalog.int2 then 3 else 1 end"
    " else 2 end, null"
    " from pg_catalog.pg_namespace n left join pg_catalog.pg_class c"
    " on c.relnamespace operator(pg_catalog.=) n.oid"
    " and c.relname operator(pg_catalog.=) 'revision'::pg_catalog.name"
    " where n.nspname operator(pg_catalog.=) 'tidegate'::pg_catalog.name";

/*
 * Whether a role can be trusted with our ledger: it is we, one of us, or a superuser. A superuser
 * counts as a member of every role, so that does not tell anything for one.
 */
#define IS_TRUSTED(role)                                                                           \
	"(pg_catalog.pg_get_userbyid(" role ") operator(pg_catalog.=) current_user"                \
	" or (pg_catalog.current_setting('is_superuser') operator(pg_catalog.<>) 'on'"             \
	" and pg_catalog.pg_has_role(" role ", 'MEMBER'))"                                         \
	" or exists (select from pg_catalog.pg_roles r where r.oid operator(pg_catalog.=) " role   \
	" and r.rolsuper))"
#define WRITES                                                                                     \
	"a.privilege_type operator(pg_catalog.=) any"                                              \
	" (array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']::pg_catalog.text[])"         \
	" and a.grantee operator(pg_catalog.<>) c.relowner"                                        \
	" and pg_catalog.pg_get_userbyid(a.grantee) operator(pg_catalog.<>) current_user"

/*
 * Who may make schemas could have made this one first, with a table that runs functions of theirs
 * as us, or that says what they like.
 */
const char postgres_ledger_check[] =
    "select case when c.oid is null then 0"
    " when c.relnatts operator(pg_catalog.=) 14::pg_catalog.int2 then 3 else 1 end, case"
    " when not " IS_TRUSTED(
	"n.nspowner") " then pg_catalog.format('its schema belongs to role %L:"
		      " drop it, or give it to %L (alter schema tidegate owner to ...) when its "
		      "content is right',"
		      " pg_catalog.pg_get_userbyid(n.nspowner), current_user)"
		      " when c.oid is null then null"
		      " when not " IS_TRUSTED(
			  "c.relowner") " then pg_catalog.format('it belongs to role %L: drop"
					" it, or give it to %L (alter table tidegate.revision "
					"owner to ...) when its content is"
					" right', pg_catalog.pg_get_userbyid(c.relowner), "
					"current_user)"
					" when c.relkind operator(pg_catalog.<>) "
					"'r'::pg_catalog.\"char\""
					" then 'it is no ordinary table; move it away'"
					" when c.relrowsecurity then 'it has row security; switch "
					"that off'"
					" when exists (select from pg_catalog.pg_trigger t where "
					"t.tgrelid operator(pg_catalog.=)"
					" c.oid and not t.tgisinternal) then 'it has a trigger; "
					"drop that'"
					" when exists (select from pg_catalog.pg_rewrite w where "
					"w.ev_class operator(pg_catalog.=)"
					" c.oid) then 'it has a rule; drop that'"
					" when exists (select from pg_catalog.aclexplode(c.relacl) "
					"a where " WRITES ")"
					" or exists (select from pg_catalog.pg_attribute i, "
					"pg_catalog.aclexplode(i.attacl) a"
					" where i.attrelid operator(pg_catalog.=) c.oid and "
					"i.attacl is not null and " WRITES ")"
					" then pg_catalog.format('others than %L may write to it; "
					"revoke that',"
					" pg_catalog.pg_get_userbyid(c.relowner))"
					" end"
					" from pg_catalog.pg_namespace n left join "
					"pg_catalog.pg_class c"
					" on c.relnamespace operator(pg_catalog.=) n.oid"
					" and c.relname operator(pg_catalog.=) "
					"'revision'::pg_catalog.name"
					" where n.nspname operator(pg_catalog.=) "
					"'tidegate'::pg_catalog.name";
