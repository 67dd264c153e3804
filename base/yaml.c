/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events into a tree with places. What a configuration does not need is refused. */

#include "base/yaml.h"

#include "base/keyset.h"

#include <yaml.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

/* A mapping or sequence that is open. */
struct frame {
	struct yaml *node;
	struct yaml **tail;
	size_t keys;
	int has_key; /* the key of the member that comes was read */
	struct str key;
	int key_line, key_column;
};

struct builder {
	const char *file;
	struct arena *arena;
	struct err *e;
	struct keyset keys;
	struct yaml *root;
	int documents;
	size_t depth;
	struct frame stack[YAML_DEPTH];
};

static int place(size_t n)
{
	return n < INT_MAX ? (int)n + 1 : INT_MAX;
}

static int fail_at(struct builder *b, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));
static int fail_at(struct builder *b, int line, int column, const char *fmt, ...)
{
	char text[sizeof b->e->msg];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(b->e, ERR_INPUT, "%s:%d:%d: %s", b->file, line, column, text);
}

static int fail_mark(struct builder *b, const yaml_mark_t *mark, const char *text)
{
	return fail_at(b, place(mark->line), place(mark->column), "%s", text);
}

static int is_merge_key(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       event->data.scalar.length == 2 && event->data.scalar.value[0] == '<' &&
	       event->data.scalar.value[1] == '<';
}

/* The scalar's text in the arena. */
static int copy_scalar(struct builder *b, struct str *out, const yaml_event_t *event)
{
	const char *p = (const char *)event->data.scalar.value;
	*out = arena_str(b->arena, (struct str){ p, event->data.scalar.length });
	return out->p != NULL ? 0 : arena_err(b->arena, b->e);
}

static int add_key(struct builder *b, struct frame *top, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	if (event->type != YAML_SCALAR_EVENT)
		return fail_mark(b, mark, "a key that is no text");
	if (is_merge_key(event))
		return fail_mark(b, mark,
				 "merge keys ('<<') are not supported: write the keys out");
	if (copy_scalar(b, &top->key, event) != 0)
		return -1;
	top->key_line = place(mark->line);
	top->key_column = place(mark->column);
	top->has_key = 1;
	uint64_t order = (uint64_t)mark->line << 32 | (uint32_t)mark->column;
	if (keyset_push(&b->keys, top->key, order) != 0)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	return 0;
}

/* A fresh node in its place in the tree. */
static struct yaml *add_node(struct builder *b, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml *node = arena_alloc(b->arena, sizeof *node);
	if (node == NULL) {
		(void)arena_err(b->arena, b->e);
		return NULL;
	}
	*node = (struct yaml){
		.kind = kind,
		.line = place(mark->line),
		.column = place(mark->column),
	};
	if (b->depth == 0) {
		b->root = node;
		return node;
	}
	struct frame *top = &b->stack[b->depth - 1];
	if (top->has_key) {
		node->key = top->key;
		node->key_line = top->key_line;
		node->key_column = top->key_column;
		top->has_key = 0;
	}
	*top->tail = node;
	top->tail = &node->next;
	return node;
}

static int add_scalar(struct builder *b, const yaml_event_t *event)
{
	struct yaml *node = add_node(b, YAML_SCALAR, &event->start_mark);
	if (node == NULL)
		return -1;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return copy_scalar(b, &node->text, event);
}

static int open_level(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
	if (b->depth == YAML_DEPTH)
		return fail_mark(b, &event->start_mark, "nested too deep");
	struct yaml *node = add_node(b, kind, &event->start_mark);
	if (node == NULL)
		return -1;
	b->stack[b->depth++] = (struct frame){
		.node = node,
		.tail = &node->child,
		.keys = keyset_mark(&b->keys),
	};
	return 0;
}

static int close_level(struct builder *b)
{
	struct keyset_item twice;
	struct frame *top = &b->stack[--b->depth];
	int found = keyset_close(&b->keys, top->keys, &twice);
	if (found < 0)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	if (found > 0)
		return fail_at(b, place((size_t)(twice.place >> 32)),
			       place((size_t)(twice.place & UINT32_MAX)), "key '%.*s' stands twice",
			       twice.key.n > 64 ? 64 : (int)twice.key.n, twice.key.p);
	return 0;
}

