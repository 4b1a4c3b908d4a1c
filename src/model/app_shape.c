#include "stadion/model/app_shape.h"

#include <stdbool.h>
#include <string.h>

#include "app_fields.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"

#define SCHEMA "https://json-schema.org/draft/2020-12/schema"

struct shape;

/* A member that is no row of a field table. */
struct member {
	const char *name;
	enum {
		MEMBER_OBJECT, /* as `of` says */
		MEMBER_LIST,   /* of such objects */
		MEMBER_VALUE,  /* nothing inside it has a name that we give */
	} kind;
	const struct shape *of;
	const char *schema; /* MEMBER_VALUE: its JSON Schema; NULL: it is not in the schema */
	bool or_text;	    /* a string serves as well */
	bool required;
};

struct shape {
	const struct field_table *fields; /* NULL: none */
	const struct member *members;
	size_t count;
};

#define SHAPE(table, array)                                                 \
	{                                                                   \
		.fields = (table), .members = (array), .count = ROWS(array) \
	}
#define ANY(json)                                    \
	{                                            \
		.name = (json), .kind = MEMBER_VALUE \
	}
#define VALUE(json, is)                                              \
	{                                                            \
		.name = (json), .kind = MEMBER_VALUE, .schema = (is) \
	}
#define OBJECT(json, shape)                                           \
	{                                                             \
		.name = (json), .kind = MEMBER_OBJECT, .of = &(shape) \
	}
#define LIST(json, shape)                                           \
	{                                                           \
		.name = (json), .kind = MEMBER_LIST, .of = &(shape) \
	}

#define TEXTS "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define LIST_OF_OBJECTS "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define TEXT_MAP "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"

/* clang-format off */
static const struct member mapping_members[] = { VALUE("networkNames", TEXTS) };
static const struct shape mapping_shape = SHAPE(&mapping_fields, mapping_members);

static const struct member definition_members[] = { ANY("networkNames") };
static const struct shape definition_shape = SHAPE(&definition_fields, definition_members);

static const struct member docker_members[] = {
	ANY("network"), LIST("portMappings", mapping_shape), VALUE("privileged", "{\"type\":\"boolean\",\"default\":false}"),
	VALUE("parameters", LIST_OF_OBJECTS),
	ANY("credential"), ANY("pullConfig"),
};
static const struct shape docker_shape = SHAPE(&docker_fields, docker_members);

static const struct member container_members[] = {
	VALUE("type", "{\"type\":\"string\",\"enum\":[\"DOCKER\"],\"default\":\"DOCKER\"}"),
	{ .name = "docker", .kind = MEMBER_OBJECT, .of = &docker_shape, .required = true },
	LIST("portMappings", mapping_shape), VALUE("volumes", LIST_OF_OBJECTS), ANY("linuxInfo"),
};
static const struct shape container_shape = SHAPE(NULL, container_members);

static const struct member network_members[] = {
	VALUE("mode", "{\"type\":\"string\",\"enum\":[\"host\",\"container/bridge\",\"container\"]}"),
	VALUE("name", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":63}"),
	ANY("labels"),
};
static const struct shape network_shape = SHAPE(NULL, network_members);

static const struct member command_members[] = {
	{ .name = "value", .kind = MEMBER_VALUE, .required = true,
	  .schema = "{\"type\":\"string\",\"minLength\":1}" },
};
static const struct shape command_shape = SHAPE(NULL, command_members);

static const struct member check_members[] = {
	OBJECT("command", command_shape),
	VALUE("ignoreHttp1xx", "{\"type\":\"boolean\",\"default\":false}"),
	VALUE("ipProtocol", "{\"type\":\"string\",\"enum\":[\"IPv4\",\"IPv6\"],\"default\":\"IPv4\"}"),
};
static const struct shape check_shape = SHAPE(&check_fields, check_members);

static const struct shape upgrade_shape = { .fields = &upgrade_fields };
static const struct shape unreachable_shape = { .fields = &unreachable_fields };

