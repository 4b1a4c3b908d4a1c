#pragma once

/* Bodies of changes. */

#include <json-c/json.h>

#include "stadion/net/http_server.h"

/* The parsed body, to be released by the caller; or NULL, and the exchange is answered: 415 for
 * another type than JSON, 400 for what is no JSON. */
struct json_object *body_read(struct http_exchange *exchange);
/* The same, whatever type it says to be. */
struct json_object *body_read_any_type(struct http_exchange *exchange);

/* For changes that need no body: false, and answered with 415, when one of another type came. */
bool body_type_check(struct http_exchange *exchange);
