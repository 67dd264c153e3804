/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request, parsed in place as libmicrohttpd 0.9.75 does, with all that it forgives.
 * What the two checks let pass must be a head that a strict reader of the raw bytes takes too.
 */

#include "receiver/http_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_TRIED = 32 * 1024 };

/* The library's view of a head, and what must be freed. */
struct parsed {
	struct http_head head;
	struct header headers[REQUEST_HEADERS_MAX + 1];
	char *moved[REQUEST_HEADERS_MAX + 1]; /* names of folded headers */
	size_t n_moved;
	size_t end; /* of the head in the bytes */
};

/* The next line, its end overwritten; NULL when there is none. */
static char *next_line(char *text, size_t n, size_t *at)
{
	char *line = text + *at;
	for (size_t i = *at; i < n; i++) {
		if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
			text[i++] = '\0';
		else if (text[i] != '\n')
			continue;
		text[i] = '\0';
		*at = i + 1;
		return line;
	}
	return NULL;
}

static int parse_request_line(struct parsed *p, char *line, size_t n)
{
	char *blank = memchr(line, ' ', n);
	if (blank == NULL)
		return -1;
	*blank = '\0';
	char *target = blank + 1;
	while (target < line + n && *target == ' ')
		target++;
	if (target == line + n)
		return -1;
	char *version = line + n - 1;
	while (version > target && *version == ' ')
		version--;
	while (version > target && *version != ' ')
		version--;
	if (version == target)
		return -1;
	*version = '\0';
	p->head.method = str_of(line);
	p->head.target = str_of(target);
	p->head.version = str_of(version + 1);
	return 0;
}

/* A continued line: the library glues it to the name, in new memory. */
static int parse_fold(struct parsed *p, const char *line)
{
	if (p->head.n_headers == 0)
		return -1;
	struct header *h = &p->headers[p->head.n_headers - 1];
	while (*line == ' ' || *line == '\t')
		line++;
	size_t n = h->name.n + strlen(line) + 1;
	char *name = malloc(n);
	assert(name != NULL);
	memcpy(name, h->name.p, h->name.n);
	memcpy(name + h->name.n, line, strlen(line) + 1);
	h->name = str_of(name);
	assert(p->n_moved <= REQUEST_HEADERS_MAX);
	p->moved[p->n_moved++] = name;
	return 0;
}

static int parse_header(struct parsed *p, char *line)
{
	char *colon = strchr(line, ':');
	if (colon == NULL || p->head.n_headers > REQUEST_HEADERS_MAX)
		return -1;
	*colon++ = '\0';
	while (*colon == ' ' || *colon == '\t')
		colon++;
	p->headers[p->head.n_headers++] = (struct header){ str_of(line), str_of(colon) };
	return 0;
}

static int parse(struct parsed *p, char *text, size_t n)
{
	size_t at = 0;
	char *line = next_line(text, n, &at);
	while (line != NULL && *line == '\0')
		line = next_line(text, n, &at);
	if (line == NULL || parse_request_line(p, line, strlen(line)) != 0)
		return -1;
	while ((line = next_line(text, n, &at)) != NULL) {
		int folded = *line == ' ' || *line == '\t';
		if (*line == '\0') {
			p->end = at;
			p->head.size = (size_t)(text + at - p->head.method.p);
			return 0;
		}
		if (folded && p->n_moved > REQUEST_HEADERS_MAX)
			return -1;
		if ((folded && p->head.n_headers > 0 ? parse_fold(p, line)
						     : parse_header(p, line)) != 0)
			return -1;
	}
	return -1;
}

static int is_end(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

/*
 * The raw bytes of a head that passed: two blanks before the version, no folded line, and ends of
 * lines that are as long as CR LF (or CR LF CR LF at the end), though a NUL may stand for one of
 * their bytes, as the header says.
 */
static void check_strictly(const char *raw, size_t begin, size_t end)
{
	size_t blanks = 0, run = 0;
	int first_line = 1;
	for (size_t i = begin; i < end; i++) {
		if (is_end(raw[i])) {
			run++;
			first_line = 0;
			continue;
		}
		assert(run == 0 || run == 2);
		assert(run == 0 || (raw[i] != ' ' && raw[i] != '\t'));
		run = 0;
		blanks += first_line && raw[i] == ' ';
	}
	assert(run == 4);
	assert(blanks == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIZE_MAX_TRIED)
		return 0;
	char *text = malloc(size + 1), *raw = malloc(size + 1);
	assert(text != NULL && raw != NULL);
	if (size > 0) {
		memcpy(text, data, size);
		memcpy(raw, data, size);
	}
	static struct parsed p;
	p = (struct parsed){ .end = 0 };
	p.head.headers = p.headers;
	struct http_framing framing = { .chunked = 0 };
	struct err e = { .code = ERR_NONE };
	if (parse(&p, text, size) == 0 && http_check(&framing, &p.head, &e) == 0 &&
	    http_check_layout(&p.head, &e) == 0)
		check_strictly(raw, p.end - p.head.size, p.end);
	else
		assert(e.code == ERR_NONE || e.code == ERR_INPUT);
	for (size_t i = 0; i < p.n_moved; i++)
		free(p.moved[i]);
	free(text);
	free(raw);
	return 0;
}
