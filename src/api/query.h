#pragma once

/* Flags in the query, by Marathon's rule: `true` in any case is true, all else is false. */

#include <stdbool.h>

#include "stadion/net/http_server.h"

bool query_flag(struct http_exchange *exchange, const char *key, bool fallback);
