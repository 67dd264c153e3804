/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pushed. This is the one file of the hooks that reads the environment: git servers tell it
 * nowhere else. What it reads is never passed on to another process.
 */

#include "hooks/pusher.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* A value as text of ours: cut at a character's end, control bytes replaced, bad UTF-8 too. */
static struct str clean(const char *value, struct arena *arena)
{
	struct str rest = str_trim(str_of(value));
	char *text = rest.n > 0 ? arena_alloc(arena, PUSHER_TEXT_MAX) : NULL;
	size_t n = 0;
	if (text == NULL)
		return STR_NULL;
	while (rest.n > 0) {
		size_t take = str_utf8_len(rest);
		size_t step = take > 0 ? take : 1;
		if (n + step > PUSHER_TEXT_MAX)
			break;
		for (size_t i = 0; i < step; i++) {
			unsigned char c = (unsigned char)rest.p[i];
			text[n++] = take == 0 || c < ' ' || c == 0x7f ? '?' : rest.p[i];
		}
		rest = str_from(rest, step);
	}
	return (struct str){ text, n };
}

void pusher_read(struct pusher *out, pusher_get_fn get, struct str unix_user, struct arena *arena)
{
	struct pusher p = { .source = "gitea" };
	p.login = clean(get("GITEA_PUSHER_NAME"), arena);
	p.id = clean(get("GITEA_PUSHER_ID"), arena);
	p.email = clean(get("GITEA_PUSHER_EMAIL"), arena);
	if (p.login.n == 0 && p.id.n == 0) {
		p = (struct pusher){ .source = "gitlab" };
		p.login = clean(get("GL_USERNAME"), arena);
		p.id = clean(get("GL_ID"), arena);
	}
	/* gitolite's variable has GitLab's prefix. */
	if (p.login.n == 0 && p.id.n == 0)
		p = (struct pusher){ .source = "gitolite", .login = clean(get("GL_USER"), arena) };
	if (p.login.n == 0 && p.id.n == 0)
		p = (struct pusher){ .source = "http", .login = clean(get("REMOTE_USER"), arena) };
	if (p.login.n == 0 && p.id.n == 0)
		p = (struct pusher){ .source = "unix", .login = unix_user };
	/* A deploy key has an id alone. */
	if (p.login.n == 0 && p.id.n > 0)
		p.login = p.id;
	*out = p;
}

static const char *of_process(const char *name)
{
	return getenv(name);
}

void pusher_of_process(struct pusher *out, struct arena *arena)
{
	char room[4096];
	struct passwd entry, *found = NULL;
	struct str user;
	if (getpwuid_r(getuid(), &entry, room, sizeof room, &found) == 0 && found != NULL)
		user = clean(entry.pw_name, arena);
	else
		user = str_of(arena_printf(arena, "uid %lu", (unsigned long)getuid()));
	pusher_read(out, of_process, user, arena);
}
