#include <stdio.h>
#include <stdlib.h>

#include "app_parts.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"

#define MARATHON_GRACE_MS 300000
#define MARATHON_TIMEOUT_MS 20000
#define UNUSED_DELAY_MS 15000 /* what checks without a delay show */

static void read_command(struct reader *reader, struct json_object *item, const char *path,
			 struct health_check *check)
{
	struct json_object *command = reader_object(reader, item, path, "command");
	char where[64];
	const char *value;

	(void)text_format(where, sizeof(where), "%s/command", path);
	value = reader_text(reader, command, where, "value");
	if (check->protocol != CHECK_COMMAND) {
		if (command)
			problems_add(reader->problems, true, path,
				     "only a COMMAND check has a command");
		return;
	}
	if (value && !*value)
		problem_code(reader, where, "value", "error.minLength");
	else if (value)
		check->command = text_duplicate(value);
	else if (!json_member(command, "value"))
		problem_code(reader, where, "value", "error.path.missing");
	if (check->path || check->port != CHECK_PORT_UNSET)
		problems_add(reader->problems, true, path, "a COMMAND check has no path or port");
}

/* Drops what a check of its protocol does not have, and addresses the first port by default. */
static void normalise(struct health_check *check, const struct app *app)
{
	const struct check_traits *traits = check_traits(check->protocol);

	if (!traits->path) {
		free(check->path);
		check->path = NULL;
	}
	if (!traits->delay)
		check->delay_ms = UNUSED_DELAY_MS;
	if (!traits->http_1xx)
		check->ignore_http_1xx = false;
	if (!traits->port)
		check->port_index = CHECK_PORT_UNSET;
	else if (check->port == CHECK_PORT_UNSET && check->port_index == CHECK_PORT_UNSET &&
		 app->port_count > 0)
		check->port_index = 0;
}

static void read_check(struct reader *reader, struct json_object *item, const char *path,
		       bool marathon_defaults, const struct app *app, struct health_check *check)
{
	struct json_object *flag = json_member(item, "ignoreHttp1xx");
	const char *family = reader_text(reader, item, path, "ipProtocol");
	int value = 0;

	if (marathon_defaults) {
		check->grace_ms = MARATHON_GRACE_MS;
		check->timeout_ms = MARATHON_TIMEOUT_MS;
	}
	FIELDS_READ(reader, check_fields, item, path, check);
	if (family && !field_name_parse(ip_protocol_names, family, &value))
		problem_code(reader, path, "ipProtocol", "error.unknown.enum.literal");
	check->ipv6 = value;
	if (flag && !json_object_is_type(flag, json_type_boolean))
		problem_code(reader, path, "ignoreHttp1xx", "error.expected.jsboolean");
	check->ignore_http_1xx = json_flag(item, "ignoreHttp1xx", false);
	read_command(reader, item, path, check);
	for (const char *c = check->path; c && *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			problem_code(reader, path, "path", "error.pattern");
			break;
		}
	if (!reader->stored)
		normalise(check, app);
}

void app_read_checks(struct reader *reader, struct json_object *document, bool marathon_defaults,
		     struct app *app)
{
	struct json_object *list = reader_array(reader, document, "", "healthChecks");
	size_t count = list ? json_object_array_length(list) : 0;

	if (count == 0 || !reader_count(reader, "", "healthChecks", count, CHECKS_MAX))
		return;
	app->checks = calloc(count, sizeof(*app->checks));
	for (size_t i = 0; app->checks && i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct health_check *check = &app->checks[app->check_count];
		char where[64];

		(void)snprintf(where, sizeof(where), "/healthChecks(%zu)", i);
		if (!json_object_is_type(item, json_type_object)) {
			problems_add(reader->problems, false, where, "error.expected.jsobject");
			continue;
		}
		(void)FIELDS_DEFAULT(check_fields, check); /* no texts by default: cannot fail */
		app->check_count++;
		read_check(reader, item, where, marathon_defaults, app, check);
	}
}
