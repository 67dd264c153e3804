/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_PUSHER_H
#define HOOKS_PUSHER_H

#include "base/arena.h"
#include "base/str.h"

/*
 * Who pushed, as the git server says it in the environment of its hooks. The names are the
 * servers': Gitea GITEA_PUSHER_*, GitLab GL_ID and GL_USERNAME, gitolite GL_USER, git http-backend
 * REMOTE_USER; without any of them the Unix user. None of it is proof: whoever runs the server's
 * hooks can write it.
 */
enum { PUSHER_TEXT_MAX = 256 }; /* bytes of a value; longer ones are cut */

struct pusher {
	const char *source; /* "gitea", "gitlab", "gitolite", "http", "unix" */
	struct str id;      /* the server's own: "7", "user-7", "key-3"; absent: it gives none */
	struct str login;   /* absent when there is not even a Unix user's name */
	struct str email;   /* absent: not told */
};

/* The value of a variable, or NULL. */
typedef const char *(*pusher_get_fn)(const char *name);

/* From the variables that `get` gives; `unix_user` is the last resort. Values are cleaned (control
 * bytes, bad UTF-8) and cut into `arena`. */
void pusher_read(struct pusher *out, pusher_get_fn get, struct str unix_user, struct arena *arena);

/* pusher_read of this process: its environment and its user. */
void pusher_of_process(struct pusher *out, struct arena *arena);

#endif
