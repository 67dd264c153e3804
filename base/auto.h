/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Locals that own something free themselves when they go out of scope:
 *
 *	AUTO(free) char *text = NULL;
 *	AUTO(close) int fd = -1;
 *
 * A module adds its own by AUTO_DEFINE(git_tree, git_tree *, git_tree_free) in its .c or header.
 * Ownership is given away by `return TAKE(p);`. Never jump over an AUTO variable.
 */
#define AUTO(name) __attribute__((cleanup(auto_##name)))

/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses */
#define AUTO_DEFINE(name, type, release)                                                           \
	static inline __attribute__((unused)) void auto_##name(type *p)                            \
	{                                                                                          \
		if (*p != NULL)                                                                    \
			release(*p);                                                               \
	}                                                                                          \
	struct auto_##name##_ends_with_semicolon

/* For objects that live in place: AUTO_DEFINE_INPLACE(buf, struct buf, buf_free). */
#define AUTO_DEFINE_INPLACE(name, type, release)                                                   \
	static inline __attribute__((unused)) void auto_##name(type *p)                            \
	{                                                                                          \
		release(p);                                                                        \
	}                                                                                          \
	struct auto_##name##_ends_with_semicolon
/* NOLINTEND(bugprone-macro-parentheses) */

static inline __attribute__((unused)) void auto_free(void *p)
{
	free(*(void **)p);
}

static inline __attribute__((unused)) void auto_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline __attribute__((unused)) void auto_fclose(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

/* Give up ownership: the value, with the variable set to NULL. */
#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})

#endif
