/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the lines that git gives a post-receive hook. Pure: no file, no environment. */

#include "hooks/post_receive.h"

#include <string.h>

void post_receive_init(struct post_receive *p, struct str branch)
{
	memset(p, 0, sizeof *p);
	p->branch = branch;
}

/* The digits of both formats; nothing in between. */
static int is_oid(struct str s)
{
	if (s.n != 40 && s.n != POST_RECEIVE_OID_MAX)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return 0;
	}
	return 1;
}

static int is_ref(struct str s)
{
	if (!str_starts(s, STR("refs/")) || str_has_control(s))
		return 0;
	return str_find(s, ' ') == s.n;
}

int post_receive_line(struct post_receive_change *out, struct str *ref, struct str line)
{
	size_t first = str_find(line, ' ');
	struct str rest = str_from(line, first + 1);
	size_t second = str_find(rest, ' ');
	struct str before = str_first(line, first);
	struct str after = str_first(rest, second);
	struct str name = str_from(rest, second + 1);
	if (!is_oid(before) || !is_oid(after) || before.n != after.n || !is_ref(name))
		return -1;
	memset(out, 0, sizeof *out);
	memcpy(out->before, before.p, before.n);
	memcpy(out->after, after.p, after.n);
	*ref = name;
	return 0;
}

static int is_branch(struct str ref, struct str branch)
{
	struct str heads = STR("refs/heads/");
	return str_starts(ref, heads) && str_eq(str_from(ref, heads.n), branch);
}

static void take_line(struct post_receive *p)
{
	struct post_receive_change change;
	struct str ref;
	if (p->too_long || post_receive_line(&change, &ref, (struct str){ p->line, p->n }) != 0) {
		p->malformed++;
		return;
	}
	p->refs++;
	p->sha256 += strlen(change.after) == POST_RECEIVE_OID_MAX;
	if (!is_branch(ref, p->branch))
		return;
	p->found = 1;
	p->change = change;
}

static void end_line(struct post_receive *p)
{
	take_line(p);
	p->n = 0;
	p->too_long = 0;
}

void post_receive_feed(struct post_receive *p, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] == '\n')
			end_line(p);
		else if (p->n < sizeof p->line)
			p->line[p->n++] = bytes.p[i];
		else
			p->too_long = 1;
	}
}

void post_receive_end(struct post_receive *p)
{
	if (p->n > 0)
		end_line(p);
}
