#include "protocol_read.h"

#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/protocol/messages.h"

struct json_object *protocol_parse(const char *body, size_t len, struct error *error)
{
	struct json_object *root;

	if (len > PROTOCOL_BODY_MAX) {
		(void)error_set(error, ERROR_INVALID, "a body has at most %u bytes, this has %zu",
				PROTOCOL_BODY_MAX, len);
		return NULL;
	}
	root = json_parse(body, len, error);
	if (root && !json_object_is_type(root, json_type_object)) {
		json_object_release(root);
		(void)error_set(error, ERROR_INVALID, "not an object");
		return NULL;
	}
	return root;
}

static bool member(struct json_object *object, const char *key, json_type type,
		   struct json_object **out, struct error *error)
{
	*out = json_member(object, key);
	if (!*out)
		return error_set(error, ERROR_INVALID, "%s is missing", key);
	if (!json_object_is_type(*out, type))
		return error_set(error, ERROR_INVALID, "%s: expected %s", key,
				 json_type_to_name(type));
	return true;
}

bool read_text(struct json_object *object, const char *key, char **out, struct error *error)
{
	struct json_object *value;

	if (!member(object, key, json_type_string, &value, error))
		return false;
	if (json_object_get_string_len(value) > PROTOCOL_TEXT_MAX)
		return error_set(error, ERROR_INVALID, "%s: more than %d bytes", key,
				 PROTOCOL_TEXT_MAX);
	*out = text_duplicate(json_object_get_string(value));
	return *out || error_set(error, ERROR_NOMEM, "%s", key);
}

bool read_into(struct json_object *object, const char *key, char *out, size_t size,
	       struct error *error)
{
	struct json_object *value;

	if (!member(object, key, json_type_string, &value, error))
		return false;
	(void)text_copy(out, size, json_object_get_string(value));
	return true;
}

bool read_task_id(struct json_object *object, const char *key, char **out, struct error *error)
{
	struct json_object *value;

	if (!member(object, key, json_type_string, &value, error))
		return false;
	if (!task_id_valid(json_object_get_string(value)))
		return error_set(error, ERROR_INVALID, "%s: '%.80s' is no id of a task", key,
				 json_object_get_string(value));
	*out = text_duplicate(json_object_get_string(value));
	return *out || error_set(error, ERROR_NOMEM, "%s", key);
}

bool read_integer(struct json_object *object, const char *key, int64_t min, int64_t max,
		  int64_t *out, struct error *error)
{
	struct json_object *value;
	int64_t number;

	if (!member(object, key, json_type_int, &value, error))
		return false;
	number = json_object_get_int64(value);
	if (number < min || number > max)
		return error_set(error, ERROR_INVALID, "%s: %lld is not from %lld to %lld", key,
				 (long long)number, (long long)min, (long long)max);
	*out = number;
	return true;
}

bool read_number(struct json_object *object, const char *key, uint64_t *out, struct error *error)
{
	int64_t number = 0;

	if (!read_integer(object, key, 0, INT64_MAX, &number, error))
		return false;
	*out = (uint64_t)number;
	return true;
}

bool read_flag(struct json_object *object, const char *key, bool *out, struct error *error)
{
	struct json_object *value;

	if (!member(object, key, json_type_boolean, &value, error))
		return false;
	*out = json_object_get_boolean(value);
	return true;
}

bool read_array(struct json_object *object, const char *key, size_t max, struct json_object **out,
		struct error *error)
{
	if (!member(object, key, json_type_array, out, error))
		return false;
	if (json_object_array_length(*out) > max)
		return error_set(error, ERROR_INVALID, "%s: more than %zu entries", key, max);
	return true;
}

bool read_pairs(struct json_object *object, const char *key, struct pair_list *out,
		struct error *error)
{
	struct json_object *map;

	if (!member(object, key, json_type_object, &map, error))
		return false;
	if (json_object_object_length(map) > PROTOCOL_ATTRIBUTES_MAX)
		return error_set(error, ERROR_INVALID, "%s: more than %d entries", key,
				 PROTOCOL_ATTRIBUTES_MAX);
	json_object_object_foreach(map, name, value)
	{
		if (!json_object_is_type(value, json_type_string))
			return error_set(error, ERROR_INVALID, "%s: %.80s is not a string", key,
					 name);
		if (strlen(name) > PROTOCOL_TEXT_MAX ||
		    json_object_get_string_len(value) > PROTOCOL_TEXT_MAX)
			return error_set(error, ERROR_INVALID, "%s: %.80s has more than %d bytes",
					 key, name, PROTOCOL_TEXT_MAX);
		if (!pair_list_add(out, name, json_object_get_string(value)))
			return error_set(error, ERROR_NOMEM, "%s", key);
	}
	return true;
}

bool read_ports(struct json_object *object, const char *key, int32_t **out, size_t *count,
		struct error *error)
{
	struct json_object *list;
	size_t length;

	if (!read_array(object, key, PROTOCOL_PORTS_MAX, &list, error))
		return false;
	length = json_object_array_length(list);
	if (length == 0)
		return true;
	*out = calloc(length, sizeof(**out));
	if (!*out)
		return error_set(error, ERROR_NOMEM, "%s", key);
	for (size_t i = 0; i < length; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		int64_t port = json_object_is_type(item, json_type_int)
				       ? json_object_get_int64(item)
				       : INT64_MIN;

		if (port < PORT_NONE || port > UINT16_MAX)
			return error_set(error, ERROR_INVALID, "%s: entry %zu is no port", key, i);
		(*out)[i] = (int32_t)port;
	}
	*count = length;
	return true;
}

void ports_put(struct json_writer *writer, const int32_t *ports, size_t count)
{
	json_array_begin(writer);
	for (size_t i = 0; i < count; i++)
		json_put_integer(writer, ports[i]);
	json_array_end(writer);
}
