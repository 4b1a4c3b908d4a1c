#pragma once

/* Warnings of answers: what in a document nobody reads, so that a typo is seen. */

#include <json-c/json.h>

#include "stadion/net/http_server.h"

#define WARNING_MAX 1024 /* bytes of the header's value */

/* Adds `Warning: 199 stadion "unknown fields: /pathh, ..."` for an app, or a list of apps, with
 * members that app_read ignores. Right away: refusals have it, too. */
void warn_of_unknown(struct http_exchange *exchange, struct json_object *document);
