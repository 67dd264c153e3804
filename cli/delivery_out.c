/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries on their way out: members of JSON (docs/commands.md has them) and lines for people. */
#include "cli/delivery_out.h"

#include "cli/json_out.h"
#include "cli/table.h"

enum tint delivery_tint(enum delivery_state state)
{
	switch (state) {
	case DELIVERY_QUEUED:
	case DELIVERY_PROCESSING:
		return TINT_BUSY;
	case DELIVERY_RELEASED:
		return TINT_GOOD;
	case DELIVERY_IGNORED:
		return TINT_DIM;
	case DELIVERY_REFUSED:
	case DELIVERY_FAILED:
		return TINT_BAD;
	}
	return TINT_NONE;
}

void delivery_json(struct json_writer *w, const struct delivery *d)
{
	json_id_out(w, "id", d->id);
	jw_str(w, "repository", d->endpoint);
	jw_str(w, "provider", d->provider);
	jw_str(w, "external_id", d->external_id);
	jw_str(w, "event_type", d->event_type);
	jw_str(w, "summary", d->summary);
	jw_str(w, "source", d->source);
	json_id_out(w, "origin", d->origin);
	jw_text(w, "state", delivery_state_name(d->state));
	jw_str(w, "reason", d->reason);
	jw_str(w, "release", d->release);
	jw_str(w, "rollout", d->rollout);
	jw_int(w, "attempts", d->attempts);
	jw_time(w, "received_at", d->received_ms);
	jw_time(w, "updated_at", d->updated_ms);
	jw_time(w, "not_before", d->not_before_ms);
	jw_int(w, "body_bytes", d->body_bytes);
}

void delivery_facts(struct buf *out, const struct delivery *d, const struct screen *screen)
{
	const enum tint tint = delivery_tint(d->state);

	detail_int(out, "delivery", d->id);
	buf_adds(out, screen_tint(screen, tint));
	detail(out, "state", str_of(delivery_state_name(d->state)));
	buf_adds(out, screen_plain(screen, tint));
	detail(out, "reason", d->reason);
	detail(out, "summary", d->summary);
	detail(out, "release", d->release);
	detail(out, "rollout", d->rollout);
	detail(out, "repository", d->endpoint);
	detail(out, "provider", d->provider);
	detail(out, "event type", d->event_type);
	detail(out, "external id", d->external_id);
	detail(out, "source", d->source);
	if (d->origin != 0)
		detail_int(out, "replay of", d->origin);
	detail_int(out, "attempts", d->attempts);
	detail_time(out, "received", d->received_ms);
	detail_time(out, "updated", d->updated_ms);
	detail_time(out, "not before", d->not_before_ms);
	detail_int(out, "body bytes", d->body_bytes);
}
