/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as YAML again, by the same tables that read it. */

#include "base/conf_schema.h"

#include <inttypes.h>
#include <string.h>

/* A struct that is being written. */
struct frame {
	const struct conf_schema *schema;
	const char *base;
	size_t key;  /* the next to write */
	size_t left; /* structs of a list behind this one */
	int in_list;
	int is_first; /* no key of it was written yet */
	int indent;
};

struct shower {
	struct buf *out;
	size_t depth;
	struct frame stack[CONF_DEPTH];
};

static unsigned long decode(struct str s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned long c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

/* What libyaml takes for a line break or refuses as unprintable. */
static int must_escape(unsigned long c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       c == 0xfffe || c == 0xffff;
}

static void put_text(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	while (s.n > 0) {
		size_t len = str_utf8_len(s);
		len = len > 0 ? len : 1; /* cannot be: what was read is UTF-8 */
		unsigned long c = decode(s, len);
		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", (char)c);
		else if (must_escape(c))
			buf_addf(out, "\\u%04lx", c);
		else
			buf_add(out, str_first(s, len));
		s = str_from(s, len);
	}
	buf_addc(out, '"');
}

static void put_secret(struct buf *out, const struct conf_secret *s)
{
	buf_adds(out, s->env.p != NULL ? "{env: " : "{file: ");
	put_text(out, s->env.p != NULL ? s->env : s->file);
	buf_addc(out, '}');
}

static void put_texts(struct buf *out, const struct conf_list *list)
{
	const struct str *texts = list->items;
	buf_addc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put_text(out, texts[i]);
	}
	buf_addc(out, ']');
}

static void put_labels(struct buf *out, const struct conf_list *list)
{
	const struct conf_label *labels = list->items;
	buf_addc(out, '{');
	for (size_t i = 0; i < list->n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put_text(out, labels[i].key);
		buf_adds(out, ": ");
		put_text(out, labels[i].value);
	}
	buf_addc(out, '}');
}

static void put_secrets(struct buf *out, const struct conf_list *list)
{
	const struct conf_secret *secrets = list->items;
	buf_addc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put_secret(out, &secrets[i]);
	}
	buf_addc(out, ']');
}

static int64_t load_number(const void *at)
{
	int64_t v;
	memcpy(&v, at, sizeof v);
	return v;
}

static int load_choice(const void *at)
{
	int v;
	memcpy(&v, at, sizeof v);
	return v;
}

static const void *load_pointer(const void *at)
{
	const void *p;
	memcpy(&p, at, sizeof p);
	return p;
}

static int is_absent(const struct conf_key *key, const void *at)
{
	switch (key->type) {
	case CONF_TEXT:
		return ((const struct str *)at)->p == NULL;
	case CONF_TEXTS:
	case CONF_SECRETS:
	case CONF_LABELS:
	case CONF_LIST:
		return ((const struct conf_list *)at)->n == 0;
	case CONF_SECRET:
	case CONF_SECRET_FILE:
	case CONF_POINTER:
		return load_pointer(at) == NULL;
	case CONF_LATER:
		return 1;
	case CONF_INT:
	case CONF_BOOL:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_ENUM:
	case CONF_MAPPING:
		break;
	}
	return 0;
}

/* Indentation, the dash of a list's item, and "key:". */
static void put_key(struct shower *s, struct frame *f, const char *name)
{
	for (int i = 0; i < f->indent - (f->in_list && f->is_first ? 2 : 0); i++)
		buf_addc(s->out, ' ');
	if (f->in_list && f->is_first)
		buf_adds(s->out, "- ");
	f->is_first = 0;
	buf_addf(s->out, "%s:", name);
}

static void push(struct shower *s, const struct conf_key *key, const void *base, size_t n)
{
	int indent = s->stack[s->depth - 1].indent;
	int in_list = key->type == CONF_LIST;
	s->stack[s->depth++] = (struct frame){
		.schema = key->sub,
		.base = base,
		.left = n - 1,
		.in_list = in_list,
		.is_first = 1,
		.indent = indent + (in_list ? 4 : 2),
	};
}

/* The value of a key that is written on the key's own line. */
static void put_value(struct buf *out, const struct conf_key *key, const void *at)
{
	char text[CONF_NUMBER_TEXT];
	buf_addc(out, ' ');
	switch (key->type) {
	case CONF_TEXT:
		put_text(out, *(const struct str *)at);
		break;
	case CONF_INT:
		buf_addf(out, "%" PRId64, load_number(at));
		break;
	case CONF_BOOL:
		buf_adds(out, load_choice(at) ? "true" : "false");
		break;
	case CONF_DURATION:
		buf_adds(out, conf_format_duration(text, load_number(at)));
		break;
	case CONF_SIZE:
		buf_adds(out, conf_format_size(text, load_number(at)));
		break;
	case CONF_ENUM:
		buf_adds(out, key->names[load_choice(at)]);
		break;
	case CONF_SECRET:
	case CONF_SECRET_FILE:
		put_secret(out, load_pointer(at));
		break;
	case CONF_TEXTS:
		put_texts(out, at);
		break;
	case CONF_SECRETS:
		put_secrets(out, at);
		break;
	case CONF_LABELS:
		put_labels(out, at);
		break;
	case CONF_MAPPING:
	case CONF_POINTER:
	case CONF_LIST:
	case CONF_LATER:
		break;
	}
	buf_addc(out, '\n');
}

static void show_key(struct shower *s, struct frame *f, const struct conf_key *key)
{
	const void *at = f->base + key->offset;
	if (is_absent(key, at))
		return;
	put_key(s, f, key->name);
	if (key->sub == NULL) {
		put_value(s->out, key, at);
		return;
	}
	buf_addc(s->out, '\n');
	if (key->type == CONF_LIST)
		push(s, key, ((const struct conf_list *)at)->items,
		     ((const struct conf_list *)at)->n);
	else
		push(s, key, key->type == CONF_POINTER ? load_pointer(at) : at, 1);
}

/* On to the next struct of the list, or back to where this one stands. */
static void finish(struct shower *s, struct frame *f)
{
	if (f->left == 0) {
		s->depth--;
		return;
	}
	f->left--;
	f->base += f->schema->size;
	f->key = 0;
	f->is_first = 1;
}

int conf_show(struct buf *out, const struct conf *c, struct err *e)
{
	struct shower s = { .out = out, .depth = 1 };
	s.stack[0] = (struct frame){
		.schema = &conf_schema,
		.base = (const char *)(const void *)c,
		.is_first = 1,
	};
	while (s.depth > 0) {
		struct frame *f = &s.stack[s.depth - 1];
		if (f->key < f->schema->n)
			show_key(&s, f, &f->schema->keys[f->key++]);
		else
			finish(&s, f);
	}
	return buf_check(out, e);
}
