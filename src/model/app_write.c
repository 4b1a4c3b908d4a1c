#include "stadion/model/app_write.h"

#include "app_fields.h"

static void write_container(struct json_writer *writer, const struct app *app)
{
	json_key(writer, "container");
	json_object_begin(writer);
	json_field_text(writer, "type", "DOCKER");
	json_key(writer, "docker");
	json_object_begin(writer);
	FIELDS_WRITE(writer, docker_fields, app);
	/* Refused on reading when they say anything else, yet clients expect them. */
	json_field_flag(writer, "privileged", false);
	json_key(writer, "parameters");
	json_array_begin(writer);
	json_array_end(writer);
	json_object_end(writer);
	json_key(writer, "volumes");
	json_array_begin(writer);
	json_array_end(writer);
	if (app->network != NETWORK_HOST) {
		json_key(writer, "portMappings");
		json_array_begin(writer);
		for (size_t i = 0; i < app->port_count; i++) {
			json_object_begin(writer);
			FIELDS_WRITE(writer, mapping_fields, &app->ports[i]);
			json_object_end(writer);
		}
		json_array_end(writer);
	}
	json_object_end(writer);
}

static void write_networks(struct json_writer *writer, const struct app *app)
{
	json_key(writer, "networks");
	json_array_begin(writer);
	json_object_begin(writer);
	json_field_text(writer, "mode", field_name_of(network_mode_names, (int)app->network));
	if (app->network_name)
		json_field_text(writer, "name", app->network_name);
	json_object_end(writer);
	json_array_end(writer);
	if (app->network != NETWORK_HOST)
		return;
	json_key(writer, "portDefinitions");
	json_array_begin(writer);
	for (size_t i = 0; i < app->port_count; i++) {
		json_object_begin(writer);
		FIELDS_WRITE(writer, definition_fields, &app->ports[i]);
		json_object_end(writer);
	}
	json_array_end(writer);
}

void health_check_write(struct json_writer *writer, const struct health_check *check)
{
	json_object_begin(writer);
	FIELDS_WRITE(writer, check_fields, check);
	if (check->command) {
		json_key(writer, "command");
		json_object_begin(writer);
		json_field_text(writer, "value", check->command);
		json_object_end(writer);
	}
	json_field_text(writer, "ipProtocol", field_name_of(ip_protocol_names, check->ipv6));
	if (check_traits(check->protocol)->http_1xx)
		json_field_flag(writer, "ignoreHttp1xx", check->ignore_http_1xx);
	json_object_end(writer);
}

static void write_constraints(struct json_writer *writer, const struct app *app)
{
	json_key(writer, "constraints");
	json_array_begin(writer);
	for (size_t i = 0; i < app->constraint_count; i++) {
		const struct constraint *constraint = &app->constraints[i];

		json_array_begin(writer);
		json_put_text(writer, constraint->field);
		json_put_text(writer, constraint_operator_name(constraint->operator));
		if (constraint->value)
			json_put_text(writer, constraint->value);
		json_array_end(writer);
	}
	json_array_end(writer);
}

static void write_strategies(struct json_writer *writer, const struct app *app)
{
	json_key(writer, "upgradeStrategy");
	json_object_begin(writer);
	FIELDS_WRITE(writer, upgrade_fields, app);
	json_object_end(writer);
	json_key(writer, "unreachableStrategy");
	if (app->unreachable_disabled) {
		json_put_text(writer, "disabled");
		return;
	}
	json_object_begin(writer);
	FIELDS_WRITE(writer, unreachable_fields, app);
	json_object_end(writer);
}

void app_write_members(struct json_writer *writer, const struct app *app)
{
	json_field_text(writer, "id", app->id);
	FIELDS_WRITE(writer, app_fields, app);
	if (app->container == CONTAINER_DOCKER)
		write_container(writer, app);
	write_networks(writer, app);
	if (app->check_count > 0) {
		json_key(writer, "healthChecks");
		json_array_begin(writer);
		for (size_t i = 0; i < app->check_count; i++)
			health_check_write(writer, &app->checks[i]);
		json_array_end(writer);
	}
	if (app->constraint_count > 0)
		write_constraints(writer, app);
	write_strategies(writer, app);
	if (app->version_ms == 0)
		return;
	json_field_timestamp(writer, "version", app->version_ms);
	json_key(writer, "versionInfo");
	json_object_begin(writer);
	json_field_timestamp(writer, "lastScalingAt", app->scaled_ms);
	json_field_timestamp(writer, "lastConfigChangeAt", app->configured_ms);
	json_object_end(writer);
}

void app_write_stored(struct json_writer *writer, const struct app *app)
{
	json_object_begin(writer);
	app_write_members(writer, app);
	json_object_end(writer);
}
