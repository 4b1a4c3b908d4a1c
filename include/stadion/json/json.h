#pragma once

/* Checked JSON reading over json-c, which by itself lets through single quotes, NaN, NULs in
 * keys, duplicate keys and numbers beyond range. What passes json_parse is RFC 8259, UTF-8,
 * at most JSON_DEPTH_MAX deep, free of NUL characters and of duplicate keys; its integers fit
 * int64_t, its other numbers a finite double; it has at most 65536 objects and arrays. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"

#define JSON_DEPTH_MAX 32

static inline void json_object_release(struct json_object *object)
{
	(void)json_object_put(object); /* 1 or 0: whether memory went; nobody needs to know */
}
DEFINE_AUTOPTR(json_object, json_object_release)

/* Returns the parsed document, to be released by the caller; NULL with ERROR_INVALID and
 * "line L, column C: what is wrong". A document `null` is refused as well. */
struct json_object *json_parse(const char *text, size_t len, struct error *error);

/* Getters for documents whose author is known (our own, the engine's): the member if it is there
 * and has the type, else the fallback. None of them converts between types. */
struct json_object *json_member(struct json_object *object, const char *key); /* NULL for null */
const char *json_text(struct json_object *object, const char *key, const char *fallback);
int64_t json_integer(struct json_object *object, const char *key, int64_t fallback);
double json_number(struct json_object *object, const char *key,
		   double fallback); /* int or double */
bool json_flag(struct json_object *object, const char *key, bool fallback);
struct json_object *json_object_member(struct json_object *object,
				       const char *key); /* object or NULL */
struct json_object *json_array_member(struct json_object *object,
				      const char *key); /* array or NULL */
