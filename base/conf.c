/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the YAML tree into structs, as the tables of conf_schema.c say. Nothing here knows a key by
 * its name.
 */

#include "base/conf.h"

#include "base/clock.h"
#include "base/conf_schema.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TREE_MAX = 64 * 1024 * 1024, CONF_MAX = 32 * 1024 * 1024, TEXT_MAX = 4096 };

/* A mapping that is being read into the struct at `base`. */
struct frame {
	const struct conf_schema *schema;
	char *base;
	const struct yaml *node;
	const struct yaml *member; /* the next to read */
	int in_list;               /* node->next goes to the struct behind this one */
};

struct reader {
	struct conf *c;
	const char *file;
	struct err *e;
	size_t depth;
	struct frame stack[CONF_DEPTH];
};

/* Enums are written through an int. */
_Static_assert(sizeof(enum conf_rollout) == sizeof(int), "enum conf_rollout");
_Static_assert(sizeof(enum conf_trigger) == sizeof(int), "enum conf_trigger");
_Static_assert(sizeof(enum rule_level) == sizeof(int), "enum rule_level");
_Static_assert(sizeof(enum conf_fail_on) == sizeof(int), "enum conf_fail_on");

/* "a or b", "a, b or c". */
static void join_names(char *out, size_t max, const char *const *names)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; names[i] != NULL; i++) {
		const char *between = i == 0 ? "" : names[i + 1] != NULL ? ", " : " or ";
		int more = snprintf(out + n, max - n, "%s%s", between, names[i]);
		n += more > 0 && (size_t)more < max - n ? (size_t)more : 0;
	}
}

/* "'key' is not valid (expected ...)", with the range where there is one. The value is not shown:
 * one that stands in the wrong place may be a secret. */
static int fail_value(struct reader *r, const struct conf_key *key, const struct yaml *at)
{
	char low[CONF_NUMBER_TEXT], high[CONF_NUMBER_TEXT], names[128];
	switch (key->type) {
	case CONF_INT:
		return conf_fail(r->file, at, r->e,
				 "malformed '%s' (expected an integer from %lld to %lld)",
				 key->name, (long long)key->min, (long long)key->max);
	case CONF_BOOL:
		return conf_fail(r->file, at, r->e, "malformed '%s' (expected true or false)",
				 key->name);
	case CONF_DURATION:
		return conf_fail(r->file, at, r->e,
				 "malformed '%s' (expected a length of time such as 30s, from %s "
				 "to %s)",
				 key->name, conf_format_duration(low, key->min),
				 conf_format_duration(high, key->max));
	case CONF_SIZE:
		return conf_fail(r->file, at, r->e,
				 "malformed '%s' (expected bytes such as 25MiB, from %s to %s)",
				 key->name, conf_format_size(low, key->min),
				 conf_format_size(high, key->max));
	case CONF_ENUM:
		join_names(names, sizeof names, key->names);
		return conf_fail(r->file, at, r->e, "malformed '%s' (expected %s)", key->name,
				 names);
	case CONF_SECRET:
	case CONF_SECRETS:
		return conf_fail(r->file, at, r->e,
				 "'%s' holds a literal secret or another wrong value (expected "
				 "{env: NAME} or {file: PATH})",
				 key->name);
	case CONF_SECRET_FILE:
		return conf_fail(r->file, at, r->e,
				 "'%s' holds a literal secret or another wrong value (expected "
				 "{file: PATH})",
				 key->name);
	case CONF_TEXTS:
		return conf_fail(r->file, at, r->e, "malformed '%s' (expected a list of texts)",
				 key->name);
	case CONF_LABELS:
		return conf_fail(r->file, at, r->e,
				 "malformed '%s' (expected a mapping of texts, such as {tier: "
				 "gold})",
				 key->name);
	case CONF_LIST:
		return conf_fail(r->file, at, r->e, "malformed '%s' (expected a list of mappings)",
				 key->name);
	case CONF_MAPPING:
	case CONF_POINTER:
		return conf_fail(r->file, at, r->e, "malformed '%s' (expected a mapping)",
				 key->name);
	case CONF_TEXT:
	case CONF_LATER:
		break;
	}
	return conf_fail(r->file, at, r->e, "malformed '%s' (expected a text)", key->name);
}