/* Anchors and tags, of whichever event has them. */
static int check_decoration(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor != NULL)
		return fail_mark(b, &event->start_mark, "anchors ('&') are not supported");
	if (tag != NULL)
		return fail_mark(b, &event->start_mark, "tags ('!') are not supported");
	return 0;
}

/* 0: go on; 1: the stream has ended. */
static int take_event(struct builder *b, const yaml_event_t *event)
{
	if (check_decoration(b, event) != 0)
		return -1;
	struct frame *top = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
	int is_key = top != NULL && top->node->kind == YAML_MAPPING && !top->has_key;
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_DOCUMENT_START_EVENT:
		return b->documents++ == 0
			   ? 0
			   : fail_mark(b, &event->start_mark, "a second document (expected one)");
	case YAML_ALIAS_EVENT:
		return fail_mark(b, &event->start_mark, "aliases ('*') are not supported");
	case YAML_SCALAR_EVENT:
		return is_key ? add_key(b, top, event) : add_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return is_key ? add_key(b, top, event) : open_level(b, YAML_SEQUENCE, event);
	case YAML_MAPPING_START_EVENT:
		return is_key ? add_key(b, top, event) : open_level(b, YAML_MAPPING, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(b);
	}
	return 0;
}

/* libyaml's complaint. A bad byte has an offset only, so its place is counted here. */
static int fail_parser(struct builder *b, const yaml_parser_t *parser, struct str text)
{
	const char *problem = parser->problem != NULL ? parser->problem : "malformed YAML";
	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	if (parser->error != YAML_READER_ERROR)
		return fail_mark(b, &parser->problem_mark, problem);
	yaml_mark_t mark = { 0, 0, 0 };
	for (size_t i = 0; i < text.n && i < parser->problem_offset; i++) {
		if (text.p[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)text.p[i] & 0xc0U) != 0x80U) {
			mark.column++;
		}
	}
	return fail_mark(b, &mark, problem);
}

static int build(struct builder *b, yaml_parser_t *parser, struct str text)
{
	int rc = 0;
	while (rc == 0) {
		yaml_event_t event;
		if (yaml_parser_parse(parser, &event) != 1)
			return fail_parser(b, parser, text);
		rc = take_event(b, &event);
		yaml_event_delete(&event);
	}
	return rc < 0 ? -1 : 0;
}

/* "", "---" and comments alone are an empty mapping. */
static int finish(struct yaml **out, struct builder *b)
{
	const yaml_mark_t start = { 0, 0, 0 };
	struct yaml *root = b->root;
	if (root == NULL)
		root = add_node(b, YAML_MAPPING, &start);
	if (root == NULL)
		return -1;
	if (root->kind == YAML_SCALAR && root->plain && root->text.n == 0) {
		root->kind = YAML_MAPPING;
		root->plain = 0;
		root->text = STR_NULL;
	}
	*out = root;
	return 0;
}

int yaml_parse(struct yaml **out, struct str text, const char *file, struct arena *arena,
	       struct err *e)
{
	struct err ignored;
	struct builder b = { .file = file, .arena = arena, .e = e != NULL ? e : &ignored };
	if (text.n > YAML_MAX)
		return err_set(e, ERR_LIMIT, "%s: larger than %d bytes", file, YAML_MAX);
	yaml_parser_t parser;
	if (yaml_parser_initialize(&parser) != 1)
		return err_set(e, ERR_NOMEM, "out of memory");
	keyset_init(&b.keys);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	const char *p = text.p != NULL ? text.p : "";
	yaml_parser_set_input_string(&parser, (const unsigned char *)p, text.n);
	int rc = build(&b, &parser, text);
	if (rc == 0)
		rc = finish(out, &b);
	keyset_free(&b.keys);
	yaml_parser_delete(&parser);
	return rc;
}

const struct yaml *yaml_get(const struct yaml *mapping, const char *key)
{
	if (mapping == NULL || mapping->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml *y = mapping->child; y != NULL; y = y->next) {
		if (str_eq_cstr(y->key, key))
			return y;
	}
	return NULL;
}
