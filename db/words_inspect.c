/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts from the words of a statement. It knows the statements that change tables and rows, by
 * their first words and clauses; expressions are stepped over. What it does not know is "other".
 */

#include "db/words.h"

#include <string.h>

struct scan {
	struct db_fact *facts;
	size_t n, cap;
	struct arena *arena;
	int failed;
	const struct db_statement *statement;
	size_t index;
	enum words_dialect dialect;
	struct db_fact spare;
	/* reading */
	size_t at;
	struct word w; /* the word that is looked at */
};

static void next(struct scan *s)
{
	s->at = words_next(&s->w, s->statement->text, s->at, s->dialect);
}

static int is(const struct scan *s, const char *word)
{
	return s->w.kind == WORD_NAME && str_eq_nocase(s->w.text, str_of(word));
}

static int is_char(const struct scan *s, char c)
{
	return s->w.kind == WORD_OTHER && s->w.text.p[0] == c;
}

/* Step over the word when it is this one. */
static int accept(struct scan *s, const char *word)
{
	if (!is(s, word))
		return 0;
	next(s);
	return 1;
}

static int accept_char(struct scan *s, char c)
{
	if (!is_char(s, c))
		return 0;
	next(s);
	return 1;
}

static struct db_fact *fact(struct scan *s, enum db_action action)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 32;
		struct db_fact *more = arena_array(s->arena, cap, sizeof *more);
		if (more == NULL) {
			s->failed = 1;
			return &s->spare;
		}
		if (s->n > 0)
			memcpy(more, s->facts, s->n * sizeof *more);
		s->facts = more;
		s->cap = cap;
	}
	struct db_fact *f = &s->facts[s->n++];
	*f = (struct db_fact){ .action = action,
			       .statement = s->index,
			       .place = s->statement->place };
	return f;
}

static struct str take_name(struct scan *s)
{
	struct str name = STR_NULL;
	if (s->w.kind == WORD_NAME || s->w.kind == WORD_QUOTED || s->w.kind == WORD_TEXT) {
		name = s->w.text;
		next(s);
	}
	return name;
}

/* [schema .] name */
static void take_table(struct scan *s, struct str *schema, struct str *name)
{
	*name = take_name(s);
	if (!accept_char(s, '.'))
		return;
	*schema = *name;
	*name = take_name(s);
}

static unsigned take_if(struct scan *s)
{
	if (!accept(s, "if"))
		return 0;
	(void)accept(s, "not");
	(void)accept(s, "exists");
	return DB_FACT_IF;
}

/* To the end of what stands in the parentheses that begin here, and behind them. */
static void skip_parens(struct scan *s)
{
	int depth = 0;
	do {
		depth += is_char(s, '(');
		depth -= is_char(s, ')');
		next(s);
	} while (depth > 0 && s->w.kind != WORD_END);
}

static void skip_one(struct scan *s)
{
	if (is_char(s, '('))
		skip_parens(s);
	else
		next(s);
}

/* ---- columns and constraints ---- */

/* The end of a definition: its comma, the parenthesis that closes the list, or nothing more. */
static int ends_definition(const struct scan *s)
{
	return s->w.kind == WORD_END || is_char(s, ',') || is_char(s, ')');
}

static struct db_fact *part(struct scan *s, enum db_action action, const struct db_fact *table,
			    unsigned flags)
{
	struct str schema = table->schema, name = table->table;
	struct db_fact *f = fact(s, action);
	f->schema = schema;
	f->table = name;
	f->flags = flags;
	return f;
}

/* (a, b): the names in it. */
static struct str take_columns(struct scan *s)
{
	if (!is_char(s, '('))
		return STR_NULL;
	size_t from = s->w.at + 1;
	skip_parens(s);
	struct str all = str_from(s->statement->text, from);
	all = str_first(all, str_find(all, ')'));
	struct str one = str_trim(all);
	if (one.n > 1 && (one.p[0] == '`' || one.p[0] == '"'))
		one = str_first(str_from(one, 1), one.n - 2);
	return one;
}

