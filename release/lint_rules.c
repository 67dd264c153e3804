/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people are told of each rule. docs/rules.md is this table as a page: `release_lint --write`
 * in tests/ writes it, and the test of the same name compares.
 */

#include "release/lint.h"

static const struct lint_rule rules[RULES] = {
	[RULE_SYNTAX] = {
		.rule = RULE_SYNTAX, .databases = LINT_ALL,
		.title = "Syntax error",
		.why = "The database's grammar refuses the statement. PostgreSQL: its own parser, of version 15; on "
		       "a newer server this is only a warning. SQLite: the statements are really run on an empty copy "
		       "of the target's schema, so a table that does not exist is found too. MySQL: the server parses "
		       "the statements that it can prepare.",
		.safer = "Correct the statement at the place that is named.",
	},
	[RULE_SCRIPT_REFUSED] = {
		.rule = RULE_SCRIPT_REFUSED, .databases = LINT_ALL,
		.title = "Script that never runs",
		.why = "The script holds what Tidegate never runs: data for COPY, a client's own command (psql's "
		       "backslash), a NUL byte, a directive that is not known.",
		.safer = "Write it as SQL statements that a server takes.",
	},
	[RULE_TRANSACTION_CONTROL] = {
		.rule = RULE_TRANSACTION_CONTROL, .databases = LINT_ALL,
		.title = "Transaction control in a script",
		.why = "BEGIN, COMMIT and ROLLBACK would end the transaction in which the script and its ledger row "
		       "are written, so the runner refuses the script.",
		.safer = "Leave them out, or put `-- txn-mode = off` into the comment at the head of the file.",
		.example = "BEGIN; INSERT INTO t (a) VALUES (1); COMMIT;",
		.instead = "INSERT INTO t (a) VALUES (1);",
	},
	[RULE_EDITED_FILE] = {
		.rule = RULE_EDITED_FILE, .databases = LINT_ALL,
		.title = "Applied file has been modified",
		.why = "The target's ledger has this version with another content. What was applied cannot be changed "
		       "by changing the file. A project with `allow_edited` gets a warning.",
		.safer = "Restore the file and put the change into a new migration.",
	},
	[RULE_OUT_OF_ORDER] = {
		.rule = RULE_OUT_OF_ORDER, .databases = LINT_ALL,
		.title = "Version below the newest applied one",
		.why = "A file that runs after a later one meets another schema than its author did. A project with "
		       "`allow_out_of_order` gets a warning.",
		.safer = "Rename the file to a version above the newest applied one.",
	},
	[RULE_UNFINISHED] = {
		.rule = RULE_UNFINISHED, .databases = LINT_ALL,
		.title = "Started and not finished",
		.why = "The target's ledger says that this version was started and not finished: nothing more runs "
		       "there before a person has settled it.",
		.safer = "Look at the database, then settle it with `tidegate revisions resolve`.",
	},
	[RULE_SUPPRESSION] = {
		.rule = RULE_SUPPRESSION, .databases = LINT_ALL,
		.title = "Suppression without rule or reason",
		.why = "A comment that lets a rule pass must name rules that there are, and give a reason.",
		.safer = "Write `-- tidegate: allow RULE: reason`.",
		.example = "DROP TABLE t; -- tidegate: allow drop-table",
		.instead = "DROP TABLE t; -- tidegate: allow drop-table: unused since release 12",
	},
	[RULE_UNUSED_SUPPRESSION] = {
		.rule = RULE_UNUSED_SUPPRESSION, .databases = LINT_ALL,
		.title = "Suppression of nothing",
		.why = "A rule is allowed that finds nothing there: the comment misleads its readers.",
		.safer = "Take the comment away.",
		.example = "SELECT 1; -- tidegate: allow drop-table: unused since release 12",
		.instead = "SELECT 1;",
	},
	[RULE_NOT_CHECKED] = {
		.rule = RULE_NOT_CHECKED, .databases = LINT_ALL,
		.title = "Not checked",
		.why = "A statement is too long, or nested too deeply, to be looked at, or a target has no time left: "
		       "the review says nothing about it.",
		.safer = "Split the file, or read it yourself.",
	},
	[RULE_TARGET_UNREACHABLE] = {
		.rule = RULE_TARGET_UNREACHABLE, .databases = LINT_ALL,
		.title = "Target not reached",
		.why = "What is applied in the target, and how large its tables are, is not known to the review.",
		.safer = "See that the target can be reached, then check again.",
	},
	[RULE_BLOCKING_INDEX_BUILD] = {
		.rule = RULE_BLOCKING_INDEX_BUILD, .databases = LINT_POSTGRES,
		.title = "Index build blocks writes",
		.why = "CREATE INDEX takes a SHARE lock: every INSERT, UPDATE and DELETE on the table waits until the "
		       "index is built, on a large table for hours.",
		.safer = "CREATE INDEX CONCURRENTLY, alone in its file.",
		.example = "CREATE INDEX orders_customer ON orders (customer_id);",
		.instead = "CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);",
	},
	[RULE_BLOCKING_INDEX_DROP] = {
		.rule = RULE_BLOCKING_INDEX_DROP, .databases = LINT_POSTGRES,
		.title = "Index drop blocks the table",
		.why = "DROP INDEX takes an ACCESS EXCLUSIVE lock on the table: it waits for every query that runs, "
		       "and every later query waits behind it.",
		.safer = "DROP INDEX CONCURRENTLY, alone in its file.",
		.example = "DROP INDEX orders_customer;",
		.instead = "DROP INDEX CONCURRENTLY orders_customer;",
	},
	[RULE_BLOCKING_REINDEX] = {
		.rule = RULE_BLOCKING_REINDEX, .databases = LINT_POSTGRES,
		.title = "Reindex blocks writes",
		.why = "REINDEX locks the table against writes, and the index against reads, until it is done.",
		.safer = "REINDEX ... CONCURRENTLY, alone in its file.",
		.example = "REINDEX TABLE orders;",
		.instead = "REINDEX TABLE CONCURRENTLY orders;",
	},
	[RULE_BLOCKING_REFRESH] = {
		.rule = RULE_BLOCKING_REFRESH, .databases = LINT_POSTGRES,
		.title = "Refresh blocks readers",
		.why = "REFRESH MATERIALIZED VIEW locks the view against reads until its query is done.",
		.safer = "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view.",
		.example = "REFRESH MATERIALIZED VIEW totals;",
		.instead = "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
	},
	[RULE_UNIQUE_CONSTRAINT_BUILD] = {
		.rule = RULE_UNIQUE_CONSTRAINT_BUILD, .databases = LINT_POSTGRES,
		.title = "Constraint builds an index under a lock",
		.why = "A PRIMARY KEY, UNIQUE or EXCLUDE constraint builds its index under an ACCESS EXCLUSIVE lock: "
		       "reads and writes of the table wait.",
		.safer = "Build the index first with CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, then ADD "
			 "CONSTRAINT ... USING INDEX.",
		.example = "ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE (number);",
		.instead = "ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE USING INDEX orders_number;",
	},
	[RULE_CONSTRAINT_NOT_VALID] = {
		.rule = RULE_CONSTRAINT_NOT_VALID, .databases = LINT_POSTGRES,
		.title = "Constraint checks all rows under a lock",
		.why = "A FOREIGN KEY or CHECK that is added valid reads the whole table while writers (of a CHECK: "
		       "readers too) wait.",
		.safer = "Add it NOT VALID, which is quick; VALIDATE CONSTRAINT in a later file, which lets others "
			 "work.",
		.example = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);",
		.instead = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;",
	},
	[RULE_VALIDATE_SAME_FILE] = {
		.rule = RULE_VALIDATE_SAME_FILE, .databases = LINT_POSTGRES,
		.title = "Constraint validated in the transaction that adds it",
		.why = "A file is one transaction: the lock of ADD CONSTRAINT ... NOT VALID is held through the "
		       "VALIDATE, so nothing is won.",
		.safer = "Put VALIDATE CONSTRAINT into the next file.",
		.example = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;\n"
			   "ALTER TABLE orders VALIDATE CONSTRAINT positive;",
		.instead = "ALTER TABLE orders VALIDATE CONSTRAINT positive;",
	},
	[RULE_SET_NOT_NULL_SCAN] = {
		.rule = RULE_SET_NOT_NULL_SCAN, .databases = LINT_POSTGRES,
		.title = "SET NOT NULL reads all rows under a lock",
		.why = "SET NOT NULL reads the whole table under an ACCESS EXCLUSIVE lock, unless a valid CHECK "
		       "constraint already proves it (PostgreSQL 12 and later).",
		.safer = "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID; in the next file VALIDATE CONSTRAINT, "
			 "then SET NOT NULL.",
		.example = "ALTER TABLE orders ALTER COLUMN number SET NOT NULL;",
		.instead = "ALTER TABLE orders VALIDATE CONSTRAINT number_there;\n"
			   "ALTER TABLE orders ALTER COLUMN number SET NOT NULL;",
	},
	[RULE_ATTACH_PARTITION_SCAN] = {
		.rule = RULE_ATTACH_PARTITION_SCAN, .databases = LINT_POSTGRES,
		.title = "ATTACH PARTITION checks the rows under a lock",
		.why = "The table that becomes a partition is read under an ACCESS EXCLUSIVE lock to see that its rows "
		       "belong there.",
		.safer = "Add a CHECK constraint that says the same as the bounds, NOT VALID, validate it, then "
			 "attach.",
		.example = "ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM (1) TO (2);",
	},
	[RULE_LOCK_TABLE] = {
		.rule = RULE_LOCK_TABLE, .databases = LINT_POSTGRES,
		.title = "Explicit table lock",
		.why = "LOCK TABLE keeps others out until the whole file is done.",
		.safer = "Let each statement take the lock that it needs.",
		.example = "LOCK TABLE orders;",
	},
	[RULE_LOCK_IN_LONG_TRANSACTION] = {
		.rule = RULE_LOCK_IN_LONG_TRANSACTION, .databases = LINT_POSTGRES,
		.title = "Long work while a table is locked",
		.why = "A file is one transaction. The ACCESS EXCLUSIVE lock of an ALTER TABLE is held until its end: "
		       "a backfill or an index build behind it stops all reads of that table.",
		.safer = "Put the ALTER TABLE into a file of its own, and the long work into the next one.",
		.example = "ALTER TABLE orders ADD COLUMN total numeric;\n"
			   "UPDATE orders SET total = 0 WHERE total IS NULL;",
		.instead = "ALTER TABLE orders ADD COLUMN total numeric;",
	},
	[RULE_LOCK_TIMEOUT_OFF] = {
		.rule = RULE_LOCK_TIMEOUT_OFF, .databases = LINT_POSTGRES,
		.title = "Lock timeout switched off",
		.why = "Tidegate gives each session a lock_timeout, so that a statement that waits for a lock gives "
		       "up before it has stopped everybody behind it. This takes that away.",
		.safer = "Leave lock_timeout to the environment, or set a short one.",
		.example = "SET lock_timeout = 0;",
		.instead = "SET lock_timeout = '2s';",
	},
	[RULE_CONCURRENTLY_MIXED] = {
		.rule = RULE_CONCURRENTLY_MIXED, .databases = LINT_POSTGRES,
		.title = "CONCURRENTLY beside other statements",
		.why = "A file with a CONCURRENTLY statement runs statement by statement, without one transaction "
		       "around it: a failure leaves the part before it done.",
		.safer = "Put each CONCURRENTLY statement into a file of its own.",
		.example = "CREATE TABLE t (id bigint PRIMARY KEY);\n"
			   "CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);",
		.instead = "CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);",
	},
	[RULE_VOLATILE_DEFAULT] = {
		.rule = RULE_VOLATILE_DEFAULT, .databases = LINT_POSTGRES,
		.title = "Volatile default rewrites the table",
		.why = "A default that differs from row to row (random(), gen_random_uuid(), clock_timestamp()) is "
		       "written into each row under an ACCESS EXCLUSIVE lock. A constant, or now(), is not.",
		.safer = "Add the column without default, set the default for new rows, fill the old ones in parts.",
		.example = "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();",
		.instead = "ALTER TABLE orders ADD COLUMN token uuid;\n"
			   "ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();",
	},
	[RULE_COLUMN_TYPE_CHANGE] = {
		.rule = RULE_COLUMN_TYPE_CHANGE, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Type change rewrites the table",
		.why = "Most changes of a type write the table and its indexes anew while it is locked. Some do not "
		       "(PostgreSQL: varchar to text, a longer varchar; MySQL: a longer VARCHAR within 255 bytes), "
		       "which the text of the statement does not tell.",
		.safer = "Add a new column, fill it in parts, change the readers, drop the old one.",
		.example = "ALTER TABLE orders ALTER COLUMN number TYPE bigint;",
	},
	[RULE_TABLE_REWRITE] = {
		.rule = RULE_TABLE_REWRITE, .databases = LINT_POSTGRES,
		.title = "Table is rewritten",
		.why = "A serial, identity or stored generated column, SET LOGGED, SET TABLESPACE and SET ACCESS METHOD "
		       "write the whole table anew under an ACCESS EXCLUSIVE lock.",
		.safer = "Make a new table or a plain column, fill it in parts, then exchange.",
		.example = "ALTER TABLE orders ADD COLUMN position bigserial;",
		.instead = "ALTER TABLE orders ADD COLUMN position bigint;",
	},
	[RULE_VACUUM_FULL] = {
		.rule = RULE_VACUUM_FULL, .databases = LINT_POSTGRES,
		.title = "VACUUM FULL or CLUSTER",
		.why = "Both write the table anew under an ACCESS EXCLUSIVE lock.",
		.safer = "VACUUM without FULL, or a tool that works beside the traffic, such as pg_repack.",
		.example = "VACUUM FULL orders;",
		.instead = "VACUUM orders;",
	},
	[RULE_NOT_NULL_WITHOUT_DEFAULT] = {
		.rule = RULE_NOT_NULL_WITHOUT_DEFAULT, .databases = LINT_POSTGRES | LINT_SQLITE,
		.title = "NOT NULL column without default",
		.why = "The rows that are there have no value for it: the statement fails as soon as there is one. "
		       "Programs that do not know the column fail when they insert.",
		.safer = "Give it a default, or add it without NOT NULL and fill it first.",
		.example = "ALTER TABLE orders ADD COLUMN state text NOT NULL;",
		.instead = "ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'new';",
	},
	[RULE_ENUM_VALUE_USED] = {
		.rule = RULE_ENUM_VALUE_USED, .databases = LINT_POSTGRES,
		.title = "New enum value used in its transaction",
		.why = "PostgreSQL refuses to use a value of an enum in the transaction that adds it (\"unsafe use of "
		       "new value\").",
		.safer = "Put ALTER TYPE ... ADD VALUE into a file of its own, before.",
		.example = "ALTER TYPE state ADD VALUE 'paused';\nUPDATE orders SET state = 'paused' WHERE id = 1;",
		.instead = "ALTER TYPE state ADD VALUE 'paused';",
	},
	[RULE_RENAME_TABLE] = {
		.rule = RULE_RENAME_TABLE, .databases = LINT_ALL,
		.title = "Table renamed under running programs",
		.why = "Programs that run now know the old name, those of the next release the new one: one of the two "
		       "fails until all are replaced.",
		.safer = "Make a view with the new name, move the programs, rename then.",
		.example = "ALTER TABLE orders RENAME TO purchases;",
		.instead = "CREATE VIEW purchases AS SELECT * FROM orders;",
	},
	[RULE_RENAME_COLUMN] = {
		.rule = RULE_RENAME_COLUMN, .databases = LINT_ALL,
		.title = "Column renamed under running programs",
		.why = "Programs that run now know the old name, those of the next release the new one: one of the two "
		       "fails until all are replaced.",
		.safer = "Add a new column, write both, move the readers, drop the old one.",
		.example = "ALTER TABLE orders RENAME COLUMN number TO code;",
		.instead = "ALTER TABLE orders ADD COLUMN code text;",
	},
	[RULE_DDL_BESIDE_DML] = {
		.rule = RULE_DDL_BESIDE_DML, .databases = LINT_MYSQL,
		.title = "DDL beside changes of rows",
		.why = "Each DDL statement commits what was done before it: when a later statement fails, the file is "
		       "half applied and waits for a person.",
		.safer = "Put the DDL into a file of its own.",
		.example = "INSERT INTO t (a) VALUES (1);\nALTER TABLE t ADD COLUMN b int;",
		.instead = "ALTER TABLE t ADD COLUMN b int;",
	},
	[RULE_DROP_DATABASE] = {
		.rule = RULE_DROP_DATABASE, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Database dropped",
		.why = "A migration that drops a database is hardly ever meant.",
		.safer = "Do it by hand, with a backup.",
		.example = "DROP DATABASE shop;",
	},
	[RULE_DROP_SCHEMA] = {
		.rule = RULE_DROP_SCHEMA, .databases = LINT_POSTGRES,
		.title = "Schema dropped with all that is in it",
		.why = "DROP SCHEMA ... CASCADE drops every table of the schema, whatever they are by then.",
		.safer = "Drop the tables one by one, then the schema without CASCADE.",
		.example = "DROP SCHEMA old CASCADE;",
		.instead = "DROP SCHEMA old;",
	},
	[RULE_DROP_TABLE] = {
		.rule = RULE_DROP_TABLE, .databases = LINT_ALL,
		.title = "Table dropped",
		.why = "The rows are gone, and programs that still read the table fail.",
		.safer = "Rename it first, drop it one release later; keep a backup.",
		.example = "DROP TABLE orders;",
	},
	[RULE_DROP_COLUMN] = {
		.rule = RULE_DROP_COLUMN, .databases = LINT_ALL,
		.title = "Column dropped",
		.why = "The values are gone, and programs that still read the column fail.",
		.safer = "Release the programs that no longer use it first, drop it one release later.",
		.example = "ALTER TABLE orders DROP COLUMN number;",
	},
	[RULE_DROP_CASCADE] = {
		.rule = RULE_DROP_CASCADE, .databases = LINT_POSTGRES,
		.title = "Drop with CASCADE",
		.why = "CASCADE drops views, constraints and functions that nobody has listed.",
		.safer = "Name what is to be dropped; leave CASCADE out.",
		.example = "DROP VIEW totals CASCADE;",
		.instead = "DROP VIEW totals;",
	},
	[RULE_TRUNCATE] = {
		.rule = RULE_TRUNCATE, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Table emptied",
		.why = "TRUNCATE takes all rows away under an ACCESS EXCLUSIVE lock.",
		.safer = "DELETE with a WHERE, in parts.",
		.example = "TRUNCATE orders;",
		.instead = "DELETE FROM orders WHERE placed < '2020-01-01';",
	},
	[RULE_REQUIRE_WHERE] = {
		.rule = RULE_REQUIRE_WHERE, .databases = LINT_ALL,
		.title = "UPDATE or DELETE without WHERE",
		.why = "Every row is changed: mostly a forgotten condition; and if it is meant, one transaction that "
		       "locks every row. A condition that is always true (1 = 1) counts as none.",
		.safer = "Add a WHERE; change large tables in parts.",
		.example = "DELETE FROM orders;",
		.instead = "DELETE FROM orders WHERE state = 'draft';",
	},
	[RULE_INSERT_COLUMNS] = {
		.rule = RULE_INSERT_COLUMNS, .databases = LINT_ALL,
		.title = "INSERT without column names",
		.why = "The values go to whatever columns the table has there: one more column, and it fails or means "
		       "something else.",
		.safer = "Name the columns.",
		.example = "INSERT INTO t VALUES (1);",
		.instead = "INSERT INTO t (a) VALUES (1);",
	},
	[RULE_MISSING_PRIMARY_KEY] = {
		.rule = RULE_MISSING_PRIMARY_KEY, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Table without primary key",
		.why = "Rows cannot be told apart; logical replication refuses UPDATE and DELETE; MySQL replicas scan "
		       "the table for each row.",
		.safer = "Give the table a primary key.",
		.example = "CREATE TABLE t (a text);",
		.instead = "CREATE TABLE t (id bigint PRIMARY KEY, a text);",
	},
	[RULE_TIMESTAMP_WITHOUT_TIME_ZONE] = {
		.rule = RULE_TIMESTAMP_WITHOUT_TIME_ZONE, .databases = LINT_POSTGRES,
		.title = "timestamp without time zone",
		.why = "timestamp keeps what a clock on a wall shows, not a moment: sessions in two zones read two "
		       "moments.",
		.safer = "timestamptz",
		.example = "CREATE TABLE t (id bigint PRIMARY KEY, at timestamp);",
		.instead = "CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz);",
	},
	[RULE_PREFER_IDENTITY] = {
		.rule = RULE_PREFER_IDENTITY, .databases = LINT_POSTGRES,
		.title = "serial column",
		.why = "serial makes a sequence with its own owner and grants, which later surprises: inserts by "
		       "another role fail, copies of the table share it.",
		.safer = "bigint GENERATED ALWAYS AS IDENTITY",
		.example = "CREATE TABLE t (id bigserial PRIMARY KEY);",
		.instead = "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);",
	},
	[RULE_SMALL_KEY] = {
		.rule = RULE_SMALL_KEY, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Key that runs out",
		.why = "A 32-bit key ends at 2,147,483,647; to change its type then rewrites the table and all that "
		       "reference it.",
		.safer = "bigint",
		.example = "CREATE TABLE t (id int PRIMARY KEY);",
		.instead = "CREATE TABLE t (id bigint PRIMARY KEY);",
	},
	[RULE_CHAR_TYPE] = {
		.rule = RULE_CHAR_TYPE, .databases = LINT_POSTGRES,
		.title = "char(n) column",
		.why = "char(n) fills values up with blanks, which comparisons partly ignore; it saves nothing.",
		.safer = "text, with a CHECK of its length where that matters",
		.example = "CREATE TABLE t (id bigint PRIMARY KEY, code char(3));",
		.instead = "CREATE TABLE t (id bigint PRIMARY KEY, code text CHECK (length(code) = 3));",
	},
	[RULE_NAME_FORM] = {
		.rule = RULE_NAME_FORM, .databases = LINT_ALL,
		.title = "Name not in lower_snake_case",
		.why = "Names with capitals or other characters must be quoted wherever they are used, or depend on "
		       "the server's settings.",
		.safer = "Lower case letters, digits and '_', beginning with a letter or '_'.",
		.example = "CREATE TABLE \"Orders\" (id bigint PRIMARY KEY);",
		.instead = "CREATE TABLE orders (id bigint PRIMARY KEY);",
	},
	[RULE_NAME_LENGTH] = {
		.rule = RULE_NAME_LENGTH, .databases = LINT_POSTGRES | LINT_MYSQL,
		.title = "Name too long",
		.why = "PostgreSQL cuts names at 63 bytes without failing, so that two of them may become one; MySQL "
		       "refuses more than 64 characters.",
		.safer = "A shorter name.",
		.example = "CREATE TABLE a123456789_123456789_123456789_123456789_123456789_123456789_123 (id bigint "
			   "PRIMARY KEY);",
		.instead = "CREATE TABLE a123456789 (id bigint PRIMARY KEY);",
	},
	[RULE_NAME_RESERVED] = {
		.rule = RULE_NAME_RESERVED, .databases = LINT_ALL,
		.title = "Reserved word as name",
		.why = "The name must be quoted wherever it is used, and a statement that forgets it fails or means "
		       "something else.",
		.safer = "Another name, such as a plural.",
		.example = "CREATE TABLE \"order\" (id bigint PRIMARY KEY);",
		.instead = "CREATE TABLE orders (id bigint PRIMARY KEY);",
	},
};

const struct lint_rule *lint_rule(enum rule rule)
{
	return &rules[rule];
}
