/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over paths: compiling. The text is cut into tokens once; its braces are written out into
 * alternatives (rows of token numbers), and those are cut into segments.
 */

#include "base/arena.h"
#include "base/mem.h"
#include "vcs/glob.h"
#include "vcs/glob_impl.h"

#include <string.h>

enum {
	BRACE_DEPTH_MAX = 4,
	/* 64 alternatives of 1,024 tokens with their segments are well below this. */
	GLOB_MEMORY_MAX = 16 * 1024 * 1024,
};

/* --- compiling: tokens --- */

struct scan {
	struct glob *g;
	size_t at;
	size_t open[BRACE_DEPTH_MAX]; /* where each open brace stands */
	size_t depth;
};

/* Positions in messages count from 1, in bytes. */
static int bad(const struct scan *s, size_t at, struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT, "pattern '%.*s': %s at character %zu",
		       STR_ARG(str_first(s->g->pattern, 200)), what, at + 1);
}

/* One character inside [...], an escaped one too. */
static int class_char(uint32_t *cp, struct scan *s, struct err *e)
{
	const struct str p = s->g->pattern;
	if (s->at < p.n && p.p[s->at] == '\\')
		s->at++;
	if (s->at >= p.n)
		return -1;
	if (p.p[s->at] == '/')
		return bad(s, s->at, e, "a '/' cannot stand inside '[...]'");
	s->at += glob_decode(cp, p, s->at);
	return 0;
}

static int class_range(struct range *out, struct scan *s, size_t start, struct err *e)
{
	const struct str p = s->g->pattern;
	const size_t at = s->at;
	struct range r = { 0, 0 };
	if (str_starts(str_from(p, at), STR("[:")) || str_starts(str_from(p, at), STR("[.")) ||
	    str_starts(str_from(p, at), STR("[=")))
		return bad(s, at, e, "named character classes are not supported");
	/* class_char is silent at the end of the pattern only. */
	const char *unclosed = "'[' is not closed";
	struct err inner = { .code = ERR_NONE };
	if (class_char(&r.low, s, &inner) != 0)
		goto out;
	r.high = r.low;
	/* A '-' before the closing bracket stands for itself. */
	if (s->at + 1 < p.n && p.p[s->at] == '-' && p.p[s->at + 1] != ']') {
		s->at++;
		if (class_char(&r.high, s, &inner) != 0)
			goto out;
	}
	if (r.high < r.low)
		return bad(s, at, e, "the range runs backwards");
	*out = r;
	return 0;
out:
	if (inner.code == ERR_NONE)
		return bad(s, start, e, unclosed);
	if (e != NULL)
		*e = inner;
	return -1;
}

/* "[...]": the opening bracket is at s->at. */
static int class_token(struct token *t, struct scan *s, struct err *e)
{
	const struct str p = s->g->pattern;
	const size_t start = s->at++;
	if (s->at < p.n && (p.p[s->at] == '!' || p.p[s->at] == '^')) {
		t->negated = 1;
		s->at++;
	}
	struct range ranges[GLOB_MAX];
	size_t n = 0;
	/* A ']' in the first place stands for itself. */
	while (n == 0 || s->at >= p.n || p.p[s->at] != ']') {
		if (s->at >= p.n)
			return bad(s, start, e, "'[' is not closed");
		if (class_range(&ranges[n], s, start, e) != 0)
			return -1;
		n++;
	}
	s->at++;
	struct range *copy = arena_array(&s->g->arena, n, sizeof *copy);
	if (copy == NULL)
		return arena_err(&s->g->arena, e);
	memcpy(copy, ranges, n * sizeof *copy);
	t->kind = TOKEN_CLASS;
	t->ranges = copy;
	t->n_ranges = n;
	return 0;
}

static int brace_token(struct token *t, struct scan *s, char c, struct err *e)
{
	if (c == '{') {
		if (s->depth == BRACE_DEPTH_MAX)
			return bad(s, s->at, e, "'{' is nested too deep");
		s->open[s->depth++] = s->at;
		t->kind = TOKEN_OPEN;
	} else if (s->depth > 0) {
		t->kind = c == ',' ? TOKEN_COMMA : TOKEN_CLOSE;
		if (c == '}')
			s->depth--;
	}
	s->at++;
	return 0;
}