/* A constraint of the table; 1 when there is one. */
static int take_constraint(struct scan *s, const struct db_fact *table, unsigned flags)
{
	struct str name = STR_NULL;
	enum db_constraint kind = DB_CONSTRAINT_NONE;
	if (accept(s, "constraint") && !is(s, "primary") && !is(s, "unique") && !is(s, "foreign") &&
	    !is(s, "check"))
		name = take_name(s);
	if (accept(s, "primary"))
		kind = DB_CONSTRAINT_PRIMARY;
	else if (accept(s, "unique"))
		kind = DB_CONSTRAINT_UNIQUE;
	else if (accept(s, "foreign"))
		kind = DB_CONSTRAINT_FOREIGN;
	else if (accept(s, "check"))
		kind = DB_CONSTRAINT_CHECK;
	if (kind == DB_CONSTRAINT_NONE)
		return 0;
	(void)accept(s, "key");
	(void)accept(s, "index");
	if (kind != DB_CONSTRAINT_CHECK && !is_char(s, '('))
		name = take_name(s);
	struct str columns = kind == DB_CONSTRAINT_CHECK ? STR_NULL : take_columns(s);
	struct str reference = STR_NULL, schema = STR_NULL;
	while (!ends_definition(s)) {
		if (accept(s, "references"))
			take_table(s, &schema, &reference);
		else
			skip_one(s);
	}
	struct db_fact *f = part(s, DB_ACT_ADD_CONSTRAINT, table, flags);
	f->constraint = kind;
	f->name = name;
	f->detail = columns;
	f->reference = reference;
	return 1;
}

/* What a word of a column's definition says of it. */
static unsigned column_word(struct scan *s)
{
	if (accept(s, "not"))
		return accept(s, "null") ? DB_FACT_NOT_NULL : 0U;
	if (accept(s, "default")) {
		int is_null = is(s, "null");
		skip_one(s);
		return is_null ? 0U : DB_FACT_DEFAULT;
	}
	if (accept(s, "primary"))
		return DB_FACT_PRIMARY | DB_FACT_NOT_NULL;
	if (accept(s, "unique"))
		return DB_FACT_UNIQUE;
	if (accept(s, "autoincrement") || accept(s, "auto_increment"))
		return DB_FACT_IDENTITY;
	if (accept(s, "stored") || accept(s, "virtual"))
		return DB_FACT_GENERATED;
	skip_one(s);
	return 0;
}

static void take_column(struct scan *s, const struct db_fact *table, enum db_action action,
			unsigned flags)
{
	struct str name = take_name(s);
	struct str type = s->w.kind == WORD_NAME ? s->w.text : STR_NULL;
	while (!ends_definition(s)) {
		size_t before = s->at;
		flags |= column_word(s);
		if (s->at == before && s->w.kind == WORD_END)
			break;
	}
	struct db_fact *f = part(s, action, table, flags);
	f->name = name;
	f->type = type;
}

/* INDEX and KEY in the list of a MySQL table. */
static int take_key(struct scan *s, const struct db_fact *table, unsigned flags)
{
	if (s->dialect != WORDS_MYSQL)
		return 0;
	(void)(accept(s, "fulltext") || accept(s, "spatial"));
	if (!accept(s, "index") && !accept(s, "key"))
		return 0;
	struct str name = is_char(s, '(') ? STR_NULL : take_name(s);
	while (!ends_definition(s))
		skip_one(s);
	struct db_fact *f = part(s, DB_ACT_CREATE_INDEX, table, flags);
	f->name = name;
	return 1;
}