static int is_null(const struct yaml *node)
{
	return node->plain && (node->text.n == 0 || str_eq(node->text, STR("~")) ||
			       str_eq(node->text, STR("null")) || str_eq(node->text, STR("Null")) ||
			       str_eq(node->text, STR("NULL")));
}

static int parse_size(int64_t *out, struct str text)
{
	static const struct {
		const char *name;
		int64_t bytes;
	} units[] = { { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 } };
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		struct str unit = str_of(units[i].name);
		int64_t n;
		if (!str_ends(text, unit))
			continue;
		if (num_parse_i64(&n, str_first(text, text.n - unit.n), 0,
				  INT64_MAX / units[i].bytes) != 0)
			return -1;
		*out = n * units[i].bytes;
		return 0;
	}
	return num_parse_i64(out, text, 0, INT64_MAX);
}

/* The scalar types that are numbers. */
static int parse_number(int64_t *out, const struct conf_key *key, struct str text)
{
	int64_t v;
	int rc;
	if (key->type == CONF_DURATION)
		rc = clock_parse_duration(&v, text, NULL);
	else if (key->type == CONF_SIZE)
		rc = parse_size(&v, text);
	else
		rc = num_parse_i64(&v, text, key->min, key->max);
	if (rc != 0 || v < key->min || v > key->max)
		return -1;
	*out = v;
	return 0;
}

/* The scalar types that are a choice. */
static int parse_choice(int *out, const struct conf_key *key, struct str text)
{
	static const char *const bools[] = { "false", "true", NULL };
	const char *const *names = key->type == CONF_BOOL ? bools : key->names;
	for (int i = 0; names[i] != NULL; i++) {
		if (str_eq_cstr(text, names[i])) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int copy_text(struct reader *r, struct str *out, struct str text)
{
	*out = arena_str(&r->c->arena, text);
	return out->p != NULL ? 0 : arena_err(&r->c->arena, r->e);
}

static int check_text(struct reader *r, const char *name, const struct yaml *node)
{
	if (node->kind != YAML_SCALAR || is_null(node))
		return conf_fail(r->file, node, r->e, "malformed '%s' (expected a text)", name);
	if (node->text.n == 0)
		return conf_fail(r->file, node, r->e, "'%s' is empty (expected a text)", name);
	if (node->text.n > TEXT_MAX)
		return conf_fail(r->file, node, r->e, "'%s' is longer than %d bytes", name,
				 TEXT_MAX);
	if (str_has_control(node->text))
		return conf_fail(r->file, node, r->e, "'%s' holds a control character", name);
	return 0;
}

static int read_text(struct reader *r, void *at, const char *name, const struct yaml *node)
{
	if (check_text(r, name, node) != 0)
		return -1;
	return copy_text(r, at, node->text);
}

static size_t count(const struct yaml *node)
{
	size_t n = 0;
	for (const struct yaml *y = node->child; y != NULL; y = y->next)
		n++;
	return n;
}

static int read_texts(struct reader *r, struct conf_list *list, const struct conf_key *key,
		      const struct yaml *node)
{
	const size_t n = count(node);
	if (node->kind != YAML_SEQUENCE)
		return fail_value(r, key, node);
	struct str *texts = arena_array(&r->c->arena, n, sizeof *texts);
	if (texts == NULL)
		return arena_err(&r->c->arena, r->e);
	*list = (struct conf_list){ texts, n };
	for (const struct yaml *y = node->child; y != NULL; y = y->next) {
		if (read_text(r, texts++, key->name, y) != 0)
			return -1;
	}
	return 0;
}

static int read_labels(struct reader *r, struct conf_list *list, const struct conf_key *key,
		       const struct yaml *node)
{
	const size_t n = count(node);
	if (node->kind != YAML_MAPPING)
		return fail_value(r, key, node);
	struct conf_label *labels = arena_array(&r->c->arena, n, sizeof *labels);
	if (labels == NULL)
		return arena_err(&r->c->arena, r->e);
	*list = (struct conf_list){ labels, n };
	for (const struct yaml *y = node->child; y != NULL; y = y->next, labels++) {
		const struct yaml name = { .kind = YAML_SCALAR,
					   .line = y->key_line,
					   .column = y->key_column,
					   .text = y->key };
		if (read_text(r, &labels->key, key->name, &name) != 0 ||
		    read_text(r, &labels->value, key->name, y) != 0)
			return -1;
	}
	return 0;
}

/* [A-Za-z_][A-Za-z0-9_]*: what is no name of a variable may be the secret itself. */
static int is_variable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return 0;
	}
	return s.n > 0;
}

