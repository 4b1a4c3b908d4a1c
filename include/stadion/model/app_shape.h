#pragma once

/* Which members an app definition may have, at every depth: the tables of its fields, and what is
 * read by code of its own. Made of it: a check for names that nobody reads, and a JSON Schema. */

#include <json-c/json.h>
#include <stddef.h>

#include "stadion/json/json_writer.h"

#define UNKNOWN_FIELDS_MAX 16

struct unknown_fields {
	char paths[UNKNOWN_FIELDS_MAX][128]; /* "/healthChecks(0)/pathh"; cut when longer */
	size_t count; /* of all that were met; those beyond the maximum have no path */
};

/* Members that app_read ignores because it does not know them. Such as an answer of the API has
 * beside the definition (tasks, versionInfo ...) are known. */
void app_unknown_fields(struct json_object *document, struct unknown_fields *out);

/* One JSON Schema (2020-12) of the definitions that users write, in its current form. */
void app_schema_write(struct json_writer *writer);