static void create_table(struct scan *s, unsigned flags)
{
	struct db_fact table = { .action = DB_ACT_CREATE_TABLE };
	flags |= take_if(s);
	take_table(s, &table.schema, &table.table);
	if (is(s, "as") || is(s, "select"))
		flags |= DB_FACT_FROM_QUERY;
	if (is(s, "like"))
		flags |= DB_FACT_PARTITION;
	size_t at = s->n;
	(void)part(s, DB_ACT_CREATE_TABLE, &table, flags);
	if (!accept_char(s, '('))
		return;
	if (is(s, "like") && !s->failed)
		s->facts[at].flags |= DB_FACT_PARTITION;
	unsigned inner = DB_FACT_IN_CREATE | (flags & DB_FACT_TEMPORARY);
	while (s->w.kind != WORD_END && !is_char(s, ')')) {
		if (!take_constraint(s, &table, inner) && !take_key(s, &table, inner))
			take_column(s, &table, DB_ACT_ADD_COLUMN, inner);
		if (!accept_char(s, ','))
			break;
	}
	while (s->w.kind != WORD_END) {
		if (is(s, "select") && !s->failed)
			s->facts[at].flags |= DB_FACT_FROM_QUERY;
		skip_one(s);
	}
}

static void create_index(struct scan *s, unsigned flags)
{
	struct str name, schema = STR_NULL;
	struct db_fact table = { .action = DB_ACT_CREATE_INDEX };
	flags |= take_if(s);
	take_table(s, &schema, &name);
	while (s->w.kind != WORD_END && !is(s, "on"))
		next(s);
	(void)accept(s, "on");
	take_table(s, &table.schema, &table.table);
	part(s, DB_ACT_CREATE_INDEX, &table, flags)->name = name;
}

static void create(struct scan *s)
{
	unsigned flags = 0;
	for (;;) {
		if (accept(s, "temp") || accept(s, "temporary"))
			flags |= DB_FACT_TEMPORARY;
		else if (accept(s, "unique"))
			flags |= DB_FACT_UNIQUE;
		else if (!accept(s, "or") && !accept(s, "replace") && !accept(s, "fulltext") &&
			 !accept(s, "spatial"))
			break;
	}
	if (accept(s, "table")) {
		create_table(s, flags);
	} else if (accept(s, "index")) {
		create_index(s, flags);
	} else {
		struct db_fact *f = fact(s, DB_ACT_CREATE_OTHER);
		f->flags = flags;
		f->detail = s->w.kind == WORD_NAME ? s->w.text : STR_NULL;
	}
}

/* ---- ALTER TABLE ---- */

static void alter_add(struct scan *s, const struct db_fact *table)
{
	int column = accept(s, "column");
	unsigned flags = take_if(s);
	if (!column && (take_constraint(s, table, flags) || take_key(s, table, flags)))
		return;
	if (!accept_char(s, '(')) {
		take_column(s, table, DB_ACT_ADD_COLUMN, flags);
		return;
	}
	while (s->w.kind != WORD_END && !is_char(s, ')')) {
		take_column(s, table, DB_ACT_ADD_COLUMN, flags);
		if (!accept_char(s, ','))
			break;
	}
	(void)accept_char(s, ')');
}

static void alter_drop(struct scan *s, const struct db_fact *table)
{
	enum db_action action = DB_ACT_DROP_COLUMN;
	if (accept(s, "primary") || accept(s, "constraint") || accept(s, "foreign") ||
	    accept(s, "check")) {
		action = DB_ACT_DROP_CONSTRAINT;
		(void)accept(s, "key");
	} else if (accept(s, "index") || accept(s, "key")) {
		action = DB_ACT_DROP_INDEX;
	} else if (accept(s, "partition")) {
		action = DB_ACT_ALTER_OTHER;
	}
	(void)accept(s, "column");
	unsigned flags = take_if(s);
	struct str name = take_name(s);
	part(s, action, table, flags)->name = name;
}

static void alter_rename(struct scan *s, const struct db_fact *table)
{
	enum db_action action = DB_ACT_RENAME_TABLE;
	struct str name = STR_NULL, schema = STR_NULL, new_name;
	if (accept(s, "index") || accept(s, "key")) {
		action = DB_ACT_RENAME_OTHER;
		name = take_name(s);
	} else if (accept(s, "column") ||
		   (!is(s, "to") && !is(s, "as") && s->dialect == WORDS_SQLITE)) {
		action = DB_ACT_RENAME_COLUMN;
		name = take_name(s);
	}
	if (!accept(s, "to"))
		(void)accept(s, "as");
	take_table(s, &schema, &new_name);
	struct db_fact *f = part(s, action, table, 0);
	f->name = name;
	f->new_name = new_name;
}

