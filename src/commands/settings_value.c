#include "settings_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"

static bool keep_text(const char *text, char **out, struct error *error)
{
	char *copy = text_duplicate(text);

	if (!copy)
		return error_set(error, ERROR_NOMEM, "settings");
	free(*out);
	*out = copy;
	return true;
}

static bool read_number(const char *text, size_t len, int64_t min, int64_t max, int64_t *out)
{
	char digits[24], *end;
	long long value;

	if (len == 0 || len >= sizeof(digits) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	value = strtoll(digits, &end, 10);
	if (*end || errno || value < min || value > max)
		return false;
	*out = value;
	return true;
}

static bool read_text(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	if (!text[0])
		return error_set(error, ERROR_INVALID, "must not be empty");
	return keep_text(text, out, error);
}

static bool read_flag(const char *text, bool fresh, void *out, struct error *error)
{
	bool yes = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
	bool no = !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "0");

	(void)fresh;
	if (!yes && !no)
		return error_set(error, ERROR_INVALID, "'%s' is neither true nor false", text);
	*(bool *)out = yes;
	return true;
}

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" */
static bool read_endpoint(const char *text, bool fresh, void *out, struct error *error)
{
	struct endpoint endpoint = { 0 };
	const char *colon = strrchr(text, ':'), *begin = text;
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned char address[sizeof(struct in6_addr)];
	int64_t port;

	(void)fresh;
	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		begin++;
		len -= 2;
	}
	if (!colon || len == 0 || len >= sizeof(endpoint.address))
		return error_set(error, ERROR_INVALID,
				 "'%s' is not ADDR:PORT, such as 127.0.0.1:8080", text);
	memcpy(endpoint.address, begin, len);
	if (!strcmp(endpoint.address, "localhost"))
		(void)text_copy(endpoint.address, sizeof(endpoint.address), "127.0.0.1");
	if (inet_pton(begin > text ? AF_INET6 : AF_INET, endpoint.address, address) != 1)
		return error_set(error, ERROR_INVALID,
				 "'%.*s' is not a numeric address, such as 127.0.0.1 or [::1]",
				 (int)(colon - text), text);
	if (!read_number(colon + 1, strlen(colon + 1), 0, 65535, &port))
		return error_set(error, ERROR_INVALID, "port '%s' is not from 0 to 65535",
				 colon + 1);
	endpoint.port = (uint16_t)port;
	*(struct endpoint *)out = endpoint;
	return true;
}

static bool read_url(const char *text, bool fresh, void *out, struct error *error)
{
	const char *host = !strncmp(text, "http://", 7)	   ? text + 7
			   : !strncmp(text, "https://", 8) ? text + 8
							   : NULL;
	size_t len = strlen(text);

	(void)fresh;
	if (strchr(text, ','))
		return error_set(error, ERROR_INVALID,
				 "several coordinators are not there yet: give one address");
	if (!host || !host[0] || host[0] == '/' || strpbrk(host, " @?#") ||
	    (strchr(host, '/') && strchr(host, '/') != text + len - 1))
		return error_set(error, ERROR_INVALID,
				 "'%s' is not http://HOST:PORT, such as http://127.0.0.1:8080",
				 text);
	if (!keep_text(text, out, error))
		return false;
	if (text[len - 1] == '/')
		(*(char **)out)[len - 1] = '\0';
	return true;
}

static bool read_socket(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	if (strncmp(text, "unix:///", 8) != 0)
		return error_set(error, ERROR_INVALID,
				 "'%s' is not unix:///PATH; other ways to the engine are not there",
				 text);
	return keep_text(text + strlen("unix://"), out, error);
}

static bool read_store(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	if (!strncmp(text, "etcd:", 5))
		return error_set(error, ERROR_INVALID,
				 "etcd is not there yet: use sqlite:PATH, such as "
				 "sqlite:/var/lib/stadion/stadion.db");
	if (strncmp(text, "sqlite:", 7) != 0 || !text[7])
		return error_set(error, ERROR_INVALID, "'%s' is not sqlite:PATH", text);
	return keep_text(text, out, error);
}

static bool read_level(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	return log_level_parse(text, out) ||
	       error_set(error, ERROR_INVALID, "'%s' is none of debug, info, warn, error", text);
}

static bool read_seconds(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	return read_number(text, strlen(text), 1, 86400, out) ||
	       error_set(error, ERROR_INVALID, "'%s' is not a number of seconds from 1 to 86400",
			 text);
}

