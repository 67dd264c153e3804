/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the facts of a file through the rules. What a rule looks for is in lint_locks.c,
 * lint_tables.c, lint_data.c and lint_names.c; what people are told of it in lint_rules.c.
 */

#include "release/lint.h"

#include "release/lint_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CONTENT_MAX = 400 };

void lint_policy(struct lint_policy *out, const struct conf_environment *environment)
{
	for (int i = 0; i < RULES; i++)
		out->levels[i] = rule_default((enum rule)i);
	if (environment == NULL)
		return;
	const struct conf_rule *rules = environment->rules.items;
	for (size_t i = 0; i < environment->rules.n; i++) {
		enum rule rule;
		if (rule_find(&rule, rules[i].id) == 0)
			out->levels[rule] = rules[i].severity;
	}
}

/* ---- what is known of tables ---- */

/* FNV-1a: a release may make many things. */
static size_t bucket_of(struct str name)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < name.n; i++)
		hash = (hash ^ (unsigned char)name.p[i]) * 16777619U;
	return hash % LINT_BUCKETS;
}

int lint_was_made(const struct lint_run *l, enum lint_made_kind kind, struct str name)
{
	const struct lint_made *m = l->context->made[bucket_of(name)];
	for (; m != NULL; m = m->next) {
		if (m->kind == kind && str_eq(m->name, name))
			return 1;
	}
	return 0;
}

int lint_is_live(const struct lint_run *l, const struct db_fact *f)
{
	return (f->flags & DB_FACT_TEMPORARY) == 0 && !lint_was_made(l, LINT_MADE_TABLE, f->table);
}

int lint_is_filled(const struct lint_run *l, const struct db_fact *f)
{
	if (!lint_is_live(l, f))
		return 0;
	for (size_t i = 0; i < l->context->n_known; i++) {
		const struct lint_table *t = &l->context->known[i];
		if (str_eq(t->table, f->table) && str_eq(t->schema, f->schema) && t->rows == 0)
			return 0;
	}
	return 1;
}

static void remember(struct lint_run *l, enum lint_made_kind kind, struct str name)
{
	if (name.p == NULL || lint_was_made(l, kind, name))
		return;
	struct lint_made *m = arena_alloc(l->arena, sizeof *m);
	struct str copy = arena_str(l->arena, name);
	l->failed |= m == NULL || copy.p == NULL;
	if (m == NULL)
		return;
	struct lint_made **bucket = &l->context->made[bucket_of(name)];
	*m = (struct lint_made){ .next = *bucket, .kind = kind, .name = copy };
	*bucket = m;
}

static void remember_fact(struct lint_run *l, const struct db_fact *f)
{
	unsigned action = f->action;
	if (action == DB_ACT_CREATE_TABLE)
		remember(l, LINT_MADE_TABLE, f->table);
	else if (action == DB_ACT_RENAME_TABLE && lint_was_made(l, LINT_MADE_TABLE, f->table))
		remember(l, LINT_MADE_TABLE, f->new_name);
	else if (action == DB_ACT_CREATE_INDEX)
		remember(l, LINT_MADE_INDEX, f->name);
	else if (action == DB_ACT_CREATE_OTHER && str_eq(f->detail, STR("type")))
		remember(l, LINT_MADE_TYPE, f->name);
	else if (action == DB_ACT_VALIDATE)
		remember(l, LINT_MADE_VALIDATED, f->table);
}

/* ---- advices ---- */

static struct advice *grow(struct lint_run *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : 8;
		struct advice *more = arena_array(l->arena, cap, sizeof *more);
		l->failed |= more == NULL;
		if (more == NULL)
			return NULL;
		if (l->n > 0)
			memcpy(more, l->list, l->n * sizeof *more);
		l->list = more;
		l->cap = cap;
	}
	return &l->list[l->n];
}

