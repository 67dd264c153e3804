/* SPDX-License-Identifier: Apache-2.0 */
/* What git's complaints mean (its texts in the C locale), and what of them may be shown. */

#include "base/buf.h"
#include "vcs/repo_impl.h"

#include <string.h>

enum meaning {
	MEANS_BRANCH_GONE,
	MEANS_REPOSITORY_GONE,
	MEANS_AUTH,
	MEANS_REDIRECT,
	MEANS_FOREIGN_OWNER,
	MEANS_SHA256,
	MEANS_UNSUPPORTED,
	MEANS_DISK,
	MEANS_DAMAGED,
	MEANS_UNREACHABLE,
};

/* The first row that occurs decides; what may contain the words of another stands before it. */
static const struct {
	const char *text;
	enum meaning meaning;
} rows[] = {
	{ "couldn't find remote ref", MEANS_BRANCH_GONE },
	{ "mismatched algorithms", MEANS_SHA256 },
	{ "dubious ownership", MEANS_FOREIGN_OWNER },
	{ "No space left on device", MEANS_DISK },
	{ "Disk quota exceeded", MEANS_DISK },
	{ "could not read Username", MEANS_AUTH },
	{ "could not read Password", MEANS_AUTH },
	{ "Authentication failed", MEANS_AUTH },
	{ "HTTP Basic: Access denied", MEANS_AUTH },
	{ "Permission denied (", MEANS_AUTH },
	{ "Host key verification failed", MEANS_AUTH },
	{ "Too many authentication failures", MEANS_AUTH },
	{ "returned error: 401", MEANS_AUTH },
	{ "returned error: 403", MEANS_AUTH },
	{ "returned error: 30", MEANS_REDIRECT },
	{ "returned error: 404", MEANS_REPOSITORY_GONE },
	{ "Repository not found", MEANS_REPOSITORY_GONE },
	{ "' not found", MEANS_REPOSITORY_GONE },
	{ "does not appear to be a git repository", MEANS_REPOSITORY_GONE },
	{ "Could not resolve host", MEANS_UNREACHABLE },
	{ "Failed to connect", MEANS_UNREACHABLE },
	{ "Could not read from remote repository", MEANS_UNREACHABLE },
	{ "remote: fatal: ", MEANS_UNREACHABLE },
	{ "remote: error: ", MEANS_UNREACHABLE },
	{ "fsck error", MEANS_UNSUPPORTED },
	{ "repository is shallow", MEANS_UNSUPPORTED },
	{ "shallow update not allowed", MEANS_UNSUPPORTED },
	{ "dumb http transport", MEANS_UNSUPPORTED },
	{ "' not allowed", MEANS_UNSUPPORTED },
	{ "not a git repository", MEANS_DAMAGED },
	{ "bad object", MEANS_DAMAGED },
	{ "is corrupt", MEANS_DAMAGED },
	{ "is empty", MEANS_DAMAGED },
	{ "is far too short", MEANS_DAMAGED },
	{ "inflate: data stream error", MEANS_DAMAGED },
	{ "unable to parse object", MEANS_DAMAGED },
	{ "unable to unpack", MEANS_DAMAGED },
	{ "index unavailable", MEANS_DAMAGED },
	{ "bad signature", MEANS_DAMAGED },
	{ "wrong index", MEANS_DAMAGED },
	{ "cannot be read", MEANS_DAMAGED },
	{ "did not send all necessary objects", MEANS_DAMAGED },
	{ "unresolved delta", MEANS_DAMAGED },
	{ "bad config", MEANS_DAMAGED },
	{ "Could not read ", MEANS_DAMAGED },
};

static int contains(struct str text, const char *what)
{
	const struct str part = str_of(what);
	for (size_t i = 0; i + part.n <= text.n; i++) {
		if (memcmp(text.p + i, part.p, part.n) == 0)
			return 1;
	}
	return 0;
}

static enum meaning meaning_of(struct str complaint)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (contains(complaint, rows[i].text))
			return rows[i].meaning;
	}
	return MEANS_UNREACHABLE;
}

