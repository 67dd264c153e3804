/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suppressions: a comment `-- tidegate: allow RULE[, RULE]: reason` lets a rule pass for the
 * statement below it, or for the one that ends on its line; in the head of the file for all of it.
 * Only what stands between statements is read, so a text that looks like one is none.
 */

#include "db/place.h"
#include "release/lint_run.h"

enum { RULES_MAX = 16 };

struct suppression {
	struct db_place place;
	size_t first, last; /* statements, from 0; none when first > last */
	enum rule rules[RULES_MAX];
	int used[RULES_MAX];
	size_t n;
};

struct suppressor {
	struct lint_run *l;
	struct suppression one;
	size_t statement; /* the gap is in front of it */
};

/* Whether a comment is for us, and what it says. */
static int read_head(struct str *rest, struct str comment)
{
	struct str s = str_trim(comment);
	if (!str_starts(s, STR("tidegate:")))
		return 0;
	s = str_trim(str_from(s, sizeof "tidegate:" - 1));
	*rest = s;
	return 1;
}

static int may_be_allowed(enum rule rule)
{
	return rule > RULE_TARGET_UNREACHABLE;
}

/* The rules of "RULE, RULE"; 0 with an advice when one is wrong. */
static int read_rules(struct suppressor *s, struct str list)
{
	struct str id;
	while (str_split(&id, &list, ',')) {
		enum rule rule;
		id = str_first(str_trim(id), 64);
		if (rule_find(&rule, id) != 0 || !may_be_allowed(rule)) {
			lint_hit_at(s->l, RULE_SUPPRESSION, s->one.place,
				    "there is no rule '%.*s' that a comment could allow",
				    STR_ARG(id));
			return 0;
		}
		if (s->one.n == RULES_MAX) {
			lint_hit_at(s->l, RULE_SUPPRESSION, s->one.place,
				    "one comment can allow at most %d rules", RULES_MAX);
			return 0;
		}
		s->one.rules[s->one.n++] = rule;
	}
	return s->one.n > 0;
}

/* 1: `s->one` has rules; 0: the comment is wrong, which is an advice. */
static int read_comment(struct suppressor *s, struct str rest)
{
	if (!str_starts(rest, STR("allow ")) && !str_starts(rest, STR("allow\t"))) {
		lint_hit_at(s->l, RULE_SUPPRESSION, s->one.place,
			    "a comment for Tidegate is written '-- tidegate: allow RULE: reason'");
		return 0;
	}
	rest = str_from(rest, sizeof "allow" - 1);
	size_t colon = str_find(rest, ':');
	if (str_trim(str_from(rest, colon + 1)).n == 0) {
		lint_hit_at(s->l, RULE_SUPPRESSION, s->one.place,
			    "it gives no reason: write '-- tidegate: allow RULE: reason'");
		return 0;
	}
	return read_rules(s, str_first(rest, colon));
}

static int covers(struct suppression *s, const struct advice *a)
{
	size_t statement = a->place.statement > 0 ? a->place.statement - 1 : 0;
	if (statement < s->first || statement > s->last)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->rules[i] == a->rule) {
			s->used[i] = 1;
			return 1;
		}
	}
	return 0;
}

/* Take away what it allows; say which of its rules were of no use. */
static void apply(struct suppressor *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->one.n; i++)
		s->one.used[i] = 0;
	for (size_t i = 0; i < s->l->n; i++) {
		if (!covers(&s->one, &s->l->list[i]))
			s->l->list[kept++] = s->l->list[i];
	}
	s->l->n = kept;
	for (size_t i = 0; i < s->one.n; i++) {
		enum rule rule = s->one.rules[i];
		if (!s->one.used[i] && s->l->context->policy->levels[rule] != RULE_OFF)
			lint_hit_at(s->l, RULE_UNUSED_SUPPRESSION, s->one.place,
				    "'%s' finds nothing here: take the comment away",
				    rule_id(rule));
	}
}

/* The line comment whose text starts at `from` of the file; `same_line`: a statement ends on it. */
static void take_comment(struct suppressor *s, struct str comment, size_t from, int same_line)
{
	const struct lint_file *file = s->l->file;
	struct str rest;
	if (!read_head(&rest, comment))
		return;
	s->one = (struct suppression){ .place = place_at(file->text, from, 0) };
	if (!read_comment(s, rest))
		return;
	if (s->statement == 0) {
		s->one.last = file->n;
	} else {
		s->one.first = s->statement - (same_line ? 1 : 0);
		s->one.last = s->one.first;
	}
	apply(s);
}

/* What stands between two statements: blanks, terminators and comments. */
static void read_gap(struct suppressor *s, size_t from, size_t to)
{
	struct str text = s->l->file->text;
	int same_line = 1;
	for (size_t at = from; at < to; at++) {
		struct str rest = str_first(str_from(text, at), to - at);
		if (text.p[at] == '\n')
			same_line = 0;
		int dashes = str_starts(rest, STR("--"));
		int hash = text.p[at] == '#' && s->l->database == LINT_MYSQL;
		if (!dashes && !hash)
			continue;
		size_t start = at + (dashes ? 2 : 1);
		struct str line = str_first(str_from(text, start), to - start);
		line = str_first(line, str_find(line, '\n'));
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		take_comment(s, line, at, same_line && s->statement > 0);
		at = start + line.n - 1;
	}
}

/* What may end a text, a quoted name or a block comment. */
static int has_end(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const int block = s.p[i] == '*' && i + 1 < s.n && s.p[i + 1] == '/';
		if (block || s.p[i] == '\'' || s.p[i] == '"' || s.p[i] == '`' || s.p[i] == '$')
			return 1;
	}
	return 0;
}

/* A last statement without terminator goes on to the end of the file: its last line may be a
 * comment for us. Were it part of a text instead, the text would end behind it. */
static size_t tail_of(struct str text)
{
	size_t line = str_find_last(text, '\n');
	line = line < text.n ? line + 1 : 0;
	for (size_t at = line; at < text.n; at++) {
		if (str_starts(str_from(text, at), STR("-- tidegate:")))
			return has_end(str_from(text, at)) ? text.n : at;
	}
	return text.n;
}

void lint_suppress(struct lint_run *l)
{
	struct suppressor s = { .l = l };
	size_t from = 0;
	for (size_t i = 0; i <= l->file->n; i++) {
		const struct db_statement *next = i < l->file->n ? &l->file->statements[i] : NULL;
		size_t to =
		    next != NULL ? (size_t)(next->text.p - l->file->text.p) : l->file->text.n;
		s.statement = i;
		if (to > from)
			read_gap(&s, from, to);
		if (next != NULL && i + 1 == l->file->n)
			from = to + tail_of(next->text);
		else if (next != NULL)
			from = to + next->text.n;
	}
}
