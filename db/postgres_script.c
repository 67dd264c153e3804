/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a script: all of it is one simple query inside the caller's transaction, so that it costs
 * one round trip, and the server itself finds the ends of the statements. Where it failed is worked
 * out afterwards, from the server's position or from the number of results that came before. A
 * single statement goes the same way, or by itself, where the server commits it.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "db/place.h"
#include "db/postgres.h"

#include <libpq-fe.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The number of the transaction is compared behind the script, by postgres_after.c. */
static const char prefix_within[] = "select pg_catalog.txid_current();";
static const char prefix_begin[] = "begin;select pg_catalog.txid_current();";

AUTO_DEFINE(pg_result, PGresult *, PQclear);

/* A script that is being run. */
struct run {
	struct postgres *p;
	struct db_script *script;
	const struct db_statement *one; /* NULL: the whole script */
	struct str text;                /* without byte order mark, NUL-terminated */
	size_t prefix;                  /* characters that stand before it in what was sent */
	size_t unreported; /* results still to come that are the prefix's, not the script's */
	int ended;         /* a statement ended the transaction */
	struct postgres_proof row;   /* of the result that is being read */
	struct postgres_proof proof; /* the last result's */
	int rc;                      /* the first failure decides */
};

/* The number of the statement that holds `offset`, from 1. */
static size_t number_at(const struct postgres_statement *list, size_t n, size_t offset)
{
	size_t number = 1;
	for (size_t i = 0; i < n && list[i].start <= offset; i++)
		number = i + 1;
	return number;
}

/* The server counts characters from 1, over all that was sent; SIZE_MAX when it tells no place. */
static size_t position_of(const struct run *r, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	uint64_t at = 0;
	if (text == NULL || num_parse_u64(&at, str_of(text), 1, INT_MAX) != 0 || at <= r->prefix)
		return SIZE_MAX;
	return place_of_char(r->text, (size_t)at - 1 - r->prefix);
}

/* In the script, of what stands at `offset` of one of its statements. */
static struct db_place place_within(const struct db_statement *one, struct str text, size_t offset)
{
	struct db_place at = place_at(text, offset, one->place.statement);
	if (at.line == 1)
		at.column += one->place.column - 1;
	at.line += one->place.line - 1;
	return at;
}

static void find_place(struct run *r, const PGresult *result)
{
	AUTO(free) struct postgres_statement *list = NULL;
	size_t n = 0, number = r->script->statements + 1;
	size_t offset = position_of(r, result);
	if (r->one != NULL) {
		r->script->failed = place_within(r->one, r->text, offset != SIZE_MAX ? offset : 0);
		return;
	}
	/* Without memory for the list the place is coarser, the server's message is the same. */
	IGNORE(postgres_split(&list, &n, r->text, NULL));
	if (offset != SIZE_MAX)
		number = n > 0 ? number_at(list, n, offset) : number;
	else
		offset = number <= n ? list[number - 1].start : r->text.n;
	r->script->failed = place_at(r->text, offset, number);
}

static int fail(struct run *r, const PGresult *result, struct err *e)
{
	r->rc = postgres_fail(r->p, result, e);
	postgres_after_hide(e);
	find_place(r, result);
	return -1;
}

/* Tags by which a statement tells that it began or ended a transaction. */
static int ends_transaction(const char *tag)
{
	return strcmp(tag, "COMMIT") == 0 || strcmp(tag, "BEGIN") == 0 ||
	       strcmp(tag, "START TRANSACTION") == 0 || strcmp(tag, "PREPARE TRANSACTION") == 0;
}

static void count(struct run *r, PGresult *result)
{
	if (r->unreported > 0) {
		r->unreported--;
		return;
	}
	r->script->statements++;
	r->script->changed += postgres_changed(result);
	r->ended |= ends_transaction(PQcmdStatus(result));
}

static int end_copy(struct run *r, const PGresult *result, struct err *e)
{
	if (r->rc == 0) {
		r->rc = err_set(e, ERR_REFUSED,
				"COPY from or to the client is refused: a migration has no client");
		find_place(r, result);
	}
	return postgres_end_copy(r->p, result, NULL);
}

