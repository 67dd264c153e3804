/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_INSPECT_H
#define DB_INSPECT_H

#include "db/db.h"

/*
 * What the statements of a script do, in one shape for all databases, read from their text alone.
 * A statement gives one fact or several (each clause of an ALTER TABLE; a CREATE TABLE gives one
 * for the table, then one for each column and constraint); one that is of no interest gives
 * DB_ACT_OTHER.
 */
enum db_action {
	DB_ACT_OTHER,
	DB_ACT_CREATE_TABLE,   /* table; created empty, or by a query (DB_FACT_FROM_QUERY) */
	DB_ACT_CREATE_INDEX,   /* table, name */
	DB_ACT_CREATE_OTHER,   /* view, function, type, ...: name */
	DB_ACT_ADD_COLUMN,     /* table, name, type */
	DB_ACT_ADD_CONSTRAINT, /* table, name, constraint, columns, reference */
	DB_ACT_VALIDATE,       /* table, name: a constraint is checked against all rows */
	DB_ACT_SET_NOT_NULL,   /* table, name: the column */
	DB_ACT_DROP_NOT_NULL,
	DB_ACT_CHANGE_TYPE, /* table, name, type */
	DB_ACT_SET_DEFAULT,
	DB_ACT_REWRITE, /* table, detail: "SET LOGGED" */
	DB_ACT_ATTACH_PARTITION,
	DB_ACT_ALTER_OTHER, /* any other change of a table: detail */
	DB_ACT_RENAME_TABLE,
	DB_ACT_RENAME_COLUMN, /* table, name, new_name */
	DB_ACT_RENAME_OTHER,
	DB_ACT_DROP_TABLE,
	DB_ACT_DROP_COLUMN,
	DB_ACT_DROP_CONSTRAINT,
	DB_ACT_DROP_INDEX,
	DB_ACT_DROP_SCHEMA,
	DB_ACT_DROP_DATABASE,
	DB_ACT_DROP_OTHER, /* view, function, type, ...: detail tells what */
	DB_ACT_TRUNCATE,
	DB_ACT_INSERT, /* table, rows */
	DB_ACT_UPDATE,
	DB_ACT_DELETE,
	DB_ACT_MERGE,
	DB_ACT_REINDEX,
	DB_ACT_VACUUM,         /* with DB_FACT_FULL it rewrites the table, as CLUSTER does */
	DB_ACT_REFRESH,        /* a materialized view */
	DB_ACT_ADD_ENUM_VALUE, /* type, name: the value */
	DB_ACT_LOCK_TABLE,
	DB_ACT_SET, /* name, detail: the value as text */
	DB_ACTIONS,
};

enum db_constraint {
	DB_CONSTRAINT_NONE,
	DB_CONSTRAINT_PRIMARY,
	DB_CONSTRAINT_UNIQUE,
	DB_CONSTRAINT_FOREIGN,
	DB_CONSTRAINT_CHECK,
	DB_CONSTRAINT_EXCLUDE,
};

enum db_fact_flags {
	DB_FACT_CONCURRENTLY = 1 << 0,
	DB_FACT_IF = 1 << 1, /* IF EXISTS, IF NOT EXISTS, OR REPLACE */
	DB_FACT_NOT_NULL = 1 << 2,
	DB_FACT_DEFAULT = 1 << 3,
	DB_FACT_VOLATILE = 1 << 4, /* the default calls what is not known to be stable */
	DB_FACT_IDENTITY =
	    1 << 5,              /* counted up by the database: serial, identity, auto_increment */
	DB_FACT_SERIAL = 1 << 6, /* PostgreSQL's serial types */
	DB_FACT_GENERATED = 1 << 7, /* a stored generated column */
	DB_FACT_NOT_VALID = 1 << 8,
	DB_FACT_USING_INDEX = 1 << 9,
	DB_FACT_WHERE = 1 << 10, /* one that is not constantly true */
	DB_FACT_UNIQUE = 1 << 11,
	DB_FACT_CASCADE = 1 << 12,
	DB_FACT_TEMPORARY = 1 << 13,
	DB_FACT_FROM_QUERY = 1 << 14, /* INSERT ... SELECT, CREATE TABLE AS */
	DB_FACT_COLUMNS = 1 << 15,    /* an INSERT names its columns */
	DB_FACT_FULL = 1 << 16,       /* VACUUM FULL, CLUSTER */
	DB_FACT_IN_CREATE = 1 << 17,  /* a column or constraint of the CREATE TABLE before it */
	DB_FACT_PARTITION = 1 << 18,  /* the new table takes its form from another */
	DB_FACT_ONLY = 1 << 19,       /* ALTER TABLE ONLY, ON ONLY: partitions are left out */
	DB_FACT_PRIMARY = 1 << 20,    /* a column that is a primary key by itself */
	DB_FACT_LOCAL = 1 << 21,      /* SET LOCAL */
};

struct db_fact {
	enum db_action action;
	unsigned flags;        /* enum db_fact_flags */
	size_t statement;      /* index in the array that was inspected */
	struct db_place place; /* of the clause where that is known, else of the statement */
	struct str schema;     /* absent: not said */
	struct str table;      /* as the database keeps it: folded unless quoted */
	struct str name;       /* column, index, constraint, value; absent: not said */
	struct str new_name;   /* renames */
	struct str type;       /* "character varying", lower case, without length */
	struct str detail;
	struct str reference; /* the table that a foreign key points to */
	enum db_constraint constraint;
	int64_t rows; /* literal rows of an INSERT */
};

/* What could not be read. */
enum db_fault_kind {
	DB_FAULT_SYNTAX,    /* the database's own grammar refuses it */
	DB_FAULT_TOO_LARGE, /* it was not looked at: too long, or nested too deeply */
	DB_FAULT_UNKNOWN,   /* this kind of statement cannot be read without the database */
};

struct db_fault {
	enum db_fault_kind kind;
	size_t statement;
	struct db_place place;
	struct str message;
};

struct db_inspection {
	struct db_fact *facts; /* in the order of the statements */
	size_t n;
	struct db_fault *faults;
	size_t n_faults;
};

/*
 * The facts of the statements that db_script_split made of `text`, in `arena`. A statement that
 * cannot be read gives a fault and the fact DB_ACT_OTHER. Where the database has no reader
 * (driver->inspect is NULL) there are neither. ERR_NOMEM, ERR_LIMIT of the arena.
 */
int db_inspect(struct db_inspection *out, const struct db_driver *driver, struct str text,
	       const struct db_statement *statements, size_t n, struct arena *arena,
	       struct err *e) MUST_CHECK;

/* "drop table", for messages and tests. */
const char *db_action_name(enum db_action action);

#endif