/* {env: NAME} or {file: PATH}. No message shows what else was written. */
static int read_secret(struct reader *r, struct conf_secret *out, const struct conf_key *key,
		       const struct yaml *node)
{
	if (node->kind != YAML_MAPPING)
		return fail_value(r, key, node);
	const struct yaml *env = key->type != CONF_SECRET_FILE ? yaml_get(node, "env") : NULL;
	const struct yaml *file = yaml_get(node, "file");
	const struct yaml *value = env != NULL ? env : file;
	if (value == NULL || node->child->next != NULL)
		return fail_value(r, key, node);
	if (check_text(r, env != NULL ? "env" : "file", value) != 0)
		return -1;
	if (env != NULL && !is_variable(env->text))
		return conf_fail(r->file, env, r->e,
				 "'env' is no name of an environment variable (expected letters, "
				 "digits and '_')");
	out->line = node->line;
	return copy_text(r, env != NULL ? &out->env : &out->file, value->text);
}

static int read_secret_pointer(struct reader *r, void *at, const struct conf_key *key,
			       const struct yaml *node)
{
	struct conf_secret *secret = arena_alloc(&r->c->arena, sizeof *secret);
	if (secret == NULL)
		return arena_err(&r->c->arena, r->e);
	if (read_secret(r, secret, key, node) != 0)
		return -1;
	*(struct conf_secret **)at = secret;
	return 0;
}

static int read_secrets(struct reader *r, struct conf_list *list, const struct conf_key *key,
			const struct yaml *node)
{
	const size_t n = count(node);
	if (node->kind != YAML_SEQUENCE)
		return conf_fail(r->file, node, r->e,
				 "malformed '%s' (expected a list such as [{env: NAME}])",
				 key->name);
	struct conf_secret *secrets = arena_array(&r->c->arena, n, sizeof *secrets);
	if (secrets == NULL)
		return arena_err(&r->c->arena, r->e);
	*list = (struct conf_list){ secrets, n };
	for (const struct yaml *y = node->child; y != NULL; y = y->next) {
		if (read_secret(r, secrets++, key, y) != 0)
			return -1;
	}
	return 0;
}

/* A number or a choice, from the file or from the table's default. */
static int set_scalar(char *base, const struct conf_key *key, struct str text)
{
	void *at = base + key->offset;
	int64_t number;
	int choice;
	if (key->type == CONF_BOOL || key->type == CONF_ENUM) {
		if (parse_choice(&choice, key, text) != 0)
			return -1;
		memcpy(at, &choice, sizeof choice);
		return 0;
	}
	if (parse_number(&number, key, text) != 0)
		return -1;
	memcpy(at, &number, sizeof number);
	return 0;
}

static int read_scalar(struct reader *r, char *base, const struct conf_key *key,
		       const struct yaml *node)
{
	/* Quotes make a text: "8" is no integer, but "30s" may be quoted. */
	int bare = key->type == CONF_INT || key->type == CONF_BOOL;
	if (node->kind != YAML_SCALAR || (bare && !node->plain) ||
	    set_scalar(base, key, node->text) != 0)
		return fail_value(r, key, node);
	return 0;
}

static int set_defaults(struct reader *r, const struct conf_schema *schema, char *base)
{
	for (size_t i = 0; i < schema->n; i++) {
		const struct conf_key *key = &schema->keys[i];
		void *at = base + key->offset;
		if (key->fallback == NULL)
			continue;
		if (key->type == CONF_TEXT) {
			/* The table outlives every configuration: no copy. */
			struct str text = str_of(key->fallback);
			memcpy(at, &text, sizeof text);
		} else if (set_scalar(base, key, str_of(key->fallback)) != 0) {
			return err_set(r->e, ERR_INPUT, "the default of '%s' is malformed",
				       key->name);
		}
	}
	return 0;
}