static int next_token(struct token *t, struct scan *s, struct err *e)
{
	const struct str p = s->g->pattern;
	const char c = p.p[s->at];
	*t = (struct token){ .kind = TOKEN_LITERAL, .cp = (unsigned char)c, .at = s->at };
	switch (c) {
	case '[':
		return class_token(t, s, e);
	case '{':
	case ',':
	case '}':
		return brace_token(t, s, c, e);
	case '*':
		t->kind = TOKEN_STAR;
		s->at++;
		return 0;
	case '?':
		t->kind = TOKEN_ANY;
		s->at++;
		return 0;
	case '\\':
		if (++s->at == p.n)
			return bad(s, s->at - 1, e, "a '\\' with nothing behind it");
		break;
	default:
		break;
	}
	s->at += glob_decode(&t->cp, p, s->at);
	if (t->cp == '/')
		t->kind = TOKEN_SLASH; /* "\/" as well */
	return 0;
}

static int tokenise(struct glob *g, struct err *e)
{
	struct scan s = { .g = g };
	g->tokens = arena_array(&g->arena, g->pattern.n, sizeof *g->tokens);
	if (g->tokens == NULL)
		return arena_err(&g->arena, e);
	while (s.at < g->pattern.n) {
		if (next_token(&g->tokens[g->n_tokens], &s, e) != 0)
			return -1;
		g->n_tokens++;
	}
	if (s.depth > 0)
		return bad(&s, s.open[s.depth - 1], e, "'{' is not closed");
	return 0;
}

/* --- compiling: alternatives --- */

struct rows {
	struct row row[GLOB_ALTERNATIVES_MAX];
	size_t n;
};

static enum token_kind kind_at(const struct glob *g, struct row row, size_t i)
{
	return g->tokens[row.p[i]].kind;
}

/* Where the first brace of a row opens, or row.n. */
static size_t first_brace(const struct glob *g, struct row row)
{
	size_t i = 0;
	while (i < row.n && kind_at(g, row, i) != TOKEN_OPEN)
		i++;
	return i;
}

/* Where the alternative that starts at `i` ends: its comma or closing brace. */
static size_t branch_end(const struct glob *g, struct row row, size_t i)
{
	size_t depth = 0;
	for (; i < row.n; i++) {
		enum token_kind kind = kind_at(g, row, i);
		if (depth == 0 && (kind == TOKEN_COMMA || kind == TOKEN_CLOSE))
			break;
		if (kind == TOKEN_OPEN)
			depth++;
		if (kind == TOKEN_CLOSE)
			depth--;
	}
	return i;
}

/* row[0..head) + row[from..to) + row[tail..] as a row of its own. */
static int join(struct row *out, struct glob *g, struct row row, const size_t cut[4], struct err *e)
{
	const size_t head = cut[0], middle = cut[2] - cut[1], tail = row.n - cut[3];
	uint16_t *p = arena_array(&g->arena, head + middle + tail, sizeof *p);
	if (p == NULL)
		return arena_err(&g->arena, e);
	if (head > 0)
		memcpy(p, row.p, head * sizeof *p);
	if (middle > 0)
		memcpy(p + head, row.p + cut[1], middle * sizeof *p);
	if (tail > 0)
		memcpy(p + head + middle, row.p + cut[3], tail * sizeof *p);
	*out = (struct row){ p, head + middle + tail };
	return 0;
}

