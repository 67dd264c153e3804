/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a plan's targets, on its way out. */
#include "cli/drift_out.h"

#include "cli/secrets.h"
#include "cli/table.h"

/* Everything that drift_find may ask. */
static int load_passwords(const struct conf *conf, const struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n_places; i++) {
		const struct conf_instance *in = conf_instance(conf, plan->places[i].instance);

		if (in != NULL && secrets_of_instance(conf, in, e) != 0)
			return -1;
	}
	for (size_t i = 0; plan->n_places == 0 && i < plan->n_targets; i++) {
		if (secrets_of_target(conf, plan->targets[i], e) != 0)
			return -1;
	}
	return plan->group.p != NULL ? secrets_of_group(conf, plan->group, e) : 0;
}

int drift_out_find(struct drift_out *out, struct app *app, const struct plan *plan)
{
	struct err e;

	if (!out->wanted)
		return EXIT_DONE;
	if (load_passwords(app->conf, plan, &e) != 0)
		return app_fail_usage(app, &e);
	if (drift_find(&out->list, &out->n, app->conf, plan, app->arena, &e) != 0)
		return app_fail(app, &e);
	return EXIT_DONE;
}

void drift_out_json(struct json_writer *w, const struct drift_out *d)
{
	if (!d->wanted)
		return;
	jw_array(w, "drift");
	for (size_t i = 0; i < d->n; i++) {
		jw_object(w, NULL);
		jw_text(w, "kind", drift_kind_name(d->list[i].kind));
		jw_str(w, "target", d->list[i].target);
		jw_str(w, "was", d->list[i].was);
		jw_str(w, "is", d->list[i].is);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* What it means, and what a person can do. */
static struct str meaning(const struct drift *d, struct arena *arena)
{
	switch (d->kind) {
	case DRIFT_NEW:
		return STR("the group selects it now: replay the delivery for a plan with it");
	case DRIFT_GONE:
		return STR("the database is gone: its task fails, or skip it");
	case DRIFT_UNSELECTED:
		return STR("there, but the configuration leaves it out now");
	case DRIFT_UNCONFIGURED:
		return STR("the instance is not configured any more: its tasks fail");
	case DRIFT_ENVIRONMENT:
		return str_of(arena_printf(arena,
					   "moved from environment '%.*s' to '%.*s': its tasks are "
					   "refused",
					   STR_ARG(d->was), STR_ARG(d->is)));
	case DRIFT_URL:
		return str_of(arena_printf(arena, "its url was '%.*s' and is '%.*s'",
					   STR_ARG(d->was), STR_ARG(d->is)));
	}
	return STR_NULL;
}

int drift_out_table(struct buf *out, const struct drift_out *d, const struct app *app,
		    struct err *e)
{
	static const struct column columns[] = { { "DRIFT", 0 }, { "TARGET", 0 }, { "MEANS", 0 } };
	struct table t;

	if (!d->wanted)
		return 0;
	buf_addf(out, "\nDrift since the plan was made (%zu)\n", d->n);
	if (d->n == 0)
		return 0;
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < d->n; i++) {
		table_cell(&t, str_of(drift_kind_name(d->list[i].kind)), TINT_BUSY);
		table_text(&t, d->list[i].target);
		table_text(&t, meaning(&d->list[i], app->arena));
	}
	return table_write(out, &t, &app->out, e);
}

int drift_out_exit(const struct drift_out *d)
{
	return d->n > 0 ? EXIT_REFUSED : EXIT_DONE;
}