static void alter_one(struct scan *s, const struct db_fact *table)
{
	if (accept(s, "add")) {
		alter_add(s, table);
	} else if (accept(s, "drop")) {
		alter_drop(s, table);
	} else if (accept(s, "rename")) {
		alter_rename(s, table);
	} else if (accept(s, "modify")) {
		(void)accept(s, "column");
		take_column(s, table, DB_ACT_CHANGE_TYPE, 0);
	} else if (accept(s, "change")) {
		(void)accept(s, "column");
		struct str old = take_name(s), name = s->w.text;
		take_column(s, table, DB_ACT_CHANGE_TYPE, 0);
		if (!str_eq_nocase(old, name)) {
			struct db_fact *f = part(s, DB_ACT_RENAME_COLUMN, table, 0);
			f->name = old;
			f->new_name = name;
		}
	} else {
		part(s, DB_ACT_ALTER_OTHER, table, 0)->detail =
		    s->w.kind == WORD_NAME ? s->w.text : STR_NULL;
	}
}

static void alter(struct scan *s)
{
	struct db_fact table = { .action = DB_ACT_OTHER };
	(void)(accept(s, "online") || accept(s, "offline") || accept(s, "ignore"));
	if (!accept(s, "table"))
		return;
	(void)take_if(s);
	take_table(s, &table.schema, &table.table);
	while (s->w.kind != WORD_END) {
		alter_one(s, &table);
		while (s->w.kind != WORD_END && !is_char(s, ','))
			skip_one(s);
		(void)accept_char(s, ',');
	}
}

/* ---- other statements ---- */

static void drop(struct scan *s)
{
	static const struct {
		const char *word;
		enum db_action action;
	} kinds[] = { { "table", DB_ACT_DROP_TABLE },
		      { "index", DB_ACT_DROP_INDEX },
		      { "database", DB_ACT_DROP_DATABASE },
		      { "schema", DB_ACT_DROP_DATABASE } };
	enum db_action action = DB_ACT_DROP_OTHER;
	unsigned temporary = accept(s, "temporary") ? DB_FACT_TEMPORARY : 0;
	struct str what = s->w.text;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (is(s, kinds[i].word))
			action = kinds[i].action;
	}
	next(s);
	unsigned flags = take_if(s) | temporary;
	do {
		struct str schema = STR_NULL, name;
		take_table(s, &schema, &name);
		struct db_fact *f = fact(s, action);
		f->flags = flags;
		f->schema = schema;
		f->detail = what;
		*(action == DB_ACT_DROP_TABLE ? &f->table : &f->name) = name;
		if (action == DB_ACT_DROP_INDEX && accept(s, "on"))
			take_table(s, &f->schema, &f->table);
	} while (accept_char(s, ',') && !s->failed);
}

static void rename_tables(struct scan *s)
{
	if (!accept(s, "table"))
		return;
	do {
		struct db_fact table = { .action = DB_ACT_OTHER };
		struct str schema = STR_NULL, name;
		take_table(s, &table.schema, &table.table);
		(void)accept(s, "to");
		take_table(s, &schema, &name);
		part(s, DB_ACT_RENAME_TABLE, &table, 0)->new_name = name;
	} while (accept_char(s, ',') && !s->failed);
}

