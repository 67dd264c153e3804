/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DB_POSTGRES_TREE_H
#define DB_POSTGRES_TREE_H

#include "base/str.h"

/* What PostgreSQL's own grammar knows of a statement. For the driver only. */
struct postgres_tree {
	int outside;    /* the server refuses it in a transaction */
	int adds_value; /* ALTER TYPE ADD VALUE: `label` */
	char label[64];
};

/*
 * Read one statement of the kinds whose words alone do not decide. 1: `out` tells; 0: the grammar
 * of PostgreSQL 15 does not know it, there is no memory, or it is too large for that: reading a
 * tree takes stack for each of its levels, and sessions run on small ones. Source: libpg_query's
 * pg_query_parse_protobuf, and the callers of PreventInTransactionBlock in PostgreSQL.
 */
int postgres_tree(struct postgres_tree *out, struct str text);

#endif
