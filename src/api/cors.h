#pragma once

/* Pages of other sites that may look (never change) what is here: only where sites are configured.
 */

#include <stdbool.h>

#include "stadion/net/http_server.h"

/* The one of the configured origins (joined by commas, a star is any) that the answer names: NULL
 * when it names none. Pure. */
const char *cors_origin(const char *configured, const char *origin);

/* Adds the headers. True for the question that a browser asks before it asks: a preflight, which
 * carries no credentials. */
bool cors_add(struct http_exchange *exchange, const char *configured);
