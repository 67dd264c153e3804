/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ADVICE_H
#define RELEASE_ADVICE_H

#include "base/rule.h"
#include "base/str.h"
#include "db/db.h"

/*
 * What the review says of one place of one file. `code`, `title` and `content` are Bytebase's
 * Advice: its numbers for what it knows (1: internal or edited, 201: syntax), ours from 10,000 on.
 */
struct advice {
	enum rule_level level; /* INFO, WARNING or ERROR */
	enum rule rule;
	int code;
	struct str title;      /* "Index build blocks writes" */
	struct str content;    /* what is wrong here, with the names */
	struct str safer;      /* what to write instead; absent: none */
	struct db_place place; /* all 0: the whole file */
};

/* Advice.code of a rule. */
int advice_code(enum rule rule);

#endif