/* Replace rows->row[at] by one row for each alternative of its first brace, in order. */
static int expand_brace(struct rows *rows, struct glob *g, size_t at, size_t open, struct err *e)
{
	const struct row row = rows->row[at];
	struct rows made = { .n = 0 };
	size_t start[GLOB_ALTERNATIVES_MAX], end = open;
	do {
		if (rows->n + made.n > GLOB_ALTERNATIVES_MAX)
			return err_set(e, ERR_INPUT,
				       "pattern '%.*s': more than %d alternatives at character %zu",
				       STR_ARG(str_first(g->pattern, 200)), GLOB_ALTERNATIVES_MAX,
				       g->tokens[row.p[open]].at + 1);
		start[made.n] = end + 1;
		end = branch_end(g, row, end + 1);
		made.row[made.n++] = (struct row){ NULL, end };
	} while (kind_at(g, row, end) == TOKEN_COMMA);
	for (size_t i = 0; i < made.n; i++) {
		const size_t cut[4] = { open, start[i], made.row[i].n, end + 1 };
		if (join(&made.row[i], g, row, cut, e) != 0)
			return -1;
	}
	memmove(&rows->row[at + made.n], &rows->row[at + 1],
		(rows->n - at - 1) * sizeof rows->row[0]);
	memcpy(&rows->row[at], made.row, made.n * sizeof made.row[0]);
	rows->n += made.n - 1;
	return 0;
}

static int expand(struct rows *rows, struct glob *g, struct err *e)
{
	uint16_t *all = arena_array(&g->arena, g->n_tokens, sizeof *all);
	if (all == NULL)
		return arena_err(&g->arena, e);
	for (size_t i = 0; i < g->n_tokens; i++)
		all[i] = (uint16_t)i;
	rows->row[0] = (struct row){ all, g->n_tokens };
	rows->n = 1;
	for (size_t at = 0; at < rows->n;) {
		size_t open = first_brace(g, rows->row[at]);
		if (open == rows->row[at].n)
			at++;
		else if (expand_brace(rows, g, at, open, e) != 0)
			return -1;
	}
	return 0;
}

/* --- compiling: segments --- */

static int is_any_depth(const struct glob *g, struct row row)
{
	return row.n == 2 && kind_at(g, row, 0) == TOKEN_STAR && kind_at(g, row, 1) == TOKEN_STAR;
}

static int is_literal(const struct glob *g, struct row row)
{
	for (size_t i = 0; i < row.n; i++) {
		if (kind_at(g, row, i) != TOKEN_LITERAL)
			return 0;
	}
	return 1;
}

static int is_dots(const struct glob *g, struct row row)
{
	for (size_t i = 0; i < row.n; i++) {
		if (kind_at(g, row, i) != TOKEN_LITERAL || g->tokens[row.p[i]].cp != '.')
			return 0;
	}
	return row.n == 1 || row.n == 2;
}

static int check_segment(const struct glob *g, struct row whole, size_t start, size_t n,
			 struct err *e)
{
	const struct row row = { whole.p + start, n };
	size_t near = whole.n == 0 ? 0 : g->tokens[whole.p[start < whole.n ? start : start - 1]].at;
	const char *what = NULL;
	if (n == 0 && start == 0 && whole.n > 0)
		what = "a leading '/' (paths start at the root of the repository)";
	else if (n == 0)
		what = "an empty segment";
	else if (is_dots(g, row))
		what = "a segment '.' or '..'";
	if (what == NULL)
		return 0;
	return err_set(e, ERR_INPUT, "pattern '%.*s': %s at character %zu",
		       STR_ARG(str_first(g->pattern, 200)), what, near + 1);
}

static int cut_segments(struct alternative *out, struct glob *g, struct row row, struct err *e)
{
	size_t n = 1;
	for (size_t i = 0; i < row.n; i++)
		n += kind_at(g, row, i) == TOKEN_SLASH;
	struct segment *segments = arena_array(&g->arena, n, sizeof *segments);
	if (segments == NULL)
		return arena_err(&g->arena, e);
	size_t start = 0;
	for (size_t s = 0; s < n; s++) {
		size_t end = start;
		while (end < row.n && kind_at(g, row, end) != TOKEN_SLASH)
			end++;
		if (check_segment(g, row, start, end - start, e) != 0)
			return -1;
		segments[s].row = (struct row){ row.p + start, end - start };
		segments[s].any_depth = is_any_depth(g, segments[s].row);
		start = end + 1;
	}
	*out = (struct alternative){ segments, n };
	return 0;
}

