#include <stdio.h>
#include <string.h>

#include "app_parts.h"
#include "stadion/base/language.h"
#include "stadion/json/json.h"
#include "stadion/model/constraint.h"
#include "string_list.h"

static void validate_command(const struct app *app, struct problems *problems)
{
	if (app->cmd && app->args)
		problems_add(problems, true, "/", "cmd and args must not both be given");
	else if (!app->cmd && !app->args && app->container == CONTAINER_NONE)
		problems_add(problems, true, "/",
			     "an app needs a command (cmd), arguments (args) or a container image");
	if (app->cmd && !*app->cmd)
		problems_add(problems, false, "/cmd", "error.minLength");
}

static bool executor_valid(const char *executor)
{
	size_t len = strlen(executor);

	if (len == 0 || strcmp(executor, "//cmd") == 0)
		return true;
	return executor[len - 1] != '/' && !strstr(executor, "//");
}

static void validate_texts(const struct app *app, struct problems *problems)
{
	if (!executor_valid(app->executor))
		problems_add(problems, false, "/executor", "error.pattern");
	for (size_t i = 0; i < app->env.count; i++) {
		const char *key = app->env.items[i].key;

		if (!*key || strchr(key, '='))
			problems_add(problems, true, "/env",
				     "'%.100s' cannot be the name of a variable", key);
	}
	for (size_t i = 0; app->accepted_roles && app->accepted_roles[i]; i++) {
		char where[64];

		(void)snprintf(where, sizeof(where), "/acceptedResourceRoles(%zu)", i);
		if (!*app->accepted_roles[i])
			problems_add(problems, false, where, "error.minLength");
	}
}

static void validate_ports(const struct app *app, struct problems *problems)
{
	bool host = app->network == NETWORK_HOST;
	const char *path = host ? "/portDefinitions" : "/container/portMappings";

	for (size_t i = 0; i < app->port_count; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct app_port *a = &app->ports[k], *b = &app->ports[i];

			if (host && a->service_port == b->service_port && a->service_port > 0)
				problems_add(problems, true, path,
					     "ports must be unique, %d is not", a->service_port);
			if (a->name && b->name && strcmp(a->name, b->name) == 0)
				problems_add(problems, true, path,
					     "port names must be unique, '%.64s' is not", a->name);
		}
	}
}

static void validate_checks(const struct app *app, struct problems *problems)
{
	size_t mesos_count = 0;

	for (size_t i = 0; i < app->check_count; i++) {
		const struct health_check *check = &app->checks[i];
		const struct check_traits *traits = check_traits(check->protocol);
		char where[64];

		(void)snprintf(where, sizeof(where), "/healthChecks(%zu)", i);
		mesos_count += traits->mesos;
		if (traits->port && check->port == CHECK_PORT_UNSET &&
		    (check->port_index == CHECK_PORT_UNSET ||
		     (size_t)check->port_index >= app->port_count))
			problems_add(problems, true, where,
				     "must address a port by portIndex or port; portIndex is %d, "
				     "the app has %zu",
				     check->port_index, app->port_count);
		if (check->ipv6 && !(traits->mesos && app->container == CONTAINER_DOCKER))
			problems_add(problems, true, where,
				     "IPv6 is only for MESOS_ checks of Docker containers");
	}
	if (mesos_count > 1)
		problems_add(problems, true, "/", "at most one health check may be a MESOS_ one");
}

static void validate_constraints(const struct app *app, struct problems *problems)
{
	for (size_t i = 0; i < app->constraint_count; i++) {
		char where[64], why[256];

		(void)snprintf(where, sizeof(where), "/constraints(%zu)", i);
		if (!constraint_valid(&app->constraints[i], why, sizeof(why)))
			problems_add(problems, true, where, "%s", why);
	}
}

static void validate_strategies(const struct app *app, struct problems *problems)
{
	const char *single = pair_list_find(&app->labels, "MARATHON_SINGLE_INSTANCE_APP");

	if (app->unreachable_inactive_ms > app->unreachable_expunge_ms)
		problems_add(problems, true, "/unreachableStrategy",
			     "inactiveAfterSeconds (%lld) must not exceed expungeAfterSeconds "
			     "(%lld)",
			     (long long)(app->unreachable_inactive_ms / 1000),
			     (long long)(app->unreachable_expunge_ms / 1000));
	if (single && strcmp(single, "true") == 0 &&
	    (app->instances > 1 || app->minimum_health_capacity > 0 ||
	     app->maximum_over_capacity > 0))
		problems_add(problems, true, "/",
			     "a single instance app has at most one instance and an "
			     "upgradeStrategy of 0 and 0");
}

void app_validate(const struct app *app, struct problems *problems)
{
	validate_command(app, problems);
	validate_texts(app, problems);
	validate_ports(app, problems);
	validate_checks(app, problems);
	validate_constraints(app, problems);
	validate_strategies(app, problems);
	if (app->gpus > 0)
		problems_add(problems, true, "/gpus", "GPUs are not supported yet");
}

/* null, false, 0, "", [] and {} ask for nothing. */
static bool asks_for_nothing(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_int:
	case json_type_double:
		return json_object_get_double(value) == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
		return json_object_object_length(value) == 0;
	}
	return false;
}

static void refuse(struct json_object *object, const char *path, const char *const *names,
		   struct problems *problems)
{
	for (; *names; names++) {
		char where[128];

		(void)snprintf(where, sizeof(where), "%s/%s", path, *names);
		if (!asks_for_nothing(json_member(object, *names)))
			problems_add(problems, true, where, "%s is not supported yet", *names);
	}
}

void app_refuse_unsupported(struct json_object *document, struct problems *problems)
{
	static const char *const of_app[] = {
		"fetch",     "uris", "secrets",	       "readinessChecks",   "check",
		"residency", "tty",  "resourceLimits", "executorResources", NULL
	};
	static const char *const of_container[] = { "volumes", "linuxInfo", NULL };
	static const char *const of_docker[] = { "privileged", "parameters", "credential",
						 "pullConfig", NULL };
	static const char *const of_network[] = { "labels", NULL };
	static const char *const of_address[] = { "groups", "labels", "discovery", NULL };
	struct json_object *container = json_object_member(document, "container");
	struct json_object *networks = json_array_member(document, "networks");

	refuse(document, "", of_app, problems);
	refuse(container, "/container", of_container, problems);
	refuse(json_object_member(container, "docker"), "/container/docker", of_docker, problems);
	refuse(json_object_member(document, "ipAddress"), "/ipAddress", of_address, problems);
	if (networks && json_object_array_length(networks) > 0)
		refuse(json_object_array_get_idx(networks, 0), "/networks(0)", of_network,
		       problems);
}
