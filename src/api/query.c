#include "query.h"

#include <strings.h>

bool query_flag(struct http_exchange *exchange, const char *key, bool fallback)
{
	const char *value = http_exchange_query(exchange, key, 0);

	return value ? !strcasecmp(value, "true") : fallback;
}