/* Rows of the script are of no interest, and are not kept; ours are the first and the last. */
static void read_row(struct run *r, const PGresult *result)
{
	if (r->unreported > 0)
		(void)snprintf(r->p->xid, sizeof r->p->xid, "%s", PQgetvalue(result, 0, 0));
	if (PQnfields(result) != 2)
		return;
	(void)snprintf(r->row.transaction, POSTGRES_PROOF_MAX, "%s", PQgetvalue(result, 0, 0));
	(void)snprintf(r->row.locked, POSTGRES_PROOF_MAX, "%s", PQgetvalue(result, 0, 1));
}

/* One result of the script; -1 when no more can come. */
static int take(struct run *r, PGresult *result, struct err *e)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		r->proof = r->row;
		r->row = (struct postgres_proof){ .locked = "" };
		if (r->rc == 0)
			count(r, result);
		return 0;
	case PGRES_SINGLE_TUPLE:
		read_row(r, result);
		return 0;
	case PGRES_EMPTY_QUERY:
		return 0;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
		return end_copy(r, result, e);
	case PGRES_COPY_BOTH:
	case PGRES_BAD_RESPONSE:
	case PGRES_NONFATAL_ERROR:
	case PGRES_FATAL_ERROR:
	case PGRES_PIPELINE_SYNC:
	case PGRES_PIPELINE_ABORTED:
		if (r->rc == 0)
			(void)fail(r, result, e);
		return 0;
	}
	return 0;
}

static int take_all(struct run *r, struct err *e)
{
	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_result(&result, r->p, r->rc == 0 ? e : NULL) != 0)
			return -1;
		if (result == NULL)
			return r->rc;
		if (take(r, result, e) != 0)
			return -1;
	}
}

/* The whole text was done. Is the transaction still the one that the caller began? */
static int check(const struct run *r, size_t behind, struct err *e)
{
	if (behind == 0)
		return 0;
	r->script->statements -= behind;
	if (r->ended || PQtransactionStatus(r->p->conn) != PQTRANS_INTRANS)
		return postgres_after_refuse(e);
	return postgres_after_check(r->p, &r->proof, e);
}

static int run(struct run *r, const char *sent, size_t behind, struct err *e)
{
	if (postgres_send(r->p, sent, e) != 0)
		return -1;
	r->p->begin_pending = 0;
	r->p->xid[0] = '\0';
	(void)PQsetSingleRowMode(r->p->conn); /* without it a SELECT's rows pile up */
	return take_all(r, e) != 0 ? -1 : check(r, behind, e);
}

/* Send the text behind `before`, which gives `r->unreported` results of its own. */
static int run_behind(struct run *r, const char *before, struct str text, enum postgres_after after,
		      struct err *e)
{
	AUTO(buf) struct buf sent;
	buf_init(&sent, INT_MAX - 1);
	buf_adds(&sent, before);
	r->prefix = sent.n;
	buf_add(&sent, text);
	size_t behind = postgres_after_text(&sent, r->p, after);
	if (buf_check(&sent, e) != 0)
		return err_wrap(e, "the script is larger than the server takes, or than memory");
	r->text = (struct str){ sent.p + r->prefix, text.n };
	postgres_call_start(r->p);
	r->p->script = r->script;
	int rc = run(r, sent.p, behind, e);
	r->p->script = NULL;
	return rc;
}

static int run_within(struct run *r, struct str text, enum postgres_after after, struct err *e)
{
	int begins = r->p->begin_pending;
	r->unreported = begins ? 2 : 1;
	return run_behind(r, begins ? prefix_begin : prefix_within, text, after, e);
}

int postgres_script(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	struct run r = { .p = (struct postgres *)db, .script = script };
	if (place_refuse_nul(text, script, e) != 0)
		return -1;
	text = str_from(text, place_bom(text));
	return run_within(&r, text, POSTGRES_AFTER_CLEAN, e);
}

int postgres_statement(struct db *db, const struct db_statement *statement,
		       struct db_script *script, struct err *e)
{
	struct run r = { .p = (struct postgres *)db, .script = script, .one = statement };
	if (place_refuse_nul(statement->text, script, e) != 0)
		return -1;
	if (db->in_transaction)
		return run_within(&r, statement->text, POSTGRES_AFTER_CHECK, e);
	return run_behind(&r, "", statement->text, POSTGRES_AFTER_NONE, e);
}
