#include "stadion/json/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void separate(struct json_writer *writer)
{
	if (writer->comma)
		text_add_bytes(writer->out, ",", 1);
	writer->comma = true;
}

static void open_with(struct json_writer *writer, const char *bracket)
{
	separate(writer);
	text_add_bytes(writer->out, bracket, 1);
	writer->comma = false;
}

static void close_with(struct json_writer *writer, const char *bracket)
{
	text_add_bytes(writer->out, bracket, 1);
	writer->comma = true;
}

void json_object_begin(struct json_writer *writer)
{
	open_with(writer, "{");
}

void json_object_end(struct json_writer *writer)
{
	close_with(writer, "}");
}

void json_array_begin(struct json_writer *writer)
{
	open_with(writer, "[");
}

void json_array_end(struct json_writer *writer)
{
	close_with(writer, "]");
}

static void add_escaped(struct text *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;

	if (found)
		text_add_bytes(out, (char[]){ '\\', to[found - from] }, 2);
	else
		text_addf(out, "\\u%04x", c);
}

static bool goes_as_it_is(unsigned char c)
{
	return c >= ' ' && c != '"' && c != '\\' && c < 0x7f;
}

static void add_quoted(struct text *out, const char *value, size_t len)
{
	size_t plain = 0; /* bytes that go as they are, added in one piece */

	text_add_bytes(out, "\"", 1);
	while (plain < len && !out->failed) {
		unsigned char c = (unsigned char)value[plain];
		size_t sequence =
			goes_as_it_is(c) ? 1 : text_utf8_sequence(value + plain, len - plain);

		if (sequence > 1 || goes_as_it_is(c)) {
			plain += sequence;
			continue;
		}
		text_add_bytes(out, value, plain);
		if (sequence == 0)
			text_add(out, REPLACEMENT);
		else
			add_escaped(out, c);
		value += plain + 1;
		len -= plain + 1;
		plain = 0;
	}
	text_add_bytes(out, value, plain);
	text_add_bytes(out, "\"", 1);
}

void json_key(struct json_writer *writer, const char *key)
{
	separate(writer);
	add_quoted(writer->out, key, strlen(key));
	text_add_bytes(writer->out, ":", 1);
	writer->comma = false;
}

void json_put_text(struct json_writer *writer, const char *value)
{
	if (value)
		json_put_text_bytes(writer, value, strlen(value));
	else
		json_put_raw(writer, "null");
}

void json_put_text_bytes(struct json_writer *writer, const char *value, size_t len)
{
	separate(writer);
	add_quoted(writer->out, value, len);
}

void json_put_integer(struct json_writer *writer, int64_t value)
{
	separate(writer);
	text_addf(writer->out, "%" PRId64, value);
}

/* The shortest form that reads back as the same number. */
void json_put_double(struct json_writer *writer, double value)
{
	char digits[40];
	const char *exponent;
	int whole;

	if (!isfinite(value)) { /* JSON has no word for it */
		json_put_raw(writer, "null");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	separate(writer);
	if (strchr(digits, '.')) {
		text_add(writer->out, digits);
		return;
	}
	exponent = strchr(digits, 'e');
	whole = exponent ? (int)(exponent - digits) : (int)strlen(digits);
	text_addf(writer->out, "%.*s.0%s", whole, digits, exponent ? exponent : "");
}

void json_put_flag(struct json_writer *writer, bool value)
{
	json_put_raw(writer, value ? "true" : "false");
}

void json_put_timestamp(struct json_writer *writer, int64_t wall_ms)
{
	char stamp[TIMESTAMP_SIZE];

	timestamp_format(stamp, wall_ms);
	json_put_text(writer, stamp);
}

void json_put_raw(struct json_writer *writer, const char *json)
{
	separate(writer);
	text_add(writer->out, json);
}

void json_field_text(struct json_writer *writer, const char *key, const char *value)
{
	json_key(writer, key);
	json_put_text(writer, value);
}

void json_field_integer(struct json_writer *writer, const char *key, int64_t value)
{
	json_key(writer, key);
	json_put_integer(writer, value);
}

void json_field_double(struct json_writer *writer, const char *key, double value)
{
	json_key(writer, key);
	json_put_double(writer, value);
}

void json_field_flag(struct json_writer *writer, const char *key, bool value)
{
	json_key(writer, key);
	json_put_flag(writer, value);
}

void json_field_timestamp(struct json_writer *writer, const char *key, int64_t wall_ms)
{
	json_key(writer, key);
	json_put_timestamp(writer, wall_ms);
}
