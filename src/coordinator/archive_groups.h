#pragma once

/* Groups and the past as they lie in the store: archive.h. Reading comes after that of the apps. */

#include <json-c/json.h>

#include "archive.h"

bool archive_read_group(struct cluster *cluster, struct json_object *root, struct error *error);
bool archive_read_past(struct cluster *cluster, struct json_object *root, struct error *error);
