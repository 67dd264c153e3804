/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rule.h"
#include "base/secret.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The configuration file, read into structs that nobody changes afterwards. Every key is one row
 * of a table in conf_schema.c (name, type, place in the struct), so that the file's shape is data;
 * docs/configuration.md and deploy/tidegate.yaml have a line for each, which a test compares.
 */

/* A list of `n` elements of the type that the member's comment names. */
struct conf_list {
	void *items;
	size_t n;
};

/* A secret as the file names it ({env: NAME} or {file: PATH}) and, once loaded, its value. */
struct conf_secret {
	int line;
	struct str env;       /* absent when a file is named */
	struct str file;      /* absent when a variable is named */
	struct secret *value; /* NULL until conf_load_secrets; owned by the conf */
};

enum conf_rollout { CONF_ROLLOUT_MANUAL, CONF_ROLLOUT_AUTOMATIC };

/* What a rule of the review counts for in an environment. */
struct conf_rule {
	int line;
	struct str id; /* of base/rule.h */
	enum rule_level severity;
};

/* From which advice on a review keeps a plan from being rolled out in an environment. */
enum conf_fail_on { CONF_FAIL_ERROR, CONF_FAIL_WARNING, CONF_FAIL_NEVER };

struct conf_environment {
	int line;
	struct str id;
	enum conf_rollout rollout;    /* default manual */
	int64_t approvals;            /* people who must approve, 0..10, manual only; default 0 */
	struct conf_list approvers;   /* struct str: who may; empty: everybody */
	int author_may_approve;       /* the merge's author counts too; default 0 */
	struct conf_list batches;     /* struct str: cumulative shares (base/share.h); empty: one */
	int64_t batch_pause_ms;       /* between two batches; default 0 */
	struct str failure_threshold; /* a share: more failed stop the next batch; default "0" */
	struct conf_list windows;     /* struct str (base/window.h); empty: always */
	struct str timezone;          /* of the windows, IANA; default "UTC" */
	int64_t max_parallel;         /* tasks of one stage at a time, 1..256; default 8 */
	int64_t lock_timeout_ms;      /* a statement's wait for rows and tables; default 10 s */
	int64_t lock_retries;         /* after such a wait was in vain, 0..100; default 3 */
	int64_t lock_retry_delay_ms;  /* before the first, then twice as long; default 10 s */
	int64_t lock_wait_ms;         /* for the lock of another runner; default 60 s */
	int64_t statement_timeout_ms; /* one statement in a target; 0 = none; default 0 */
	struct conf_list rules;       /* struct conf_rule: others than the defaults */
	enum conf_fail_on fail_on;    /* default error */
};

/* One pair of a map of text to text. */
struct conf_label {
	struct str key;
	struct str value;
};

struct conf_instance {
	int line;
	struct str id;
	struct str environment;       /* its id; absent: its databases are of no stage */
	struct str url;               /* "sqlite:DIR", "postgresql://user@host:port?options" */
	struct conf_secret *password; /* NULL: none */
	struct conf_list databases;   /* struct str: names and patterns; empty allows each */
	int64_t max_parallel;         /* tasks on it at a time, 1..256; 0: no bound; default 0 */
	struct conf_list labels;      /* struct conf_label: for groups */
};

/* A rule that selects databases: what is given must all hold; an empty list lets each through. */
struct conf_group {
	int line;
	struct str id;
	struct conf_list environments; /* struct str: ids */
	struct conf_list instances;    /* struct str: ids and patterns of ids */
	struct conf_list databases;    /* struct str: names and patterns of names */
	struct conf_list exclude;      /* struct str: the same, or with a '/' of whole targets */
	struct conf_list labels;       /* struct conf_label: the instance has each of them */
};

struct conf_project {
	int line;
	struct str id;
	struct str title;          /* default: the id */
	int allow_out_of_order;    /* default 0 */
	int allow_edited;          /* default 0: an applied file whose content changed is refused */
	int allow_foreign_history; /* default 0: another tool's history without a ledger is refused
				    */
	struct str release_id_template;   /* default "release_{date}-RC{iteration}" */
	struct str release_id_timezone;   /* IANA; default "UTC" */
	struct conf_list database_groups; /* struct conf_group */
};

/* How the mirror of a repository is fetched. */
struct conf_credentials {
	struct str username;         /* for https with a token; default "x-access-token" */
	struct conf_secret *token;   /* https */
	struct conf_secret *ssh_key; /* ssh: a private key; only {file: PATH}; never loaded */
	struct str known_hosts;      /* ssh: path of the known_hosts file */
};

/* How the provider's API is asked for what its webhooks do not say. */
struct conf_api {
	struct str url;            /* absent: derived from clone_url by vcs/api.h */
	struct str username;       /* sent with the token by Basic; absent: as the provider does */
	struct conf_secret *token; /* NULL: asked without one */
	struct str ca_file;        /* PEM; absent: the system's */
	int64_t timeout_ms;        /* of one request; default 10 s */
};

enum conf_trigger { CONF_TRIGGER_MERGE, CONF_TRIGGER_PUSH };

struct conf_repository {
	int line;
	struct str id;
	struct str provider;  /* a name of the provider table */
	struct str full_name; /* "acme/app" */
	struct str clone_url; /* https://, http://, ssh://, git@host:path, file:// */
	struct conf_credentials *credentials; /* NULL: none */
	struct conf_list secrets;             /* struct conf_secret: at least one; none for "git" */
	struct str branch;                    /* bare name; default "main" */
	enum conf_trigger trigger;            /* default merge; of "git" always push */
	struct str file_pattern;              /* default: each .sql file below migrations/ */
	struct str project;                   /* a project's id */
	struct conf_list targets; /* struct str: instances/I/databases/D, or one group's name */
	struct str target_stage;  /* "environments/E"; absent: through the last stage */
	int64_t fetch_timeout_ms; /* default 120 s */
	struct conf_api *api;     /* NULL: it is not asked */
	struct conf_list repository_ids;   /* struct str: the provider's ids; empty: any */
	struct conf_list subscription_ids; /* struct str: of Azure's service hooks; empty: any */
};

