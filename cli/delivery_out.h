/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DELIVERY_OUT_H
#define CLI_DELIVERY_OUT_H

#include "base/json_write.h"
#include "cli/screen.h"
#include "receiver/delivery.h"

/* Deliveries as the commands print them. */
enum tint delivery_tint(enum delivery_state state);
/* The members of a delivery, within an object that is open. */
void delivery_json(struct json_writer *w, const struct delivery *d);
/* Its facts, one a line. */
void delivery_facts(struct buf *out, const struct delivery *d, const struct screen *screen);

#endif
