#include "access.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "stadion/base/id.h"

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648 with or without padding; false for anything else, a NUL inside, or too long. */
static bool base64_decode(const char *text, char *out, size_t size)
{
	unsigned bits = 0;
	int held = 0, digit;
	size_t len = 0;

	for (; (digit = base64_digit(*text)) >= 0; text++) {
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (len + 1 >= size)
			return false;
		out[len] = (char)(bits >> held);
		if (!out[len++])
			return false;
	}
	out[len] = '\0';
	return text[strspn(text, "=")] == '\0';
}

bool access_credentials_match(const char *authorization, const char *credentials)
{
	char given[1024];

	if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
		return false;
	authorization += 6;
	authorization += strspn(authorization, " ");
	return base64_decode(authorization, given, sizeof(given)) &&
	       id_equal_secret(given, credentials);
}

bool access_origin_is_ours(const char *origin, const char *host)
{
	const char *authority;

	if (!origin)
		return true;
	authority = strstr(origin, "://");
	return authority && host && !strcasecmp(authority + 3, host);
}

bool access_method_is_safe(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") || !strcmp(method, "OPTIONS");
}

bool access_type_is_json(const char *content_type)
{
	static const char json[] = "application/json";

	if (!content_type)
		return true;
	content_type += strspn(content_type, " \t");
	if (strncasecmp(content_type, json, sizeof(json) - 1) != 0)
		return false;
	content_type += sizeof(json) - 1;
	content_type += strspn(content_type, " \t");
	return !*content_type || *content_type == ';';
}