/* What becomes of a merge whose author may be a person or a bot. */
enum conf_unknown { CONF_UNKNOWN_COUNT, CONF_UNKNOWN_HOLD };

/* Bounds of the listener. */
struct conf_limits {
	int64_t max_body_bytes;     /* default 26214400 (25 MiB) */
	int64_t max_connections;    /* default 512 */
	int64_t max_inflight_bytes; /* bodies in memory at once; default 268435456 */
	int64_t request_timeout_ms; /* from the first byte to the last; default 20 s */
	int64_t idle_timeout_ms;    /* a connection without a request; default 15 s */
};

struct conf {
	struct arena arena;       /* holds everything below */
	struct str path;          /* the file, as named */
	struct str listen;        /* "127.0.0.1:8420", "[::1]:8420" */
	struct str store;         /* path of the embedded store, or postgresql://... */
	struct str state_dir;     /* mirrors; default: the directory of the store */
	struct str external_url;  /* absent: none */
	int64_t user_limit;       /* 0 = none */
	struct conf_list bots;    /* struct str: logins that are no people, '*' is a wildcard */
	int64_t listener_threads; /* default 2 */
	int64_t workers;          /* deliveries at a time; default 1 */
	int64_t max_tasks;        /* databases at a time, of all stages, 1..1024; default 64 */
	int64_t drain_timeout_ms; /* at SIGTERM; default 30 s */
	struct str hook_socket;   /* of git hooks; default: hook.sock in state_dir */
	int64_t hook_wait_ms;     /* how long a hook keeps its pusher; default 30 s */
	enum conf_unknown unknown_authors; /* default count */
	struct conf_limits limits;
	struct conf_list environments; /* struct conf_environment, in stage order */
	struct conf_list instances;    /* struct conf_instance */
	struct conf_list projects;     /* struct conf_project */
	struct conf_list repositories; /* struct conf_repository */
};

/*
 * The file that is used: `given` (-c) if not NULL, else $TIDEGATE_CONFIG, else ./tidegate.yaml,
 * else /etc/tidegate/tidegate.yaml. ERR_NOTFOUND names the places that were tried. `*out` is for
 * free().
 */
int conf_find(char **out, const char *given, struct err *e) MUST_CHECK;

/*
 * Read and validate: unknown or repeated key, wrong type, bad range, missing reference, literal
 * secret, duplicate id, and a repository without a secret are ERR_INPUT with
 * "FILE:LINE:COLUMN: problem (expected ...)". Secrets are not read yet. The caller frees with
 * conf_free.
 */
int conf_load(struct conf **out, const char *path, struct err *e) MUST_CHECK;
/* The same for a text; `name` stands for the file in messages. */
int conf_parse(struct conf **out, struct str text, const char *name, struct err *e) MUST_CHECK;
void conf_free(struct conf *c);
AUTO_DEFINE(conf, struct conf *, conf_free);

/*
 * Read every secret that the file names, but ssh keys, which only git reads: those must be
 * readable. An error names file, line and which secret; the ones read before it stay.
 */
int conf_load_secrets(struct conf *c, struct err *e) MUST_CHECK;

/* The whole configuration with its defaults as YAML that conf_parse takes; no secret is in it, only
 * where each is found. */
int conf_show(struct buf *out, const struct conf *c, struct err *e) MUST_CHECK;

/* By id; NULL when there is none. */
const struct conf_environment *conf_environment(const struct conf *c, struct str id);
const struct conf_instance *conf_instance(const struct conf *c, struct str id);
const struct conf_project *conf_project(const struct conf *c, struct str id);
const struct conf_repository *conf_repository(const struct conf *c, struct str id);

/* A place in stage order, from 0; -1 for an unknown id. */
int conf_environment_position(const struct conf *c, struct str id);

/*
 * Split "instances/I/databases/D" into the instance and D. ERR_INPUT for another form,
 * ERR_NOTFOUND when there is no such instance or it does not list the database (by name, or by a
 * pattern with '*' and '?').
 */
int conf_target(const struct conf_instance **instance, struct str *database, const struct conf *c,
		struct str target, struct err *e) MUST_CHECK;

/* Whether the text is meant as the name of a group: "projects/...". */
int conf_target_is_group(struct str target);
/* Split "projects/P/databaseGroups/G". ERR_INPUT for another form, ERR_NOTFOUND when there is no
 * such project or group. */
int conf_group(const struct conf_project **project, const struct conf_group **group,
	       const struct conf *c, struct str name, struct err *e) MUST_CHECK;
/* Whether the group's rule lets databases of the instance through, as far as the instance goes. */
int conf_group_has_instance(const struct conf_group *g, const struct conf_instance *in);
/* Whether it lets this database of such an instance through. */
int conf_group_has(const struct conf_group *g, const struct conf_instance *in, struct str database);

/* Whether the instance lists the database, by name or by a pattern. */
int conf_instance_lists(const struct conf_instance *in, struct str database);
/* Whether it lists it by its very name. */
int conf_instance_names(const struct conf_instance *in, struct str database);
/* '*' matches any bytes, '?' one. */
int conf_pattern_matches(struct str pattern, struct str name);

/* Names of databases: [A-Za-z0-9_.-]+, at most 63 bytes, no '.' or '-' at the beginning. */
int conf_database_is_valid(struct str name);

/* Ids: ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$ (Bytebase's resource ids). */
int conf_id_is_valid(struct str id);

#endif
