/* SPDX-License-Identifier: Apache-2.0 */
/* The people who count as a file for spreadsheets, byte by byte as Bytebase exports its users. */

#include "base/clock.h"
#include "receiver/seat.h"
#include "vcs/provider.h"

#include <string.h>

/* A formula runs where the file is opened, and others chose these names. */
static int is_formula(struct str cell)
{
	return cell.n > 0 && cell.p[0] != '\0' && strchr("=+-@\t\r\n", cell.p[0]) != NULL;
}

/* RFC 4180; and a blank at the beginning, which some readers drop. */
static int needs_quotes(struct str cell)
{
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] != '\0' && strchr(",\"\r\n", cell.p[i]) != NULL)
			return 1;
	}
	return cell.n > 0 && cell.p[0] == ' ';
}

static void add_cell(struct buf *out, struct str cell, char end)
{
	const char *guard = is_formula(cell) ? "'" : "";
	if (!needs_quotes(cell)) {
		buf_adds(out, guard);
		buf_add(out, cell);
		buf_addc(out, end);
		return;
	}
	buf_addc(out, '"');
	buf_adds(out, guard);
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, cell.p[i]);
	}
	buf_addc(out, '"');
	buf_addc(out, end);
}

void seat_write_csv(struct buf *out, const struct seat *list, size_t n)
{
	buf_adds(out, "vcs_type,user_id,user_name,display_name,last_seen_at\n");
	for (size_t i = 0; i < n; i++) {
		const struct seat *s = &list[i];
		const struct provider *provider = provider_find(s->provider);
		char time[CLOCK_TEXT];
		const struct str text = str_of(clock_format(time, s->last_seen_ms));
		add_cell(out,
			 str_of(provider != NULL ? provider->vcs_type : "VCS_TYPE_UNSPECIFIED"),
			 ',');
		add_cell(out, s->user_id, ',');
		add_cell(out, s->login, ',');
		add_cell(out, s->name, ',');
		buf_add(out, str_first(text, str_find(text, '.')));
		buf_adds(out, "Z\n");
	}
}