static void add(struct lint_run *l, enum rule rule, struct db_place place, const char *content)
{
	const struct lint_rule *about = lint_rule(rule);
	struct advice *a = l->n < LINT_ADVICES_MAX ? grow(l) : NULL;
	if (a == NULL)
		return;
	struct str copy = arena_str(l->arena, str_of(content));
	l->failed |= copy.p == NULL;
	*a = (struct advice){
		.level = l->context->policy->levels[rule],
		.rule = rule,
		.code = advice_code(rule),
		.title = str_of(about->title),
		.content = copy,
		.safer = str_of(about->safer),
		.place = place,
	};
	l->n++;
}

/* A text cut at a character's end. */
static void __attribute__((format(printf, 2, 0)))
format(char out[CONTENT_MAX], const char *fmt, va_list args)
{
	struct err e;
	char text[sizeof e.msg];
	(void)vsnprintf(text, sizeof text, fmt, args);
	IGNORE(err_set(&e, ERR_INPUT, "%s", text)); /* it only fills `e` */
	size_t n = strlen(e.msg) < CONTENT_MAX ? strlen(e.msg) : CONTENT_MAX - 1;
	while (n > 0 && ((unsigned char)e.msg[n] & 0xc0U) == 0x80U)
		n--;
	memcpy(out, e.msg, n);
	out[n] = '\0';
}

static int is_on(const struct lint_run *l, enum rule rule)
{
	return l->context->policy->levels[rule] != RULE_OFF &&
	       (lint_rule(rule)->databases & l->database) != 0;
}

void lint_hit(struct lint_run *l, enum rule rule, const struct db_fact *f, const char *fmt, ...)
{
	char content[CONTENT_MAX];
	va_list args;
	if (!is_on(l, rule))
		return;
	va_start(args, fmt);
	format(content, fmt, args);
	va_end(args);
	add(l, rule, f->place, content);
}

void lint_hit_at(struct lint_run *l, enum rule rule, struct db_place place, const char *fmt, ...)
{
	char content[CONTENT_MAX];
	va_list args;
	if (!is_on(l, rule))
		return;
	va_start(args, fmt);
	format(content, fmt, args);
	va_end(args);
	add(l, rule, place, content);
}

static int before(const struct advice *a, const struct advice *b)
{
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line;
	if (a->place.column != b->place.column)
		return a->place.column < b->place.column;
	return a->rule < b->rule;
}

/* By insertion: they come nearly in order, and are few. */
static void sort(struct advice *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct advice one = list[i];
		size_t j = i;
		for (; j > 0 && before(&one, &list[j - 1]); j--)
			list[j] = list[j - 1];
		list[j] = one;
	}
}

static unsigned database_of(const struct db_driver *driver)
{
	if (strcmp(driver->name, "postgresql") == 0)
		return LINT_POSTGRES;
	return strcmp(driver->name, "sqlite") == 0 ? LINT_SQLITE : LINT_MYSQL;
}

/* Why a statement was not read. Its syntax is the review's business: a target may know better. */
static void tell_faults(struct lint_run *l)
{
	for (size_t i = 0; i < l->file->inspection->n_faults; i++) {
		const struct db_fault *f = &l->file->inspection->faults[i];
		if (f->kind != DB_FAULT_SYNTAX)
			lint_hit_at(l, RULE_NOT_CHECKED, f->place, "%.*s", STR_ARG(f->message));
	}
}

int lint_file(struct advice **out, size_t *n, struct lint_context *context,
	      const struct lint_file *file, struct arena *arena, struct err *e)
{
	struct lint_run l = {
		.context = context,
		.file = file,
		.facts = file->inspection->facts,
		.n_facts = file->inspection->n,
		.database = database_of(context->driver),
		.arena = arena,
	};
	tell_faults(&l);
	for (size_t i = 0; i < l.n_facts; i++) {
		const struct db_fact *f = &l.facts[i];
		lint_check_locks(&l, f);
		lint_check_tables(&l, f);
		lint_check_data(&l, f);
		lint_check_names(&l, f);
		remember_fact(&l, f);
	}
	lint_check_file(&l);
	lint_suppress(&l);
	if (l.failed)
		return arena_err(arena, e);
	sort(l.list, l.n);
	*out = l.list;
	*n = l.n;
	return 0;
}
