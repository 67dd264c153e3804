/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary tables of a script that runs statement by statement. They are lost with their session,
 * and behind one there may be a real table of its name: whoever goes on in another session must not
 * meet that one instead.
 */

#include "release/script.h"

#include <string.h>

enum { NAMES_MAX = 64, NAME_MAX = 256 };

/* Move *rest behind the next word, which ends at a blank or a parenthesis. */
static struct str take_word(struct str *rest)
{
	size_t n = 0;
	while (rest->n > 0 && strchr(" \t\r\n\f\v(", rest->p[0]) != NULL)
		*rest = str_from(*rest, 1);
	while (n < rest->n && strchr(" \t\r\n\f\v(", rest->p[n]) == NULL)
		n++;
	struct str word = str_first(*rest, n);
	*rest = str_from(*rest, n);
	return word;
}

static int is_one_of(struct str word, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (str_eq_nocase(word, str_of(*words)))
			return 1;
	}
	return 0;
}

/* The last part of a name, without quotes. */
static struct str plain(struct str name)
{
	struct str last = str_from(name, str_find_last(name, '.'));
	last = last.n > 0 ? str_from(last, 1) : name;
	while (last.n > 0 && strchr("\"`[", last.p[0]) != NULL)
		last = str_from(last, 1);
	while (last.n > 0 && strchr("\"`]", last.p[last.n - 1]) != NULL)
		last.n--;
	return last;
}

static int is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* Whether the name stands in the text, not as a part of another one. */
static int names(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++) {
		struct str rest = str_from(text, i);
		if (str_eq_nocase(str_first(rest, name.n), name) &&
		    (i == 0 || !is_word_char(text.p[i - 1])) &&
		    (rest.n == name.n || !is_word_char(rest.p[name.n])))
			return 1;
	}
	return 0;
}

/* The name of the temporary table or view that a statement makes; absent: it makes none. */
static struct str made_by(struct str text)
{
	static const char *const before[] = { "or",    "replace",   "global",
					      "local", "recursive", "unlogged",
					      "temp",  "temporary", NULL };
	static const char *const temps[] = { "temp", "temporary", NULL };
	static const char *const kinds[] = { "table", "view", "sequence", NULL };
	static const char *const between[] = { "if", "not", "exists", NULL };
	struct str rest = text;
	int temp = 0;
	if (!str_eq_nocase(take_word(&rest), STR("create")) || names(rest, STR("on commit drop")))
		return STR_NULL;
	struct str word = take_word(&rest);
	for (; is_one_of(word, before); word = take_word(&rest))
		temp |= is_one_of(word, temps);
	if (!is_one_of(word, kinds))
		return STR_NULL;
	do {
		word = take_word(&rest);
	} while (is_one_of(word, between));
	struct str schema = STR("pg_temp.");
	temp |= str_eq_nocase(str_first(word, schema.n), schema);
	word = plain(word);
	return temp && word.n > 0 && word.n <= NAME_MAX ? word : STR_NULL;
}

/* The first statement from number `from` on that names it; 0: none does. */
static size_t used_at(const struct script *script, size_t from, struct str name)
{
	for (size_t i = from; i <= script->n; i++) {
		if (names(script->statements[i - 1].text, name))
			return i;
	}
	return 0;
}

size_t script_lost_at(size_t *used, const struct script *script, size_t from)
{
	size_t found = 0;
	for (size_t i = 1; i < from && i <= script->n; i++) {
		struct str name = made_by(script->statements[i - 1].text);
		if (name.p == NULL)
			continue;
		/* So many that looking for each would take long are taken to be used. */
		*used = ++found > NAMES_MAX ? from : used_at(script, from, name);
		if (*used != 0 && *used <= script->n)
			return i;
	}
	return 0;
}
