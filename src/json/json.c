#include "stadion/json/json.h"

#include <limits.h>

#include "json_scan.h"

static void tokener_release(struct json_tokener *tokener)
{
	json_tokener_free(tokener);
}
DEFINE_AUTOPTR(json_tokener, tokener_release)

/* What the scan let through, json-c reads the way it stands; when it does not, this is no JSON. */
static struct json_object *build(const struct json_scan *scan, struct error *error)
{
	autoptr(json_tokener) tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	struct json_object *root;
	enum json_tokener_error code;

	if (!tokener) {
		(void)error_set(error, ERROR_NOMEM, "reading JSON");
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, scan->text + scan->start, (int)scan->len);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		root = json_tokener_parse_ex(tokener, "", 1); /* ends a bare number */
	code = json_tokener_get_error(tokener);
	if (code == json_tokener_success && root)
		return root;
	(void)error_set(error, ERROR_INVALID, "not JSON: %s", json_tokener_error_desc(code));
	return NULL;
}

/* Of all objects in the tree: fewer than were scanned when a key came twice. */
static size_t count_members(struct json_object *value)
{
	size_t count = 0;

	switch (json_object_get_type(value)) {
	case json_type_object: {
		struct json_object_iterator at = json_object_iter_begin(value);
		struct json_object_iterator end = json_object_iter_end(value);

		for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
			count += 1 + count_members(json_object_iter_peek_value(&at));
		return count;
	}
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
		return count;
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
	case json_type_string:
		break;
	}
	return 0;
}

struct json_object *json_parse(const char *text, size_t len, struct error *error)
{
	struct json_scan scan;

	if (len > INT_MAX) {
		(void)error_set(error, ERROR_INVALID, "JSON of more than 2 GiB");
		return NULL;
	}
	if (!json_scan_document(&scan, text, len, error))
		return NULL;

	autoptr(json_object) root = build(&scan, error);
	if (!root)
		return NULL;
	if (count_members(root) != scan.members) {
		(void)json_scan_tell_duplicate(&scan, error);
		return NULL;
	}
	return TAKE(root);
}

static struct json_object *typed_member(struct json_object *object, const char *key,
					enum json_type type)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, type) ? value : NULL;
}

struct json_object *json_member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(object, key, &value); /* absent: stays NULL */
	return value;
}

const char *json_text(struct json_object *object, const char *key, const char *fallback)
{
	struct json_object *value = typed_member(object, key, json_type_string);

	return value ? json_object_get_string(value) : fallback;
}

int64_t json_integer(struct json_object *object, const char *key, int64_t fallback)
{
	struct json_object *value = typed_member(object, key, json_type_int);

	return value ? json_object_get_int64(value) : fallback;
}

double json_number(struct json_object *object, const char *key, double fallback)
{
	struct json_object *value = json_member(object, key);

	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return fallback;
	return json_object_get_double(value);
}

bool json_flag(struct json_object *object, const char *key, bool fallback)
{
	struct json_object *value = typed_member(object, key, json_type_boolean);

	return value ? json_object_get_boolean(value) : fallback;
}

struct json_object *json_object_member(struct json_object *object, const char *key)
{
	return typed_member(object, key, json_type_object);
}

struct json_object *json_array_member(struct json_object *object, const char *key)
{
	return typed_member(object, key, json_type_array);
}
