#include "stadion/net/router.h"

#include <stdbool.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"

struct span {
	char *at;
	size_t len;
};

/* "//a///b/" becomes "/a/b". False when it is too long. */
static bool normalise(const char *path, char scratch[ROUTE_PATH_MAX])
{
	size_t len = 0;

	while (*path) {
		size_t segment = strcspn(path, "/");

		if (segment > 0) {
			if (len + segment + 2 > ROUTE_PATH_MAX)
				return false;
			scratch[len++] = '/';
			memcpy(scratch + len, path, segment);
			len += segment;
		}
		path += segment + (path[segment] == '/');
	}
	if (len == 0)
		scratch[len++] = '/';
	scratch[len] = '\0';
	return true;
}

static size_t segment_len(const char *at)
{
	return strcspn(at, "/");
}

/* Both stand at a slash or at their end. `{id}` gives segments back until the rest fits. */
static bool matches(const char *pattern, char *path, struct span *params, size_t count)
{
	size_t name, taken;

	if (*pattern == '\0' || *path == '\0')
		return *pattern == *path;
	name = segment_len(++pattern);
	taken = segment_len(++path);
	if (*pattern != '{')
		return name == taken && memcmp(pattern, path, name) == 0 &&
		       matches(pattern + name, path + taken, params, count);
	if (taken == 0 || count == ROUTE_PARAMS_MAX)
		return false;
	params[count] = (struct span){ path, taken };
	if (strncmp(pattern, "{id}", name) != 0)
		return matches(pattern + name, path + taken, params, count + 1);
	for (taken = strlen(path); taken > 0; taken--) {
		if (path[taken] != '/' && path[taken] != '\0')
			continue;
		params[count].len = taken;
		if (matches(pattern + name, path + taken, params, count + 1))
			return true;
	}
	return false;
}

static void allow_add(char *allow, size_t size, const char *method)
{
	size_t len = strlen(allow);
	const char *found = strstr(allow, method);

	if (found && (found[strlen(method)] == ',' || found[strlen(method)] == '\0'))
		return;
	(void)text_copy(allow + len, size - len, len > 0 ? ", " : "");
	len = strlen(allow);
	(void)text_copy(allow + len, size - len, method);
}

static bool is_method(const struct route *route, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	return strcmp(route->method, method) == 0;
}

int router_find(const struct route *routes, size_t count, const char *method, const char *path,
		char scratch[ROUTE_PATH_MAX], struct route_match *match, char *allow,
		size_t allow_size)
{
	bool found = false;

	allow[0] = '\0';
	if (!normalise(path, scratch))
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct span params[ROUTE_PARAMS_MAX] = { 0 };

		if (!matches(routes[i].pattern, scratch, params, 0))
			continue;
		if (is_method(&routes[i], method)) {
			allow[0] = '\0';
			*match = (struct route_match){ 0 };
			for (size_t p = 0; p < ROUTE_PARAMS_MAX && params[p].at; p++) {
				params[p].at[params[p].len] = '\0';
				match->params[p] = params[p].at;
			}
			return (int)i;
		}
		found = true;
		allow_add(allow, allow_size, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			allow_add(allow, allow_size, "HEAD");
	}
	if (found)
		allow_add(allow, allow_size, "OPTIONS");
	return found ? -2 : -1;
}

static void tell(struct http_exchange *exchange, int status, const char *what, const char *detail)
{
	struct text text = TEXT_INIT(2 * ROUTE_PATH_MAX * 6); /* every byte may be escaped */
	struct text body = TEXT_INIT(2 * ROUTE_PATH_MAX * 6);
	struct json_writer writer = JSON_WRITER(&body);

	text_add(&text, what);
	text_add(&text, detail);
	json_object_begin(&writer);
	json_field_text(&writer, "message", text_string(&text));
	json_object_end(&writer);
	text_clear(&text);
	http_exchange_reply_json(exchange, status, &body);
}

void router_dispatch(const struct route *routes, size_t count, struct http_exchange *exchange,
		     void *arg)
{
	char scratch[ROUTE_PATH_MAX], allow[128];
	struct route_match match;
	const char *method = http_exchange_method(exchange);
	const char *path = http_exchange_path(exchange);
	int found;

	if (strlen(path) >= ROUTE_PATH_MAX) {
		tell(exchange, 414, "the path is too long", "");
		return;
	}
	found = router_find(routes, count, method, path, scratch, &match, allow, sizeof(allow));
	if (found >= 0) {
		routes[found].fn(exchange, &match, arg);
		return;
	}
	if (found == -1) {
		tell(exchange, 404, "nothing is at ", path);
		return;
	}
	http_exchange_header(exchange, "Allow", allow);
	if (strcmp(method, "OPTIONS") == 0)
		http_exchange_reply_empty(exchange, 200);
	else
		tell(exchange, 405, "not a method of this path; these are: ", allow);
}