/* Lines that only say that another one said why. */
static int says_nothing(struct str line)
{
	static const char *const empty[] = {
		"Could not read from remote repository",
		"Please make sure you have the correct access rights",
		"and the repository exists",
		"the remote end hung up unexpectedly",
		"invalid index-pack output",
		"early EOF",
		"git config --global --add safe.directory",
		"To add an exception for this directory, call:",
		"pack-objects died",
		"aborting due to possible repository corruption",
	};
	if (str_trim(line).n == 0)
		return 1;
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		if (contains(line, empty[i]))
			return 1;
	}
	return 0;
}

/* The last line that says something, without "fatal: ". */
static struct str telling_line(struct str complaint)
{
	static const char *const heads[] = { "fatal: ", "error: ", "remote: ", "ERROR: " };
	struct str line, best = STR("git said nothing");
	while (str_split(&line, &complaint, '\n')) {
		/* A hint behind the reason is no reason. */
		if (!says_nothing(line) && !str_starts(line, STR("hint: ")))
			best = line;
	}
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		if (str_starts(best, str_of(heads[i])))
			best = str_from(best, strlen(heads[i]));
	}
	return str_trim(best);
}

/* The text with each of `words` in it replaced by `by`. */
static void add_without(struct buf *out, struct str text, const struct str words[2], const char *by)
{
	while (text.n > 0) {
		size_t n = 0;
		for (int i = 0; i < 2; i++) {
			if (words[i].n > n && str_starts(text, words[i]))
				n = words[i].n;
		}
		if (n > 0)
			buf_adds(out, by);
		else
			buf_addc(out, text.p[0]);
		text = str_from(text, n > 0 ? n : 1);
	}
}

static int report(enum meaning meaning, const char *url, const char *line,
		  const struct repo_remote *remote, struct err *e)
{
	switch (meaning) {
	case MEANS_BRANCH_GONE:
		return err_set(e, ERR_NOTFOUND, "branch '%.*s' does not exist at '%s'",
			       STR_ARG(remote->branch), url);
	case MEANS_REPOSITORY_GONE:
		return err_set(e, ERR_NOTFOUND,
			       "no repository at '%s', or none that these credentials may see: %s",
			       url, line);
	case MEANS_AUTH:
		return err_set(e, ERR_AUTH, "'%s' refuses us (see credentials): %.200s", url, line);
	case MEANS_REDIRECT:
		return err_set(e, ERR_REFUSED,
			       "'%s' redirects, which is not followed (write the new address in "
			       "clone_url): %s",
			       url, line);
	case MEANS_FOREIGN_OWNER:
		return err_set(e, ERR_REFUSED,
			       "the repository '%s' belongs to another user (run as its owner, or "
			       "fetch over ssh or https): %s",
			       url, line);
	case MEANS_SHA256:
		return err_set(e, ERR_REFUSED,
			       "'%s' names objects by SHA-256, which is not supported (use a SHA-1 "
			       "repository): %s",
			       url, line);
	case MEANS_UNSUPPORTED:
		return err_set(e, ERR_REFUSED, "'%s' cannot be taken: %s", url, line);
	case MEANS_DISK:
	case MEANS_DAMAGED:
		return err_set(e, ERR_SYS, "cannot write the mirror of '%s': %s", url, line);
	case MEANS_UNREACHABLE:
		break;
	}
	return err_set(e, ERR_UNAVAILABLE, "cannot fetch '%s': %s", url, line);
}

enum repo_verdict repo_classify(struct str complaint, const struct repo_remote *remote,
				const struct str secrets[2], struct err *e)
{
	AUTO(buf) struct buf line, bare;
	char url[201];
	const struct str shown = str_first(remote->url, sizeof url - 1);
	/* A url or a branch may be called anything, "is-empty" too. */
	const struct str names[2] = { remote->url, remote->branch };
	memcpy(url, shown.p, shown.n);
	url[shown.n] = '\0';
	buf_init(&line, (size_t)3 * REPO_CHILD_TEXT);
	buf_init(&bare, REPO_CHILD_TEXT);
	add_without(&line, telling_line(complaint), secrets, "***");
	add_without(&bare, complaint, names, "");
	const enum meaning meaning = meaning_of(buf_str(&bare));
	(void)report(meaning, url, line.p, remote, e);
	if (meaning == MEANS_BRANCH_GONE)
		return REPO_VERDICT_BRANCH_GONE;
	return meaning == MEANS_DAMAGED ? REPO_VERDICT_DAMAGED : REPO_VERDICT_OTHER;
}