static const struct member address_members[] = {
	ANY("networkName"), ANY("groups"), ANY("labels"), ANY("discovery"),
};
static const struct shape address_shape = SHAPE(NULL, address_members);

static const struct member app_members[] = {
	{ .name = "id", .kind = MEMBER_VALUE, .schema = "{\"type\":\"string\",\"minLength\":1}", .required = true },
	OBJECT("container", container_shape),
	LIST("networks", network_shape),
	LIST("portDefinitions", definition_shape),
	LIST("healthChecks", check_shape),
	VALUE("constraints", "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":3,"
	      "\"items\":{\"type\":\"string\"}}}"),
	OBJECT("upgradeStrategy", upgrade_shape),
	{ .name = "unreachableStrategy", .kind = MEMBER_OBJECT, .of = &unreachable_shape, .or_text = true },
	OBJECT("ipAddress", address_shape),
	/* the older names of things, and what is refused when it asks for anything */
	ANY("ports"), ANY("uris"), ANY("fetch"), ANY("secrets"), ANY("readinessChecks"), ANY("check"),
	ANY("residency"), ANY("tty"), ANY("resourceLimits"), ANY("executorResources"), ANY("storeUrls"),
	/* what an answer has beside the definition */
	ANY("version"), ANY("versionInfo"), ANY("tasks"), ANY("tasksStaged"), ANY("tasksRunning"),
	ANY("tasksHealthy"), ANY("tasksUnhealthy"), ANY("deployments"), ANY("lastTaskFailure"),
	ANY("readinessCheckResults"), ANY("taskStats"), ANY("waitingFor"),
};
/* clang-format on */
static const struct shape app_shape = SHAPE(&app_fields, app_members);

static bool is_field(const struct field_table *fields, const char *name)
{
	for (size_t i = 0; fields && i < fields->count; i++)
		if (!strcmp(fields->rows[i].name, name))
			return true;
	return false;
}

static const struct member *find_member(const struct shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->count; i++)
		if (!strcmp(shape->members[i].name, name))
			return &shape->members[i];
	return NULL;
}

static void note(struct unknown_fields *out, const char *path, const char *name)
{
	if (out->count < UNKNOWN_FIELDS_MAX) /* cut, it still shows where */
		(void)text_format(out->paths[out->count], sizeof(out->paths[0]), "%s/%s", path,
				  name);
	out->count++;
}

/* No deeper than the shapes are. */
static void look(struct json_object *object, const struct shape *shape, const char *path,
		 struct unknown_fields *out)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, name, value)
	{
		const struct member *member = find_member(shape, name);
		char where[128];

		if (!member) {
			if (!is_field(shape->fields, name))
				note(out, path, name);
			continue;
		}
		if (member->kind == MEMBER_OBJECT) {
			(void)text_format(where, sizeof(where), "%s/%s", path, name);
			look(value, member->of, where, out);
		}
		if (member->kind != MEMBER_LIST || !json_object_is_type(value, json_type_array))
			continue;
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			(void)text_format(where, sizeof(where), "%s/%s(%zu)", path, name, i);
			look(json_object_array_get_idx(value, i), member->of, where, out);
		}
	}
}

void app_unknown_fields(struct json_object *document, struct unknown_fields *out)
{
	out->count = 0;
	look(document, &app_shape, "", out);
}

static void write_limits(struct json_writer *writer, const struct field *field)
{
	bool whole = field->kind == FIELD_INTEGER || field->kind == FIELD_SECONDS;

	json_field_text(writer, "type", whole ? "integer" : "number");
	if (whole) {
		json_field_integer(writer, "minimum", (int64_t)field->min);
		json_field_integer(writer, "maximum", (int64_t)field->max);
	} else {
		json_field_double(writer, "minimum", field->min);
		json_field_double(writer, "maximum", field->max);
	}
	if (field->normal < 0)
		return;
	if (whole)
		json_field_integer(writer, "default", (int64_t)field->normal);
	else
		json_field_double(writer, "default", field->normal);
}

