/* SPDX-License-Identifier: Apache-2.0 */
/* TZif files (RFC 8536): the transitions of the 64-bit block, and the footer's rule behind them. */

#include "base/zone.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/zone_rule.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char zone_directory[] = "/usr/share/zoneinfo";

enum { DAY_S = 86400, HOUR_S = 3600 };
enum { NAME_MAX_BYTES = 128, FILE_MAX = 256 * 1024 /* the largest in use is below 4 KiB */ };
enum { HEADER_BYTES = 44, TYPES_MAX = 256 };
/* RFC 8536, section 3.2: offsets lie between -25 and 26 hours. */
enum { OFFSET_MIN_S = -89999, OFFSET_MAX_S = 93599 };

static const int64_t year_0_s = INT64_C(-62167219200);
static const int64_t year_9999_end_s = INT64_C(253402300799);

struct transition {
	int64_t at;
	int offset_s; /* from then on */
};

struct zone {
	int first_offset_s; /* before the first transition */
	int has_rule;
	struct zone_rule rule;
	size_t n;
	struct transition transitions[];
};

/* The counts of a header, in the order of the file. */
struct counts {
	size_t isut, isstd, leap, time, type, character;
};

static uint32_t load32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Two's complement without a conversion that the language leaves open. */
static int64_t load_i64(const unsigned char *p)
{
	uint64_t v = (uint64_t)load32(p) << 32 | load32(p + 4);
	return v <= INT64_MAX ? (int64_t)v : -(int64_t)(UINT64_MAX - v) - 1;
}

static int64_t load_i32(const unsigned char *p)
{
	uint32_t v = load32(p);
	return v <= INT32_MAX ? (int64_t)v : (int64_t)v - INT64_C(0x100000000);
}

/* Take a header off `rest`. */
static int take_header(struct counts *c, struct str *rest, struct err *e)
{
	if (rest->n < HEADER_BYTES || memcmp(rest->p, "TZif", 4) != 0)
		return err_set(e, ERR_INPUT, "no TZif header");
	if (rest->p[4] < '2')
		return err_set(e, ERR_INPUT, "TZif version 1 (expected 2 or later)");
	const unsigned char *p = (const unsigned char *)rest->p + 20;
	*c = (struct counts){ load32(p),      load32(p + 4),  load32(p + 8),
			      load32(p + 12), load32(p + 16), load32(p + 20) };
	*rest = str_from(*rest, HEADER_BYTES);
	/* Every count stands for at least a byte each, so that no product below overflows. */
	if (c->isut > rest->n || c->isstd > rest->n || c->leap > rest->n || c->time > rest->n ||
	    c->type > rest->n || c->character > rest->n)
		return err_set(e, ERR_INPUT, "cut short");
	return 0;
}

static size_t body_size(const struct counts *c, size_t time_size)
{
	return c->time * (time_size + 1) + c->type * 6 + c->character + c->leap * (time_size + 4) +
	       c->isstd + c->isut;
}

static int check_types(const struct counts *c, const unsigned char *types, struct err *e)
{
	if (c->type == 0 || c->type > TYPES_MAX)
		return err_set(e, ERR_INPUT, "%zu local time types (expected 1 to 256)", c->type);
	for (size_t i = 0; i < c->type; i++) {
		int64_t offset = load_i32(types + 6 * i);
		if (offset < OFFSET_MIN_S || offset > OFFSET_MAX_S)
			return err_set(e, ERR_INPUT, "an offset from UTC out of range");
	}
	return 0;
}

static int read_transitions(struct zone *z, const struct counts *c, const unsigned char *body,
			    struct err *e)
{
	const unsigned char *indexes = body + c->time * 8;
	const unsigned char *types = indexes + c->time;
	if (check_types(c, types, e) != 0)
		return -1;
	z->first_offset_s = (int)load_i32(types);
	z->n = c->time;
	for (size_t i = 0; i < c->time; i++) {
		int64_t at = load_i64(body + 8 * i);
		if (i > 0 && at <= z->transitions[i - 1].at)
			return err_set(e, ERR_INPUT, "transitions out of order");
		if (indexes[i] >= c->type)
			return err_set(e, ERR_INPUT, "a transition to an unknown type");
		z->transitions[i] =
		    (struct transition){ at, (int)load_i32(types + 6 * (size_t)indexes[i]) };
	}
	return 0;
}

/* "\nRULE\n"; an empty rule says nothing of later times. */
static int read_footer(struct zone *z, struct str rest, struct err *e)
{
	if (rest.n < 2 || rest.p[0] != '\n')
		return err_set(e, ERR_INPUT, "no footer");
	struct str text = str_from(rest, 1);
	size_t end = str_find(text, '\n');
	if (end == text.n)
		return err_set(e, ERR_INPUT, "no end of the footer");
	text = str_first(text, end);
	if (text.n == 0)
		return 0;
	z->has_rule = 1;
	return zone_rule_parse(&z->rule, text, e);
}

