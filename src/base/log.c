#include "stadion/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"

/* A line is one write(2) of at most this: lines of several threads do not mix. */
#define LINE_MAX_BYTES 4096
#define CUT "..."

struct line {
	size_t len;
	bool cut;
	char data[LINE_MAX_BYTES];
};

static struct {
	enum log_level level;
	int fd;
} sink = { LOG_INFO, 2 };

static const char *const names[] = { "debug", "info", "warn", "error" };

void log_setup(enum log_level level, int fd)
{
	sink.level = level;
	sink.fd = fd;
}

enum log_level log_level_now(void)
{
	return sink.level;
}

void log_level_set(enum log_level level)
{
	sink.level = level;
}

const char *log_level_name(enum log_level level)
{
	return names[level];
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < ROWS(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void add(struct line *line, const char *bytes, size_t len)
{
	/* whole pieces or nothing, so that no escape is cut in two; room for CUT, quote, newline */
	if (line->cut || line->len + len + sizeof(CUT) + 2 > sizeof(line->data)) {
		line->cut = true;
		return;
	}
	memcpy(line->data + line->len, bytes, len);
	line->len += len;
}

static void add_string(struct line *line, const char *string)
{
	add(line, string, strlen(string));
}

static bool is_plain(const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\"\\=", *c))
			return false;
	return *value != '\0';
}

/* One character of a quoted value; returns how many bytes it was. */
static size_t add_escaped(struct line *line, const char *at, size_t left)
{
	unsigned char c = (unsigned char)*at;
	size_t sequence = text_utf8_sequence(at, left);
	bool is_c1 = sequence == 2 && c == 0xc2 && (unsigned char)at[1] < 0xa0;
	char hex[8];

	if (c == '\n') {
		add(line, "\\n", 2);
	} else if (c == '\t') {
		add(line, "\\t", 2);
	} else if (c == '"' || c == '\\') {
		add(line, (char[]){ '\\', *at }, 2);
	} else if (c < ' ' || c == 0x7f || sequence == 0 || is_c1) {
		(void)snprintf(hex, sizeof(hex), "\\x%02x", c);
		add(line, hex, 4);
		return 1; /* the rest of a C1 control is no sequence of its own: escaped next */
	} else {
		add(line, at, sequence);
		return sequence;
	}
	return 1;
}

static void add_value(struct line *line, const char *value)
{
	size_t left = strlen(value);

	if (is_plain(value)) {
		add(line, value, left);
		return;
	}
	add(line, "\"", 1);
	while (left > 0 && !line->cut) {
		size_t used = add_escaped(line, value, left);

		value += used;
		left -= used;
	}
	if (line->cut) { /* there is room: see add() */
		memcpy(line->data + line->len, CUT "\"", sizeof(CUT));
		line->len += sizeof(CUT);
		return;
	}
	add(line, "\"", 1);
}

static void add_field(struct line *line, const struct log_field *field)
{
	char number[24];

	add(line, " ", 1);
	add_string(line, field->key);
	add(line, "=", 1);
	if (field->is_number) {
		(void)snprintf(number, sizeof(number), "%" PRId64, field->number);
		add_string(line, number);
	} else if (field->text) {
		add_value(line, field->text);
	} else {
		add(line, "-", 1);
	}
}

static void put(const struct line *line)
{
	size_t done = 0;

	while (done < line->len) {
		ssize_t written = write(sink.fd, line->data + done, line->len - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* nowhere to tell it */
		done += (size_t)written;
	}
}

void log_write(enum log_level level, const char *event, ...)
{
	struct line line = { .len = 0 };
	char now[TIMESTAMP_SIZE];
	va_list args;

	if (level < sink.level)
		return;
	timestamp_format(now, clock_wall_ms());
	add_string(&line, now);
	add(&line, " ", 1);
	add_string(&line, names[level]);
	add(&line, " ", 1);
	add_string(&line, event);
	va_start(args, event);
	for (;;) {
		struct log_field field = va_arg(args, struct log_field);

		if (!field.key || line.cut)
			break;
		add_field(&line, &field);
	}
	va_end(args);
	line.data[line.len++] = '\n';
	put(&line);
}

struct log_field log_text_field(const char *key, const char *text)
{
	return (struct log_field){ .key = key, .text = text };
}

struct log_field log_number_field(const char *key, int64_t number)
{
	return (struct log_field){ .key = key, .number = number, .is_number = true };
}

struct log_field log_unsigned_field(const char *key, uint64_t number)
{
	return log_number_field(key, number > INT64_MAX ? INT64_MAX : (int64_t)number);
}
