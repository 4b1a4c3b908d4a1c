#include "cors.h"

#include <string.h>
#include <strings.h>

const char *cors_origin(const char *configured, const char *origin)
{
	if (!configured || !origin)
		return NULL;
	while (*configured) {
		size_t len;

		configured += strspn(configured, ", ");
		len = strcspn(configured, ", ");
		if (len == 1 && *configured == '*')
			return "*";
		if (len > 0 && len == strlen(origin) && !strncasecmp(configured, origin, len))
			return origin;
		configured += len;
	}
	return NULL;
}

bool cors_add(struct http_exchange *exchange, const char *configured)
{
	const char *origin =
		cors_origin(configured, http_exchange_request_header(exchange, "Origin"));
	const char *asked =
		http_exchange_request_header(exchange, "Access-Control-Request-Headers");

	if (!origin)
		return false;
	http_exchange_header(exchange, "Access-Control-Allow-Origin", origin);
	http_exchange_header(exchange, "Access-Control-Allow-Headers", asked ? asked : "*");
	http_exchange_header(exchange, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	http_exchange_header(exchange, "Access-Control-Max-Age", "86400");
	if (strcmp(origin, "*") != 0)
		http_exchange_header(exchange, "Vary", "Origin");
	return !strcmp(http_exchange_method(exchange), "OPTIONS");
}