static void write_names(struct json_writer *writer, const struct field *field)
{
	json_field_text(writer, "type", "string");
	json_key(writer, "enum");
	json_array_begin(writer);
	for (const struct field_name *name = field->names; name->name; name++)
		json_put_text(writer, name->name);
	json_array_end(writer);
	json_field_text(writer, "default", field_name_of(field->names, (int)field->normal));
}

static void write_field(struct json_writer *writer, const struct field *field)
{
	json_key(writer, field->name);
	switch (field->kind) {
	case FIELD_TEXTS:
		json_put_raw(writer, TEXTS);
		return;
	case FIELD_PAIRS:
		json_put_raw(writer, TEXT_MAP);
		return;
	case FIELD_TEXT:
	case FIELD_FLAG:
	case FIELD_NAMED:
	case FIELD_INTEGER:
	case FIELD_SECONDS:
	case FIELD_SCALED:
	case FIELD_NUMBER:
		break;
	}
	json_object_begin(writer);
	if (field->kind == FIELD_TEXT) {
		json_field_text(writer, "type", "string");
		if (field->text)
			json_field_text(writer, "default", field->text);
	} else if (field->kind == FIELD_FLAG) {
		json_field_text(writer, "type", "boolean");
		json_field_flag(writer, "default", field->normal > 0);
	} else if (field->kind == FIELD_NAMED) {
		write_names(writer, field);
	} else {
		write_limits(writer, field);
	}
	json_object_end(writer);
}

static void write_required(struct json_writer *writer, const struct shape *shape)
{
	json_key(writer, "required");
	json_array_begin(writer);
	for (size_t i = 0; i < shape->count; i++)
		if (shape->members[i].required)
			json_put_text(writer, shape->members[i].name);
	for (size_t i = 0; shape->fields && i < shape->fields->count; i++)
		if (shape->fields->rows[i].rule == FIELD_REQUIRED)
			json_put_text(writer, shape->fields->rows[i].name);
	json_array_end(writer);
}

static void write_shape(struct json_writer *writer, const struct shape *shape);

static void write_member(struct json_writer *writer, const struct member *member)
{
	bool list = member->kind == MEMBER_LIST;

	if (member->kind == MEMBER_VALUE && !member->schema)
		return;
	json_key(writer, member->name);
	if (member->kind == MEMBER_VALUE) {
		json_put_raw(writer, member->schema);
		return;
	}
	json_object_begin(writer);
	if (list) {
		json_field_text(writer, "type", "array");
		json_key(writer, "items");
		json_object_begin(writer);
	} else if (member->or_text) {
		json_key(writer, "type");
		json_put_raw(writer, "[\"object\",\"string\"]");
	}
	if (list || !member->or_text)
		json_field_text(writer, "type", "object");
	write_shape(writer, member->of);
	if (list)
		json_object_end(writer);
	json_object_end(writer);
}

static void write_shape(struct json_writer *writer, const struct shape *shape)
{
	write_required(writer, shape);
	json_key(writer, "properties");
	json_object_begin(writer);
	for (size_t i = 0; i < shape->count; i++)
		write_member(writer, &shape->members[i]);
	for (size_t i = 0; shape->fields && i < shape->fields->count; i++)
		if (shape->fields->rows[i].rule != FIELD_APART)
			write_field(writer, &shape->fields->rows[i]);
	json_object_end(writer);
}

void app_schema_write(struct json_writer *writer)
{
	json_object_begin(writer);
	json_field_text(writer, "$schema", SCHEMA);
	json_field_text(writer, "$id", "/v2/schemas/app.json");
	json_field_text(writer, "title", "App");
	json_field_text(writer, "description",
			"What Stadion runs. Unknown members are ignored, null counts as absent.");
	json_field_text(writer, "type", "object");
	write_shape(writer, &app_shape);
	json_object_end(writer);
}
