/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approvals as a table, what they are bound to, and which of them count. When a stage opens is not
 * known here.
 */

#include "release/approval.h"

#include "base/buf.h"
#include "base/json_write.h"
#include "release/release.h"
#include "release/schema.h"

const struct store_schema approval_schema = {
	.module = "approval",
	.version = 1,
	.ddl = "CREATE TABLE approval("
	       " id {identity},"
	       " project TEXT NOT NULL,"
	       " plan BIGINT NOT NULL,"
	       " environment TEXT NOT NULL,"
	       " who TEXT NOT NULL,"
	       " origin TEXT NOT NULL,"
	       " comment TEXT,"
	       " approved_at BIGINT NOT NULL,"
	       " release_digest TEXT NOT NULL,"
	       " targets_digest TEXT NOT NULL,"
	       " instances_digest TEXT NOT NULL,"
	       " void_at BIGINT NOT NULL DEFAULT 0," /* 0: it counts */
	       " void_reason TEXT);"
	       "CREATE INDEX approval_stage ON approval(project, plan, environment);",
};

/* clang-format off */
static const char sql_targets[] =
	"SELECT target FROM task WHERE project = $1 AND plan = $2 AND environment = $3"
	" ORDER BY id";
static const char sql_list[] =
	"SELECT id, environment, who, origin, comment, approved_at, release_digest,"
	" targets_digest, instances_digest, void_reason FROM approval"
	" WHERE project = $1 AND plan = $2 ORDER BY id";
static const char sql_insert[] =
	"INSERT INTO approval(project, plan, environment, who, origin, comment, approved_at,"
	" release_digest, targets_digest, instances_digest)"
	" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char sql_void[] =
	"UPDATE approval SET void_at = $1, void_reason = $2 WHERE id = $3 AND void_at = 0";
/* clang-format on */

enum { BOND_TEXT_MAX = 64 * 1024 * 1024, DETAIL_MAX = 16 * 1024 };

/* ---- what it is bound to ---- */

static int sum(char hex[SHA256_HEX], const struct buf *text, struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	unsigned char bytes[SHA256_BYTES];
	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (buf_check(text, e) != 0 || digest_sha256(d, bytes, buf_str(text), e) != 0)
		return -1;
	(void)hex_encode(hex, bytes, sizeof bytes);
	return 0;
}

static int read_target(void *element, struct store_reader *r, struct err *e)
{
	(void)e;
	*(struct str *)element = store_read(r, 0);
	return 0;
}

/* One line per target; one per instance whenever it is another than the line before had. Targets
 * stand in the order of their names, and so do their instances. */
static void bind_targets(struct buf *targets, struct buf *instances, const struct conf *conf,
			 const struct str *list, size_t n)
{
	const struct conf_instance *before = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct conf_instance *instance = NULL;
		struct str database;
		struct err ignored;
		const int known = conf_target(&instance, &database, conf, list[i], &ignored) == 0;
		buf_add(targets, list[i]);
		buf_addc(targets, '\t');
		buf_add(targets, known ? instance->environment : STR("(none)"));
		buf_addc(targets, '\n');
		if (!known || instance == before)
			continue;
		buf_add(instances, instance->id);
		buf_addc(instances, '\t');
		buf_add(instances, instance->url);
		buf_addc(instances, '\n');
		before = instance;
	}
}

int approval_bind(struct approval_bond *out, struct db *store, const struct conf *conf,
		  const struct plan *plan, struct str environment, struct arena *arena,
		  struct err *e)
{
	AUTO(buf) struct buf text;
	AUTO(buf) struct buf targets;
	AUTO(buf) struct buf instances;
	struct approval_bond bond;
	struct release release;
	struct str *list;
	size_t n;
	buf_init(&text, BOND_TEXT_MAX);
	buf_init(&targets, BOND_TEXT_MAX);
	buf_init(&instances, BOND_TEXT_MAX);
	if (release_get(&release, store, plan->project, plan->release, arena, e) != 0 ||
	    store_list(&list, &n, sizeof *list, read_target, store, sql_targets,
		       DB_ARGS(DB_S(plan->project), DB_I(plan->id), DB_S(environment)), arena,
		       e) != 0)
		return -1;
	buf_add(&text, release.digest);
	bind_targets(&targets, &instances, conf, list, n);
	if (sum(bond.release, &text, e) != 0 || sum(bond.targets, &targets, e) != 0 ||
	    sum(bond.instances, &instances, e) != 0)
		return -1;
	*out = bond;
	return 0;
}

/* ---- which count ---- */

