#pragma once

/* Streaming JSON writing into a struct text: commas, quoting and escaping are done here.
 * Invalid UTF-8 is written as U+FFFD. What failed (memory, maximum) shows in text->failed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/text.h"

struct json_writer {
	struct text *out;
	bool comma; /* the next value or key needs one before it */
};

#define JSON_WRITER(text)     \
	{                     \
		.out = (text) \
	}

void json_object_begin(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);

void json_put_text(struct json_writer *writer, const char *value); /* NULL is written as null */
void json_put_text_bytes(struct json_writer *writer, const char *value, size_t len);
void json_put_integer(struct json_writer *writer, int64_t value);
void json_put_double(struct json_writer *writer, double value); /* always with a fraction: 512.0 */
void json_put_flag(struct json_writer *writer, bool value);
void json_put_timestamp(struct json_writer *writer, int64_t wall_ms);
void json_put_raw(struct json_writer *writer, const char *json); /* must be one JSON value */

/* Key and value in one call. */
void json_field_text(struct json_writer *writer, const char *key, const char *value);
void json_field_integer(struct json_writer *writer, const char *key, int64_t value);
void json_field_double(struct json_writer *writer, const char *key, double value);
void json_field_flag(struct json_writer *writer, const char *key, bool value);
void json_field_timestamp(struct json_writer *writer, const char *key, int64_t wall_ms);