/* Begin to read the mapping `node` into `base`. */
static int enter(struct reader *r, const struct conf_schema *schema, char *base,
		 const struct yaml *node, int in_list)
{
	if (node->kind != YAML_MAPPING)
		return conf_fail(r->file, node, r->e, "malformed %s (expected a mapping of keys)",
				 schema->what);
	if (schema->line != CONF_NO_LINE)
		memcpy(base + schema->line, &node->line, sizeof node->line);
	r->stack[r->depth++] = (struct frame){ schema, base, node, node->child, in_list };
	return 0;
}

static int enter_list(struct reader *r, struct conf_list *list, const struct conf_key *key,
		      const struct yaml *node)
{
	const size_t n = count(node);
	if (node->kind != YAML_SEQUENCE)
		return fail_value(r, key, node);
	char *items = arena_array(&r->c->arena, n, key->sub->size);
	if (items == NULL)
		return arena_err(&r->c->arena, r->e);
	*list = (struct conf_list){ items, n };
	for (size_t i = 0; i < n; i++) {
		if (set_defaults(r, key->sub, items + i * key->sub->size) != 0)
			return -1;
	}
	return n > 0 ? enter(r, key->sub, items, node->child, 1) : 0;
}

static int enter_pointer(struct reader *r, void *at, const struct conf_key *key,
			 const struct yaml *node)
{
	char *item = arena_alloc(&r->c->arena, key->sub->size);
	if (item == NULL)
		return arena_err(&r->c->arena, r->e);
	memcpy(at, &item, sizeof item);
	if (set_defaults(r, key->sub, item) != 0)
		return -1;
	return enter(r, key->sub, item, node, 0);
}

static int read_value(struct reader *r, char *base, const struct conf_key *key,
		      const struct yaml *node)
{
	void *at = base + key->offset;
	switch (key->type) {
	case CONF_TEXT:
		return read_text(r, at, key->name, node);
	case CONF_INT:
	case CONF_BOOL:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_ENUM:
		return read_scalar(r, base, key, node);
	case CONF_SECRET:
	case CONF_SECRET_FILE:
		return read_secret_pointer(r, at, key, node);
	case CONF_TEXTS:
		return read_texts(r, at, key, node);
	case CONF_SECRETS:
		return read_secrets(r, at, key, node);
	case CONF_LABELS:
		return read_labels(r, at, key, node);
	case CONF_MAPPING:
		return enter(r, key->sub, at, node, 0);
	case CONF_POINTER:
		return enter_pointer(r, at, key, node);
	case CONF_LIST:
		return enter_list(r, at, key, node);
	case CONF_LATER:
		break;
	}
	return conf_fail(r->file, node, r->e,
			 "'%s' is not supported by this version (expected to be left out)",
			 key->name);
}

static int fail_unknown(struct reader *r, const struct conf_schema *schema,
			const struct yaml *member)
{
	struct yaml at = { .line = member->key_line, .column = member->key_column };
	struct str name = str_first(member->key, 64);
	const char *near = conf_nearest(schema, member->key);
	if (near != NULL)
		return conf_fail(r->file, &at, r->e, "unknown key '%.*s' in %s: did you mean '%s'?",
				 STR_ARG(name), schema->what, near);
	AUTO(buf) struct buf known;
	buf_init(&known, sizeof r->e->msg);
	for (size_t i = 0; i < schema->n; i++) {
		if (schema->keys[i].type != CONF_LATER)
			buf_addf(&known, "%s%s", known.n > 0 ? ", " : "", schema->keys[i].name);
	}
	return conf_fail(r->file, &at, r->e, "unknown key '%.*s' in %s (expected one of: %s)",
			 STR_ARG(name), schema->what, known.p);
}

static int read_member(struct reader *r, const struct frame *f, const struct yaml *member)
{
	for (size_t i = 0; i < f->schema->n; i++) {
		const struct conf_key *key = &f->schema->keys[i];
		if (str_eq_cstr(member->key, key->name))
			return read_value(r, f->base, key, member);
	}
	return fail_unknown(r, f->schema, member);
}

/* The mapping is read: what must be there, and on to the next one of its list. */
static int leave(struct reader *r, struct frame *f)
{
	for (size_t i = 0; i < f->schema->n; i++) {
		const char *name = f->schema->keys[i].name;
		if (f->schema->keys[i].required && yaml_get(f->node, name) == NULL)
			return conf_fail(r->file, f->node, r->e, "%s lacks a key (expected '%s')",
					 f->schema->what, name);
	}
	struct frame done = *f;
	r->depth--;
	if (!done.in_list || done.node->next == NULL)
		return 0;
	return enter(r, done.schema, done.base + done.schema->size, done.node->next, 1);
}

