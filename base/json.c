/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON in one pass, with a stack of its own instead of recursion. It is on the path of every
 * delivery: text is skipped eight bytes at a time, and a string without escapes is not copied.
 */

#include "base/json.h"

#include "base/keyset.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Nodes are taken from the arena by the chunk. */
enum { CHUNK_NODES = 64 };

/* Members of an object in which a key may stand twice with the same literal. */
enum { AGREE_MEMBERS_MAX = 256 };

struct frame {
	struct json *node;  /* the array or object that is open */
	struct json **tail; /* where its next member is hung */
	size_t keys;        /* keyset_mark at its opening */
};

struct parser {
	const char *start, *p, *end;
	struct arena *arena;
	struct err *e;
	struct json *nodes; /* of the chunk: not used yet */
	size_t n_nodes;
	struct keyset keys;
	struct str key; /* of the member that is read */
	struct json *root;
	size_t depth;
	struct frame stack[JSON_DEPTH];
};

/* The place is counted only now: a good document never pays for it. Columns count characters. */
static int fail(struct parser *ps, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
static int fail(struct parser *ps, const char *at, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	for (const char *p = ps->start; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*p & 0xc0U) != 0x80U) {
			column++;
		}
	}
	char text[sizeof ps->e->msg];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(ps->e, ERR_INPUT, "line %zu, column %zu: %s", line, column, text);
}

static void skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end &&
	       (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\r' || *ps->p == '\t'))
		ps->p++;
}

/* What stands at `p`, quoted for a message. */
static int unexpected(struct parser *ps, const char *expected)
{
	if (ps->p >= ps->end)
		return fail(ps, ps->p, "the text ends here (expected %s)", expected);
	unsigned char c = (unsigned char)*ps->p;
	if (ps->p == ps->start && ps->end - ps->p >= 3 && memcmp(ps->p, "\xef\xbb\xbf", 3) == 0)
		return fail(ps, ps->p, "byte order mark (expected %s)", expected);
	if (c < 0x20 || c >= 0x7f)
		return fail(ps, ps->p, "unexpected byte 0x%02x (expected %s)", c, expected);
	return fail(ps, ps->p, "unexpected '%c' (expected %s)", c, expected);
}

