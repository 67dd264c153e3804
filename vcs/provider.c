/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of providers, and what all of them need: headers of a request, the JSON of its body,
 * and the forms of commit ids and branch names that may go to git.
 */

#include "vcs/provider.h"

static const struct provider *const providers[] = {
	&provider_github, &provider_gitlab, &provider_bitbucket, &provider_bitbucket_server,
	&provider_azure,  &provider_gitea,  &provider_git,       NULL,
};

const struct provider *const *provider_all(void)
{
	return providers;
}

const struct provider *provider_find(struct str name)
{
	for (size_t i = 0; providers[i] != NULL; i++) {
		if (str_eq_cstr(name, providers[i]->name))
			return providers[i];
	}
	return NULL;
}

int request_header(struct str *out, const struct request *r, const char *name, struct err *e)
{
	struct str value = STR_NULL;
	int seen = 0;
	for (size_t i = 0; i < r->n_headers; i++) {
		if (!str_eq_nocase(r->headers[i].name, str_of(name)))
			continue;
		if (seen)
			return err_set(e, ERR_INPUT, "header '%s' is there twice", name);
		seen = 1;
		value = r->headers[i].value.p != NULL ? r->headers[i].value : STR("");
	}
	*out = value;
	return 0;
}

/* --- the JSON of a body --- */

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

/* One name or value of a form (WHATWG URL, application/x-www-form-urlencoded), but strict. */
static int form_decode(struct str *out, struct str coded, struct arena *arena, struct err *e)
{
	char *text = arena_alloc(arena, coded.n + 1);
	if (text == NULL)
		return arena_err(arena, e);
	size_t n = 0;
	for (size_t i = 0; i < coded.n; i++) {
		char c = coded.p[i];
		if (c == '+')
			c = ' ';
		if (c == '%') {
			int high = coded.n - i > 2 ? hex_digit(coded.p[i + 1]) : -1;
			int low = coded.n - i > 2 ? hex_digit(coded.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return err_set(e, ERR_INPUT,
					       "the form holds a '%%' without two hexadecimal "
					       "digits behind it");
			c = (char)(unsigned char)(high * 16 + low);
			i += 2;
		}
		text[n++] = c;
	}
	*out = (struct str){ text, n };
	return 0;
}

/*
 * The longest name worth decoding: each byte of "payload" written as %XX. A longer one is another
 * field, and not decoding it keeps a body of nothing but names from filling the arena.
 */
enum { PAYLOAD_NAME_CODED_MAX = 3 * 7 };

static int form_payload(struct str *out, struct str body, struct arena *arena, struct err *e)
{
	struct str coded = STR_NULL;
	struct str field;
	while (str_split(&field, &body, '&')) {
		size_t eq = str_find(field, '=');
		struct str name = str_first(field, eq);
		if (eq > PAYLOAD_NAME_CODED_MAX)
			continue;
		if (form_decode(&name, name, arena, e) != 0)
			return -1;
		if (!str_eq_cstr(name, "payload"))
			continue;
		if (coded.p != NULL)
			return err_set(e, ERR_INPUT, "the form has the field 'payload' twice");
		if (eq == field.n)
			return err_set(e, ERR_INPUT, "the form's field 'payload' has no value");
		coded = str_from(field, eq + 1);
	}
	if (coded.p == NULL)
		return err_set(e, ERR_INPUT, "the form has no field 'payload'");
	return form_decode(out, coded, arena, e);
}

int request_json_text(struct str *out, const struct request *r, struct arena *arena, struct err *e)
{
	struct str type = STR_NULL;
	if (request_header(&type, r, "Content-Type", e) != 0)
		return -1;
	type = str_trim(str_first(type, str_find(type, ';')));
	int is_form = str_eq_nocase(type, STR("application/x-www-form-urlencoded"));
	/* A body that is replayed from a file has no headers: no JSON starts like this. */
	if (type.p == NULL)
		is_form = str_starts(r->body, STR("payload="));
	else if (!is_form && !str_eq_nocase(type, STR("application/json")))
		return err_set(e, ERR_INPUT,
			       "content type '%.*s' is not supported (set the webhook to "
			       "application/json)",
			       STR_ARG(str_first(type, 100)));
	if (is_form)
		return form_payload(out, r->body, arena, e);
	*out = r->body;
	return 0;
}

/* --- names for git --- */

int oid_is_zero(struct str oid)
{
	for (size_t i = 0; i < oid.n; i++) {
		if (oid.p[i] != '0')
			return 0;
	}
	return oid.n > 0;
}

int oid_is_valid(struct str oid)
{
	if (oid.n != 40 || oid_is_zero(oid))
		return 0;
	for (size_t i = 0; i < oid.n; i++) {
		char c = oid.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return 0;
	}
	return 1;
}

static int branch_byte_is_valid(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && str_find(STR("~^:?*[\\"), c) == 7;
}

int branch_is_valid(struct str branch)
{
	if (branch.n == 0 || branch.n > 255 || branch.p[0] == '-' || str_eq_cstr(branch, "@"))
		return 0;
	for (size_t i = 0; i < branch.n; i++) {
		char next = i + 1 < branch.n ? branch.p[i + 1] : '\0';
		if (!branch_byte_is_valid(branch.p[i]))
			return 0;
		if (branch.p[i] == '.' && next == '.')
			return 0;
		if (branch.p[i] == '@' && next == '{')
			return 0;
	}
	struct str part;
	while (str_split(&part, &branch, '/')) {
		if (part.n == 0 || part.p[0] == '.' || str_ends(part, STR(".lock")) ||
		    (branch.p == NULL && part.p[part.n - 1] == '.'))
			return 0;
	}
	return 1;
}
