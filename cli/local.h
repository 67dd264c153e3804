/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "cli/app.h"
#include "release/manifest.h"
#include "vcs/checkout.h"

/*
 * What `check` and `rollout` work on without a server: the migrations of a checkout, and the
 * configured databases that they are for.
 */
struct local {
	const struct conf_project *project;
	const struct conf_repository *repository; /* NULL: none is meant */
	struct str pattern;
	struct str group;    /* projects/P/databaseGroups/G that was named; absent: none */
	struct str *targets; /* of a group: after local_resolve */
	size_t n_targets;
	struct checkout checkout;
	struct checkout_commit commit;
	struct manifest manifest;
};

/* The options that both commands share; the rest of a table ends with LOCAL_OPTIONS_END. */
#define LOCAL_OPTIONS                                                                              \
	{ "--local", 0, OPTION_FLAG, NULL,                                                         \
	  "work on the files here and the configured databases; the default without --url" },      \
	    { "--file-pattern", 0, OPTION_ONE, "GLOB",                                             \
	      "the migrations, below the current directory; default: the repository's "            \
	      "file_pattern" },                                                                    \
	    { "--targets", 0, OPTION_MANY, "TARGET,...",                                           \
	      "instances/I/databases/D, or one projects/P/databaseGroups/G; default: those of "    \
	      "the "                                                                               \
	      "repository" },                                                                      \
	    { "--project", 0, OPTION_ONE, "ID", "the project, where several are configured" },     \
	    { "--output", 0, OPTION_ONE, "FILE",                                                   \
	      "write the names of what was made, and the findings, as JSON" },                     \
	    { "--url", 0, OPTION_ONE, "URL", "of a server: not in this version" },                 \
	    { "--timeout", 0, OPTION_ONE, "TIME",                                                  \
	      "check: look at databases for so long; default 2m, 0 is without end" },              \
	    { "--service-account", 0, OPTION_ONE, "NAME", "for a server" },                        \
	    { "--service-account-secret", 0, OPTION_ONE, "SECRET", "for a server" },               \
	    { "--access-token", 0, OPTION_ONE, "TOKEN", "for a server" },                          \
	    { "--custom-header", 0, OPTION_MANY, "HEADER", "for a server" },                       \
	{                                                                                          \
		"--declarative", 0, OPTION_FLAG, NULL, "not in this version"                       \
	}

/* Whether the options ask for what works without a server. EXIT_DONE, or an exit code after a
 * message. */
int local_options_check(const struct app *app, const struct options *given) MUST_CHECK;

/* Find out which project, repository and databases are meant: the configuration is opened. With
 * `need_targets` 0 there may be none. EXIT_DONE, or an exit code after a message. */
int local_scope(struct local *out, struct app *app, const struct options *given,
		int need_targets) MUST_CHECK;

/* Read the files; what is left out is told. repo_library_init comes first. EXIT_DONE, or an exit
 * code after a message. */
int local_read(struct local *l, struct app *app) MUST_CHECK;

/* The content of a file of the manifest. */
struct str local_content(const struct local *l, const struct migration *file);

/*
 * Load the passwords of the databases that are meant, and ask the instances of a group which they
 * have. EXIT_DONE, or an exit code after a message.
 */
int local_resolve(struct local *l, struct app *app) MUST_CHECK;

/* The same without asking anybody: of a group, a target that stands for all databases, for
 * each of its instances. */
int local_resolve_offline(struct local *l, struct app *app) MUST_CHECK;

#endif