static int read_tree(struct reader *r, const struct yaml *root)
{
	char *base = (char *)(void *)r->c;
	if (set_defaults(r, &conf_schema, base) != 0)
		return -1;
	/* A mapping in place has its defaults even when the file does not name it. */
	for (size_t i = 0; i < conf_schema.n; i++) {
		const struct conf_key *key = &conf_schema.keys[i];
		if (key->type == CONF_MAPPING && set_defaults(r, key->sub, base + key->offset) != 0)
			return -1;
	}
	if (enter(r, &conf_schema, base, root, 0) != 0)
		return -1;
	while (r->depth > 0) {
		struct frame *top = &r->stack[r->depth - 1];
		const struct yaml *member = top->member;
		if (member != NULL)
			top->member = member->next;
		int rc = member != NULL ? read_member(r, top, member) : leave(r, top);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The directory of the store. */
static int derive_state_dir(struct reader *r)
{
	struct conf *c = r->c;
	if (c->state_dir.p != NULL || conf_url_is_postgres(c->store))
		return 0;
	size_t slash = str_find_last(c->store, '/');
	if (slash == c->store.n)
		c->state_dir = STR(".");
	else
		c->state_dir = str_first(c->store, slash > 0 ? slash : 1);
	return copy_text(r, &c->state_dir, c->state_dir);
}

static int derive_hook_socket(struct reader *r)
{
	struct conf *c = r->c;
	if (c->hook_socket.p != NULL || c->state_dir.p == NULL)
		return 0;
	c->hook_socket = str_of(arena_printf(&c->arena, "%.*s%shook.sock", STR_ARG(c->state_dir),
					     str_ends(c->state_dir, STR("/")) ? "" : "/"));
	return c->hook_socket.p != NULL ? 0 : arena_err(&c->arena, r->e);
}

/* Defaults that follow from other values. */
static int derive(struct reader *r)
{
	struct conf *c = r->c;
	struct conf_project *projects = c->projects.items;
	struct conf_repository *repositories = c->repositories.items;
	for (size_t i = 0; i < c->projects.n; i++) {
		if (projects[i].title.p == NULL)
			projects[i].title = projects[i].id;
	}
	/* A hook knows pushes only. */
	for (size_t i = 0; i < c->repositories.n; i++) {
		if (str_eq_cstr(repositories[i].provider, "git"))
			repositories[i].trigger = CONF_TRIGGER_PUSH;
	}
	return derive_state_dir(r) == 0 ? derive_hook_socket(r) : -1;
}

static int parse(struct conf *c, struct str text, const char *name, struct arena *tree,
		 struct err *e)
{
	struct reader r = { .c = c, .file = name, .e = e };
	struct yaml *root;
	if (copy_text(&r, &c->path, str_of(name)) != 0 ||
	    yaml_parse(&root, text, name, tree, e) != 0 || read_tree(&r, root) != 0 ||
	    derive(&r) != 0)
		return -1;
	return conf_check(c, root, name, e);
}

int conf_parse(struct conf **out, struct str text, const char *name, struct err *e)
{
	struct err ignored;
	AUTO(arena) struct arena tree;
	arena_init(&tree, TREE_MAX);
	AUTO(conf) struct conf *c = mem_array(1, sizeof *c);
	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	arena_init(&c->arena, CONF_MAX);
	if (parse(c, text, name, &tree, e != NULL ? e : &ignored) != 0)
		return -1;
	*out = TAKE(c);
	return 0;
}

static int read_file(struct buf *out, const char *path, struct err *e)
{
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	for (;;) {
		char part[4096];
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "cannot read '%s'", path);
		if (got == 0)
			return 0;
		buf_add(out, (struct str){ part, (size_t)got });
		if (buf_check(out, e) != 0)
			return err_wrap(e, "cannot read '%s'", path);
	}
}

int conf_load(struct conf **out, const char *path, struct err *e)
{
	AUTO(buf) struct buf text;
	buf_init(&text, YAML_MAX);
	if (read_file(&text, path, e) != 0)
		return -1;
	return conf_parse(out, buf_str(&text), path, e);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	conf_secrets_free(c);
	arena_free(&c->arena);
	mem_free(c);
}