/* Whether a WHERE follows that is not constantly true. */
static unsigned find_where(struct scan *s)
{
	while (s->w.kind != WORD_END && !is(s, "where"))
		skip_one(s);
	if (!accept(s, "where"))
		return 0;
	while (accept_char(s, '('))
		continue;
	struct word first = s->w;
	next(s);
	if (s->w.kind == WORD_END)
		return first.kind == WORD_NUMBER || str_eq_nocase(first.text, STR("true"))
			   ? 0
			   : DB_FACT_WHERE;
	if (first.kind != WORD_NUMBER || !accept_char(s, '=') || !str_eq(s->w.text, first.text))
		return DB_FACT_WHERE;
	next(s);
	while (accept_char(s, ')'))
		continue;
	return s->w.kind == WORD_END || is(s, "or") ? 0 : DB_FACT_WHERE;
}

static void skip_modifiers(struct scan *s)
{
	static const char *const words[] = { "low_priority", "high_priority", "delayed", "quick",
					     "ignore" };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		(void)accept(s, words[i]);
	if (accept(s, "or"))
		next(s);
}

static void change_rows(struct scan *s, enum db_action action)
{
	struct db_fact table = { .action = action };
	skip_modifiers(s);
	if (action == DB_ACT_DELETE) {
		while (s->w.kind != WORD_END && !is(s, "from"))
			next(s);
		next(s);
	}
	take_table(s, &table.schema, &table.table);
	unsigned where = find_where(s);
	(void)part(s, action, &table, where);
}

static void insert(struct scan *s)
{
	struct db_fact table = { .action = DB_ACT_INSERT };
	unsigned flags = 0;
	int64_t rows = 0;
	skip_modifiers(s);
	(void)accept(s, "into");
	take_table(s, &table.schema, &table.table);
	if (accept(s, "as"))
		(void)take_name(s);
	if (is_char(s, '(')) {
		flags |= DB_FACT_COLUMNS;
		skip_parens(s);
	}
	if (accept(s, "default")) {
		rows = 1;
	} else if (accept(s, "set")) {
		flags |= DB_FACT_COLUMNS;
		rows = 1;
	} else if (accept(s, "values") || accept(s, "value")) {
		do {
			rows++;
			skip_one(s);
		} while (accept_char(s, ','));
	} else {
		flags |= DB_FACT_FROM_QUERY;
	}
	part(s, DB_ACT_INSERT, &table, flags)->rows = rows;
}

static void empty_table(struct scan *s)
{
	struct db_fact table = { .action = DB_ACT_TRUNCATE };
	(void)accept(s, "table");
	take_table(s, &table.schema, &table.table);
	(void)part(s, DB_ACT_TRUNCATE, &table, 0);
}

/* WITH ...: on to the statement that it belongs to. */
static void skip_with(struct scan *s)
{
	while (s->w.kind != WORD_END && !is(s, "insert") && !is(s, "update") && !is(s, "delete") &&
	       !is(s, "select") && !is(s, "replace"))
		skip_one(s);
}

static void read_statement(struct scan *s)
{
	const size_t before = s->n;
	s->at = 0;
	next(s);
	if (accept(s, "with"))
		skip_with(s);
	if (accept(s, "create"))
		create(s);
	else if (accept(s, "alter"))
		alter(s);
	else if (accept(s, "drop"))
		drop(s);
	else if (accept(s, "rename"))
		rename_tables(s);
	else if (accept(s, "truncate"))
		empty_table(s);
	else if (accept(s, "update"))
		change_rows(s, DB_ACT_UPDATE);
	else if (accept(s, "delete"))
		change_rows(s, DB_ACT_DELETE);
	else if (accept(s, "insert") || accept(s, "replace"))
		insert(s);
	if (s->n == before)
		(void)fact(s, DB_ACT_OTHER);
}

int words_inspect(struct db_inspection *out, enum words_dialect dialect,
		  const struct db_statement *statements, size_t n, struct arena *arena,
		  struct err *e)
{
	struct scan s = { .arena = arena, .dialect = dialect };
	for (size_t i = 0; i < n && !s.failed; i++) {
		s.statement = &statements[i];
		s.index = i;
		read_statement(&s);
	}
	if (s.failed)
		return arena_err(arena, e);
	*out = (struct db_inspection){ .facts = s.facts, .n = s.n };
	return 0;
}