static int read_approval(void *element, struct store_reader *r, struct err *e)
{
	(void)e;
	*(struct approval *)element = (struct approval){
		.id = db_int(r->rows, 0),
		.environment = store_read(r, 1),
		.who = store_read(r, 2),
		.origin = store_read(r, 3),
		.comment = store_read(r, 4),
		.at_ms = db_int(r->rows, 5),
		.release = store_read(r, 6),
		.targets = store_read(r, 7),
		.instances = store_read(r, 8),
		.void_reason = store_read(r, 9),
	};
	return 0;
}

int approval_list(struct approval **out, size_t *n, struct db *store, const struct plan *plan,
		  struct arena *arena, struct err *e)
{
	return store_list(out, n, sizeof **out, read_approval, store, sql_list,
			  DB_ARGS(DB_S(plan->project), DB_I(plan->id)), arena, e);
}

int approval_may(const struct conf_environment *environment, struct str who)
{
	const struct str *names = environment->approvers.items;
	for (size_t i = 0; i < environment->approvers.n; i++) {
		if (str_eq(names[i], who))
			return 1;
	}
	return environment->approvers.n == 0;
}

void approval_judge(struct approval *list, size_t n, const struct approval_bond *bond,
		    const struct conf_environment *environment)
{
	for (size_t i = 0; i < n; i++) {
		struct approval *a = &list[i];
		struct str why = STR_NULL;
		if (a->void_reason.p != NULL || !str_eq(a->environment, environment->id))
			continue;
		if (!str_eq_cstr(a->release, bond->release))
			why = STR("the release has another content");
		else if (!str_eq_cstr(a->targets, bond->targets))
			why = STR("the targets of the stage are other ones");
		else if (!str_eq_cstr(a->instances, bond->instances))
			why = STR("the url of an instance is another one");
		else if (!approval_may(environment, a->who))
			why = STR("who gave it is no approver any more");
		a->void_reason = why;
		a->is_void_new = why.p != NULL;
	}
}

int approval_by(const struct approval *list, size_t n, struct str who)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].void_reason.p == NULL && str_eq(list[i].who, who))
			return 1;
	}
	return 0;
}

size_t approval_count(const struct approval *list, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += list[i].void_reason.p == NULL && !approval_by(list, i, list[i].who);
	return count;
}

/* ---- written down ---- */

int approval_add(struct db *store, const struct plan *plan, const struct approval_request *request,
		 struct err *e)
{
	const struct approval_bond *bond = request->bond;
	AUTO(buf) struct buf detail;
	struct json_writer w;
	buf_init(&detail, DETAIL_MAX);
	jw_init(&w, &detail, 0);
	jw_object(&w, NULL);
	jw_str(&w, "comment", request->comment);
	jw_text(&w, "release_digest", bond->release);
	jw_text(&w, "targets_digest", bond->targets);
	jw_text(&w, "instances_digest", bond->instances);
	jw_end_object(&w);
	if (buf_check(&detail, e) != 0 ||
	    db_exec(store, NULL, sql_insert,
		    DB_ARGS(DB_S(plan->project), DB_I(plan->id), DB_S(request->environment),
			    DB_S(request->actor->who), DB_S(request->actor->origin),
			    DB_S(request->comment), DB_I(request->now_ms),
			    DB_S(str_of(bond->release)), DB_S(str_of(bond->targets)),
			    DB_S(str_of(bond->instances))),
		    e) != 0)
		return -1;
	return audit_add(store, request->actor, "approve", request->stage, buf_str(&detail),
			 request->now_ms, e);
}

static int keep_void(struct db *store, const struct approval *a, struct str stage, int64_t now_ms,
		     struct err *e)
{
	const struct audit_actor policy = audit_policy();
	AUTO(buf) struct buf detail;
	struct json_writer w;
	int64_t changed;
	buf_init(&detail, DETAIL_MAX);
	jw_init(&w, &detail, 0);
	jw_object(&w, NULL);
	jw_str(&w, "approved_by", a->who);
	jw_str(&w, "reason", a->void_reason);
	jw_end_object(&w);
	if (buf_check(&detail, e) != 0 ||
	    db_exec(store, &changed, sql_void,
		    DB_ARGS(DB_I(now_ms), DB_S(a->void_reason), DB_I(a->id)), e) != 0)
		return -1;
	if (changed == 0)
		return 0;
	return audit_add(store, &policy, "approval void", stage, buf_str(&detail), now_ms, e);
}

int approval_keep_void(struct db *store, const struct approval *list, size_t n, struct str stage,
		       int64_t now_ms, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].is_void_new && keep_void(store, &list[i], stage, now_ms, e) != 0)
			return -1;
	}
	return 0;
}