static bool read_ports(const char *text, bool fresh, void *out, struct error *error)
{
	const char *dash = strchr(text, '-');
	int64_t low, high;

	(void)fresh;
	if (!dash || !read_number(text, (size_t)(dash - text), 1, 65535, &low) ||
	    !read_number(dash + 1, strlen(dash + 1), low, 65535, &high))
		return error_set(error, ERROR_INVALID,
				 "'%s' is not LOW-HIGH with ports from 1 to 65535", text);
	*(struct port_range *)out = (struct port_range){ (uint16_t)low, (uint16_t)high };
	return true;
}

static bool read_pairs(const char *text, bool fresh, void *out, struct error *error)
{
	struct pair_list *list = out;
	const char *equals = strchr(text, '=');
	autofree char *key = equals ? strndup(text, (size_t)(equals - text)) : NULL;

	if (!equals || equals == text)
		return error_set(error, ERROR_INVALID, "'%s' is not KEY=VALUE", text);
	if (fresh)
		pair_list_clear(list);
	if (key && pair_list_find(list, key))
		return error_set(error, ERROR_INVALID, "'%s' is given twice", key);
	return (key && pair_list_add(list, key, equals + 1)) ||
	       error_set(error, ERROR_NOMEM, "settings");
}

static const struct {
	const char *name;
	double min, max, scale; /* from its unit to ours: 0.5 cpus are 500 cpu_milli */
	size_t offset;
} resource_rows[] = {
	{ "cpus", 0.001, 4096, 1000, offsetof(struct resources, cpu_milli) },
	{ "mem", 1, 1e8, 1024, offsetof(struct resources, mem_kib) },
	{ "disk", 1, 1e9, 1024, offsetof(struct resources, disk_kib) },
};

static bool read_resource(const char *item, size_t len, struct resources *out, struct error *error)
{
	const char *equals = memchr(item, '=', len);
	char *end;
	double value;

	for (size_t i = 0; equals && i < ROWS(resource_rows); i++) {
		if (strlen(resource_rows[i].name) != (size_t)(equals - item) ||
		    strncmp(resource_rows[i].name, item, (size_t)(equals - item)) != 0)
			continue;
		value = strtod(equals + 1, &end);
		if (end != item + len || end == equals + 1 ||
		    !(value >= resource_rows[i].min && value <= resource_rows[i].max))
			return error_set(error, ERROR_INVALID,
					 "'%.*s' is not a number from %.10g to %.10g", (int)len,
					 item, resource_rows[i].min, resource_rows[i].max);
		*(int64_t *)(void *)((char *)out + resource_rows[i].offset) =
			(int64_t)(value * resource_rows[i].scale + 0.5);
		return true;
	}
	return error_set(error, ERROR_INVALID, "'%.*s' is none of cpus=N, mem=MB, disk=MB",
			 (int)len, item);
}

static bool read_resources(const char *text, bool fresh, void *out, struct error *error)
{
	struct resources resources = { 0 };

	(void)fresh;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (!read_resource(text, len, &resources, error))
			return false;
		if (!text[len])
			break;
		text += len + 1;
	}
	*(struct resources *)out = resources;
	return true;
}

static bool read_checks(const char *text, bool fresh, void *out, struct error *error)
{
	(void)fresh;
	if (strcmp(text, "marathon") != 0 && strcmp(text, "stadion") != 0)
		return error_set(error, ERROR_INVALID, "'%s' is neither stadion nor marathon",
				 text);
	*(bool *)out = !strcmp(text, "marathon");
	return true;
}

typedef bool value_read_fn(const char *text, bool fresh, void *out, struct error *error);

static value_read_fn *const readers[] = {
	[SETTING_TEXT] = read_text,	  [SETTING_PATH] = read_text,
	[SETTING_FLAG] = read_flag,	  [SETTING_ENDPOINT] = read_endpoint,
	[SETTING_URL] = read_url,	  [SETTING_SOCKET] = read_socket,
	[SETTING_STORE] = read_store,	  [SETTING_LEVEL] = read_level,
	[SETTING_SECONDS] = read_seconds, [SETTING_PORTS] = read_ports,
	[SETTING_PAIRS] = read_pairs,	  [SETTING_RESOURCES] = read_resources,
	[SETTING_CHECKS] = read_checks,
};

bool setting_value_read(enum setting_kind kind, const char *text, bool fresh, void *out,
			struct error *error)
{
	return readers[kind](text, fresh, out, error);
}

#define DISTANCE_MAX 48

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment over three rows. */
size_t setting_name_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t rows[3][DISTANCE_MAX + 1] = { 0 };

	if (a_len > DISTANCE_MAX || b_len > DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 3];
		const size_t *up = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(least(up[j], now[j - 1]) + 1,
				       up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}