/* --- compiling: the literal prefix --- */

/* Whether two literal segments say the same. */
static int same_text(const struct glob *g, struct row a, struct row b)
{
	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		if (g->tokens[a.p[i]].cp != g->tokens[b.p[i]].cp)
			return 0;
	}
	return 1;
}

static char *encode(char *p, uint32_t cp)
{
	if (cp < 0x80) {
		*p++ = (char)cp;
		return p;
	}
	if (cp < 0x800) {
		*p++ = (char)(0xc0U | cp >> 6);
	} else if (cp < 0x10000) {
		*p++ = (char)(0xe0U | cp >> 12);
		*p++ = (char)(0x80U | (cp >> 6 & 0x3fU));
	} else {
		*p++ = (char)(0xf0U | cp >> 18);
		*p++ = (char)(0x80U | (cp >> 12 & 0x3fU));
		*p++ = (char)(0x80U | (cp >> 6 & 0x3fU));
	}
	*p++ = (char)(0x80U | (cp & 0x3fU));
	return p;
}

/* How many leading directories all alternatives share literally; the last segment is the file. */
static size_t shared_segments(const struct glob *g)
{
	const struct alternative *first = &g->alternatives[0];
	size_t n = 0;
	while (n + 1 < first->n && is_literal(g, first->segments[n].row))
		n++;
	for (size_t i = 1; i < g->n_alternatives; i++) {
		const struct alternative *a = &g->alternatives[i];
		size_t same = 0;
		while (same < n && same + 1 < a->n && is_literal(g, a->segments[same].row) &&
		       same_text(g, a->segments[same].row, first->segments[same].row))
			same++;
		n = same;
	}
	return n;
}

static int set_prefix(struct glob *g, struct err *e)
{
	size_t n = shared_segments(g);
	/* The text of tokens is never longer than the pattern. */
	char *text = arena_alloc(&g->arena, g->pattern.n + 1);
	if (text == NULL)
		return arena_err(&g->arena, e);
	char *p = text;
	for (size_t s = 0; s < n; s++) {
		struct row row = g->alternatives[0].segments[s].row;
		if (s > 0)
			*p++ = '/';
		for (size_t i = 0; i < row.n; i++)
			p = encode(p, g->tokens[row.p[i]].cp);
	}
	g->prefix = (struct str){ text, (size_t)(p - text) };
	return 0;
}

static int compile(struct glob *g, struct str pattern, struct err *e)
{
	g->pattern = arena_str(&g->arena, pattern);
	if (g->pattern.p == NULL)
		return arena_err(&g->arena, e);
	struct rows rows = { .n = 0 };
	if (tokenise(g, e) != 0 || expand(&rows, g, e) != 0)
		return -1;
	g->alternatives = arena_array(&g->arena, rows.n, sizeof *g->alternatives);
	if (g->alternatives == NULL)
		return arena_err(&g->arena, e);
	for (size_t i = 0; i < rows.n; i++) {
		if (cut_segments(&g->alternatives[i], g, rows.row[i], e) != 0)
			return -1;
	}
	g->n_alternatives = rows.n;
	return set_prefix(g, e);
}

int glob_compile(struct glob **out, struct str pattern, struct err *e)
{
	if (pattern.n == 0)
		return err_set(e, ERR_INPUT, "the pattern is empty");
	if (pattern.n > GLOB_MAX)
		return err_set(e, ERR_INPUT, "the pattern is longer than %d bytes", GLOB_MAX);
	if (!str_is_utf8(pattern) || memchr(pattern.p, '\0', pattern.n) != NULL)
		return err_set(e, ERR_INPUT, "the pattern is not UTF-8 text");
	AUTO(glob) struct glob *g = mem_array(1, sizeof *g);
	if (g == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	arena_init(&g->arena, GLOB_MEMORY_MAX);
	if (compile(g, pattern, e) != 0)
		return -1;
	*out = TAKE(g);
	return 0;
}