/* The first byte that is not plain ASCII text of a string: quote, backslash, control, >= 0x80. */
static const char *skip_plain(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t highs = UINT64_C(0x8080808080808080);
	while (end - p >= 8) {
		uint64_t v;
		memcpy(&v, p, sizeof v);
		uint64_t quote = v ^ (ones * '"');
		uint64_t slash = v ^ (ones * '\\');
		/* Per byte: high bit set when it was 0 (xor) or below 0x20, or was high itself. A
		 * borrow can only mark bytes above a true hit, so "none" is exact. */
		uint64_t hit = (v | (v - ones * 0x20) | (quote - ones) | (slash - ones)) & highs;
		if (hit != 0)
			break;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}

/* On from `p` to the next quote or backslash, checking control bytes and UTF-8; NULL: failed. */
static const char *skip_text(struct parser *ps, const char *p)
{
	for (;;) {
		p = skip_plain(p, ps->end);
		if (p == ps->end) {
			(void)fail(ps, p, "the text ends inside a string");
			return NULL;
		}
		if (*p == '"' || *p == '\\')
			return p;
		if ((unsigned char)*p < 0x20) {
			(void)fail(ps, p,
				   "control character 0x%02x in a string (write it as \\u%04x)",
				   (unsigned)(unsigned char)*p, (unsigned)(unsigned char)*p);
			return NULL;
		}
		size_t len = str_utf8_len((struct str){ p, (size_t)(ps->end - p) });
		if (len == 0) {
			(void)fail(ps, p, "ill-formed UTF-8");
			return NULL;
		}
		p += len;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits behind "\u" at `at`; -1 when they are not there. */
static long read_unit(const struct parser *ps, const char *at)
{
	if (ps->end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	long unit = 0;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static char *put_utf8(char *out, unsigned long c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0U | c >> 6);
		*out++ = (char)(0x80U | (c & 0x3fU));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0U | c >> 12);
		*out++ = (char)(0x80U | (c >> 6 & 0x3fU));
		*out++ = (char)(0x80U | (c & 0x3fU));
	} else {
		*out++ = (char)(0xf0U | c >> 18);
		*out++ = (char)(0x80U | (c >> 12 & 0x3fU));
		*out++ = (char)(0x80U | (c >> 6 & 0x3fU));
		*out++ = (char)(0x80U | (c & 0x3fU));
	}
	return out;
}

/* "\uXXXX" or a pair of them at *at into UTF-8; moves *at and *out on. */
static int decode_unicode(struct parser *ps, const char **at, char **out)
{
	long unit = read_unit(ps, *at);
	if (unit < 0)
		return fail(ps, *at, "'\\u' without four hexadecimal digits");
	if (unit == 0)
		return fail(ps, *at, "'\\u0000' is not accepted");
	unsigned long c = (unsigned long)unit;
	const char *next = *at + 6;
	if (c >= 0xd800 && c <= 0xdfff) {
		long low = c < 0xdc00 ? read_unit(ps, next) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(ps, *at, "lone surrogate");
		c = 0x10000 + ((c - 0xd800) << 10) + ((unsigned long)low - 0xdc00);
		next += 6;
	}
	*out = put_utf8(*out, c);
	*at = next;
	return 0;
}

static int decode_escape(struct parser *ps, const char **at, char **out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	char c = ps->end - *at >= 2 ? (*at)[1] : '\0';
	if (c == 'u')
		return decode_unicode(ps, at, out);
	const char *found = c != '\0' ? strchr(names, c) : NULL;
	if (found == NULL)
		return fail(ps, *at, "unknown escape in a string");
	*(*out)++ = bytes[found - names];
	*at += 2;
	return 0;
}

/* The closing quote from `p` on, looking no further than needed to size the decoded text. */
static const char *find_close(const struct parser *ps, const char *p)
{
	while (p < ps->end && *p != '"')
		p += *p == '\\' && ps->end - p >= 2 ? 2 : 1;
	return p;
}

/* A string with an escape at `at`; `from` is its first byte. No escape grows when decoded. */
static int decode_string(struct parser *ps, struct str *out, const char *from, const char *at)
{
	size_t room = (size_t)(find_close(ps, at) - from);
	char *text = arena_alloc(ps->arena, room);
	if (text == NULL)
		return arena_err(ps->arena, ps->e);
	size_t plain = (size_t)(at - from);
	memcpy(text, from, plain);
	char *to = text + plain;
	while (*at == '\\') {
		if (decode_escape(ps, &at, &to) != 0)
			return -1;
		const char *next = skip_text(ps, at);
		if (next == NULL)
			return -1;
		memcpy(to, at, (size_t)(next - at));
		to += next - at;
		at = next;
	}
	ps->p = at + 1;
	*out = (struct str){ text, (size_t)(to - text) };
	return 0;
}

/* `p` stands on the opening quote. */
static int read_string(struct parser *ps, struct str *out)
{
	const char *from = ps->p + 1;
	const char *at = skip_text(ps, from);
	if (at == NULL)
		return -1;
	if (*at == '\\')
		return decode_string(ps, out, from, at);
	*out = (struct str){ from, (size_t)(at - from) };
	ps->p = at + 1;
	return 0;
}

static size_t skip_digits(struct parser *ps)
{
	const char *from = ps->p;
	while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
		ps->p++;
	return (size_t)(ps->p - from);
}

static int next_is(const struct parser *ps, char a, char b)
{
	return ps->p < ps->end && (*ps->p == a || *ps->p == b);
}

static int read_number(struct parser *ps, struct str *out)
{
	const char *from = ps->p;
	if (*ps->p == '-')
		ps->p++;
	const char *digits = ps->p;
	size_t n = skip_digits(ps);
	if (n == 0)
		return unexpected(ps, "a digit");
	if (n > 1 && *digits == '0')
		return fail(ps, digits, "a number with a leading zero");
	if (next_is(ps, '.', '.')) {
		ps->p++;
		if (skip_digits(ps) == 0)
			return unexpected(ps, "a digit behind the point");
	}
	if (next_is(ps, 'e', 'E')) {
		ps->p++;
		if (next_is(ps, '+', '-'))
			ps->p++;
		if (skip_digits(ps) == 0)
			return unexpected(ps, "a digit of the exponent");
	}
	*out = (struct str){ from, (size_t)(ps->p - from) };
	return 0;
}

static int read_literal(struct parser *ps, struct json *node, struct str word, enum json_kind kind)
{
	struct str rest = { ps->p, (size_t)(ps->end - ps->p) };
	if (!str_starts(rest, word))
		return unexpected(ps, "a value");
	node->kind = kind;
	ps->p += word.n;
	return 0;
}

/* A fresh node, hung behind the last one of the container that is open. */
static struct json *add_node(struct parser *ps)
{
	if (ps->n_nodes == 0) {
		size_t left = (size_t)(ps->end - ps->p) / 2 + 1;
		size_t n = left < CHUNK_NODES ? left : CHUNK_NODES;
		ps->nodes = arena_array(ps->arena, n, sizeof *ps->nodes);
		if (ps->nodes == NULL) {
			(void)arena_err(ps->arena, ps->e);
			return NULL;
		}
		ps->n_nodes = n;
	}
	struct json *node = ps->nodes++;
	ps->n_nodes--;
	node->key = ps->key;
	ps->key = STR_NULL;
	if (ps->depth == 0) {
		ps->root = node;
	} else {
		struct frame *top = &ps->stack[ps->depth - 1];
		*top->tail = node;
		top->tail = &node->next;
	}
	return node;
}

/* The key of a member and its colon. */
static int read_key(struct parser *ps)
{
	skip_blanks(ps);
	if (ps->p >= ps->end || *ps->p != '"')
		return unexpected(ps, "a key");
	uint64_t place = (uint64_t)(ps->p - ps->start);
	if (read_string(ps, &ps->key) != 0)
		return -1;
	if (keyset_push(&ps->keys, ps->key, place) != 0)
		return err_set(ps->e, ERR_NOMEM, "out of memory");
	skip_blanks(ps);
	if (ps->p >= ps->end || *ps->p != ':')
		return unexpected(ps, "':'");
	ps->p++;
	return 0;
}

/*
 * Real senders repeat a flag now and then. Where both say the same literal no two readers can
 * differ, so that is let through; anything else that stands twice is not. Large objects are not
 * looked at: this compares each member with each.
 */
static int repeats_agree(const struct json *object)
{
	size_t n = 0;
	for (const struct json *a = object->child; a != NULL; a = a->next) {
		if (++n > AGREE_MEMBERS_MAX)
			return 0;
		for (const struct json *b = a->next; b != NULL; b = b->next) {
			if (!str_eq(a->key, b->key))
				continue;
			if (a->kind != b->kind || a->kind > JSON_TRUE)
				return 0;
		}
	}
	return 1;
}

static int close_container(struct parser *ps)
{
	struct frame *top = &ps->stack[--ps->depth];
	ps->p++;
	if (top->node->kind != JSON_OBJECT)
		return 0;
	struct keyset_item twice;
	int found = keyset_close(&ps->keys, top->keys, &twice);
	if (found < 0)
		return err_set(ps->e, ERR_NOMEM, "out of memory");
	if (found > 0 && !repeats_agree(top->node))
		return fail(ps, ps->start + twice.place, "key '%.*s' stands twice in one object",
			    twice.key.n > 64 ? 64 : (int)twice.key.n, twice.key.p);
	return 0;
}

/* `p` stands on the bracket. 1: it was empty and is closed; 0: its first value comes. */
static int open_container(struct parser *ps, struct json *node, enum json_kind kind)
{
	if (ps->depth == JSON_DEPTH)
		return fail(ps, ps->p, "nested deeper than %d", JSON_DEPTH);
	node->kind = kind;
	ps->stack[ps->depth++] = (struct frame){ node, &node->child, keyset_mark(&ps->keys) };
	ps->p++;
	skip_blanks(ps);
	if (ps->p < ps->end && *ps->p == (kind == JSON_OBJECT ? '}' : ']'))
		return close_container(ps) != 0 ? -1 : 1;
	return kind == JSON_OBJECT ? read_key(ps) : 0;
}

/* 1: a whole value was read; 0: a container was opened and its first value comes. */
static int read_value(struct parser *ps)
{
	skip_blanks(ps);
	if (ps->p >= ps->end)
		return unexpected(ps, "a value");
	struct json *node = add_node(ps);
	if (node == NULL)
		return -1;
	int rc;
	switch (*ps->p) {
	case '{':
		return open_container(ps, node, JSON_OBJECT);
	case '[':
		return open_container(ps, node, JSON_ARRAY);
	case '"':
		node->kind = JSON_STRING;
		rc = read_string(ps, &node->text);
		break;
	case 't':
		rc = read_literal(ps, node, STR("true"), JSON_TRUE);
		break;
	case 'f':
		rc = read_literal(ps, node, STR("false"), JSON_FALSE);
		break;
	case 'n':
		rc = read_literal(ps, node, STR("null"), JSON_NULL);
		break;
	default:
		if (*ps->p != '-' && (*ps->p < '0' || *ps->p > '9'))
			return unexpected(ps, "a value");
		node->kind = JSON_NUMBER;
		rc = read_number(ps, &node->text);
		break;
	}
	return rc != 0 ? -1 : 1;
}

/* Behind a value: close what ends here. 1: the document is complete; 0: another value comes. */
static int read_end(struct parser *ps)
{
	while (ps->depth > 0) {
		int object = ps->stack[ps->depth - 1].node->kind == JSON_OBJECT;
		skip_blanks(ps);
		if (ps->p < ps->end && *ps->p == ',') {
			ps->p++;
			return object ? read_key(ps) : 0;
		}
		if (ps->p >= ps->end || *ps->p != (object ? '}' : ']'))
			return unexpected(ps, object ? "',' or '}'" : "',' or ']'");
		if (close_container(ps) != 0)
			return -1;
	}
	return 1;
}

static int read_document(struct parser *ps)
{
	int done = 0;
	while (done == 0) {
		done = read_value(ps);
		if (done > 0)
			done = read_end(ps);
	}
	if (done < 0)
		return -1;
	skip_blanks(ps);
	if (ps->p < ps->end)
		return unexpected(ps, "nothing behind the document");
	return 0;
}

int json_parse(struct json **out, struct str text, struct arena *arena, struct err *e)
{
	struct err ignored;
	struct parser ps = {
		.start = text.p != NULL ? text.p : "",
		.arena = arena,
		.e = e != NULL ? e : &ignored,
	};
	ps.p = ps.start;
	ps.end = ps.start + text.n;
	keyset_init(&ps.keys);
	int rc = read_document(&ps);
	keyset_free(&ps.keys);
	if (rc != 0)
		return -1;
	*out = ps.root;
	return 0;
}

static const struct json *get(const struct json *object, struct str key)
{
	if (object == NULL || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *j = object->child; j != NULL; j = j->next) {
		if (str_eq(j->key, key))
			return j;
	}
	return NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	return get(object, str_of(key));
}

const struct json *json_at(const struct json *object, const char *path)
{
	struct str rest = str_of(path), key;
	while (object != NULL && str_split(&key, &rest, '.'))
		object = get(object, key);
	return object;
}

const struct json *json_item(const struct json *array, size_t index)
{
	if (array == NULL || array->kind != JSON_ARRAY)
		return NULL;
	const struct json *j = array->child;
	while (j != NULL && index-- > 0)
		j = j->next;
	return j;
}

struct str json_str(const struct json *j)
{
	return j != NULL && j->kind == JSON_STRING ? j->text : STR_NULL;
}

struct str json_id(const struct json *j)
{
	return j != NULL && j->kind == JSON_NUMBER ? j->text : json_str(j);
}

int json_bool(const struct json *j)
{
	if (j == NULL || (j->kind != JSON_TRUE && j->kind != JSON_FALSE))
		return -1;
	return j->kind == JSON_TRUE;
}

int json_int(int64_t *out, const struct json *j)
{
	if (j == NULL || j->kind != JSON_NUMBER)
		return -1;
	return num_parse_i64(out, j->text, INT64_MIN, INT64_MAX);
}