int zone_parse(struct zone **out, struct str bytes, struct err *e)
{
	struct counts c = { 0 };
	struct str rest = bytes;
	if (bytes.n > FILE_MAX)
		return err_set(e, ERR_INPUT, "larger than %d bytes", FILE_MAX);
	/* The first block has 32-bit times, for readers of version 1. */
	if (take_header(&c, &rest, e) != 0)
		return -1;
	if (body_size(&c, 4) > rest.n)
		return err_set(e, ERR_INPUT, "cut short");
	rest = str_from(rest, body_size(&c, 4));
	if (take_header(&c, &rest, e) != 0)
		return -1;
	size_t size = body_size(&c, 8);
	if (size > rest.n)
		return err_set(e, ERR_INPUT, "cut short");
	if (c.leap > 0)
		return err_set(e, ERR_INPUT, "it counts leap seconds");
	AUTO(zone) struct zone *z = mem_alloc(sizeof *z + c.time * sizeof z->transitions[0]);
	if (z == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*z = (struct zone){ .n = 0 };
	if (read_transitions(z, &c, (const unsigned char *)rest.p, e) != 0 ||
	    read_footer(z, str_from(rest, size), e) != 0)
		return -1;
	*out = TAKE(z);
	return 0;
}

static int check_name(struct str name, struct err *e)
{
	int good = name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '/';
	for (size_t i = 0; good && i < name.n; i++) {
		char c = name.p[i];
		good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		       c == '_' || c == '+' || c == '-' || c == '/';
	}
	if (!good)
		return err_set(
		    e, ERR_INPUT,
		    "malformed time zone name (expected a name such as 'Europe/Berlin')");
	return 0;
}

static int read_file(struct buf *out, const char *name, struct err *e)
{
	char path[sizeof zone_directory + 1 + NAME_MAX_BYTES + 1];
	size_t n = sizeof zone_directory - 1;
	memcpy(path, zone_directory, n);
	path[n++] = '/';
	memcpy(path + n, name, strlen(name) + 1);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if ((fd < 0 && (errno == ENOENT || errno == ENOTDIR)) ||
	    (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
		return err_set(e, ERR_NOTFOUND, "there is no time zone '%s' (is tzdata installed?)",
			       name);
	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	for (;;) {
		char part[4096];
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "cannot read '%s'", path);
		if (got == 0)
			return buf_check(out, e);
		buf_add(out, (struct str){ part, (size_t)got });
	}
}

static int make_utc(struct zone **out, struct err *e)
{
	*out = mem_array(1, sizeof **out);
	return *out != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

int zone_open(struct zone **out, const char *name, struct err *e)
{
	struct zone *z = NULL;
	AUTO(buf) struct buf bytes;
	buf_init(&bytes, FILE_MAX);
	if (check_name(str_of(name), e) != 0)
		return -1;
	if (strcmp(name, "UTC") == 0) {
		if (make_utc(&z, e) != 0)
			return -1;
	} else if (read_file(&bytes, name, e) != 0) {
		return -1;
	} else if (zone_parse(&z, buf_str(&bytes), e) != 0) {
		return err_wrap(e, "time zone '%s' cannot be used", name);
	}
	*out = z;
	return 0;
}

void zone_free(struct zone *z)
{
	mem_free(z);
}

static int offset_at(const struct zone *z, int64_t unix_s)
{
	if (z->n == 0 || unix_s < z->transitions[0].at) {
		/* Without transitions the rule holds for all times. */
		return z->n == 0 && z->has_rule ? zone_rule_offset(&z->rule, unix_s)
						: z->first_offset_s;
	}
	if (z->has_rule && unix_s >= z->transitions[z->n - 1].at)
		return zone_rule_offset(&z->rule, unix_s);
	/* The last transition that is not later: it lies in [low, high). */
	size_t low = 0, high = z->n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (z->transitions[middle].at <= unix_s)
			low = middle;
		else
			high = middle;
	}
	return z->transitions[low].offset_s;
}

void zone_local(struct zone_time *out, const struct zone *z, int64_t unix_s)
{
	int64_t t = unix_s < year_0_s ? year_0_s : unix_s;
	t = t > year_9999_end_s ? year_9999_end_s : t;
	int offset_s = offset_at(z, t);
	t += offset_s;
	int64_t second = (t % DAY_S + DAY_S) % DAY_S;
	int64_t year;
	int month, day;
	clock_date(&year, &month, &day, (t - second) / DAY_S);
	*out = (struct zone_time){
		.year = (int)year,
		.month = month,
		.day = day,
		.hour = (int)(second / HOUR_S),
		.minute = (int)(second / 60 % 60),
		.second = (int)(second % 60),
		.offset_s = offset_s,
	};
}
