#include "stadion/model/app_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_parts.h"
#include "stadion/base/clock.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/app_write.h"
#include "stadion/model/constraint.h"
#include "stadion/model/path_id.h"
#include "string_list.h"

#define STORED_MAX (8U << 20)

void problems_add(struct problems *problems, bool semantic, const char *path, const char *format,
		  ...)
{
	struct problem *problem;
	va_list args;

	if (problems->count == PROBLEMS_MAX) {
		problem = &problems->items[PROBLEMS_MAX - 1];
		(void)text_copy(problem->path, sizeof(problem->path), "/");
		(void)text_copy(problem->message, sizeof(problem->message),
				"there are more problems than are shown");
		return;
	}
	problem = &problems->items[problems->count++];
	problem->semantic = semantic;
	(void)text_copy(problem->path, sizeof(problem->path), *path ? path : "/");
	va_start(args, format);
	(void)vsnprintf(problem->message, sizeof(problem->message), format, args);
	va_end(args);
}

static void read_id(struct reader *reader, struct json_object *document, const char *fixed,
		    const char *base, struct app *app)
{
	const char *text = fixed ? fixed : reader_text(reader, document, "", "id");
	struct error error;
	char id[PATH_ID_MAX];

	if (!text) {
		if (!json_member(document, "id"))
			problem_code(reader, "", "id", "error.path.missing");
		return;
	}
	if (!path_id_resolve(text, base, id, &error) || !path_id_is_app(id, &error))
		problems_add(reader->problems, false, "/id", "%s", error.text);
	else if (!(app->id = text_duplicate(id)))
		problems_add(reader->problems, false, "/id", "out of memory");
}

/* Dependencies are relative to the app's group. */
static void resolve_dependencies(struct reader *reader, struct app *app)
{
	char group[PATH_ID_MAX], id[PATH_ID_MAX];
	struct error error;

	(void)text_copy(group, sizeof(group), app->id);
	*strrchr(group, '/') = '\0';
	for (size_t i = 0; app->dependencies && app->dependencies[i]; i++) {
		char where[64];
		char *resolved;

		(void)snprintf(where, sizeof(where), "/dependencies(%zu)", i);
		if (!path_id_resolve(app->dependencies[i], group, id, &error)) {
			problems_add(reader->problems, false, where, "%s", error.text);
			continue;
		}
		resolved = text_duplicate(id);
		if (!resolved) {
			problems_add(reader->problems, false, where, "out of memory");
			return;
		}
		free(app->dependencies[i]);
		app->dependencies[i] = resolved;
	}
}

/* ["field", "OPERATOR"] or ["field", "OPERATOR", "value"] */
static bool read_constraint(struct reader *reader, struct json_object *item, const char *path,
			    struct constraint *out)
{
	const char *parts[3] = { NULL };
	size_t count;
	enum constraint_operator operator;

	if (!json_object_is_type(item, json_type_array)) {
		problems_add(reader->problems, false, path, "error.expected.jsarray");
		return false;
	}
	count = json_object_array_length(item);
	if (count < 2 || count > 3) {
		problems_add(reader->problems, true, path,
			     "a constraint has 2 or 3 parts (field, operator, value), not %zu",
			     count);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *part = json_object_array_get_idx(item, i);

		if (!json_object_is_type(part, json_type_string)) {
			char where[64];

			(void)text_format(where, sizeof(where), "%s(%zu)", path, i);
			problems_add(reader->problems, false, where, "error.expected.jsstring");
			return false;
		}
		parts[i] = json_object_get_string(part);
	}
	if (!constraint_operator_parse(parts[1], &operator)) {
		problems_add(reader->problems, true, path,
			     "'%.64s' is none of UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, "
			     "IS",
			     parts[1]);
		return false;
	}
	out->operator= operator;
	out->field = text_duplicate(parts[0]);
	out->value = text_duplicate(parts[2]);
	return true;
}

static bool constraint_known(const struct app *app, const struct constraint *constraint)
{
	for (size_t i = 0; i < app->constraint_count; i++)
		if (constraint_equal(&app->constraints[i], constraint))
			return true;
	return false;
}

static void read_constraints(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *list = reader_array(reader, document, "", "constraints");
	size_t count = list ? json_object_array_length(list) : 0;

	if (count == 0 || !reader_count(reader, "", "constraints", count, CONSTRAINTS_MAX))
		return;
	app->constraints = calloc(count, sizeof(*app->constraints));
	for (size_t i = 0; app->constraints && i < count; i++) {
		struct constraint constraint = { 0 };
		char where[64];

		(void)snprintf(where, sizeof(where), "/constraints(%zu)", i);
		if (!read_constraint(reader, json_object_array_get_idx(list, i), where,
				     &constraint))
			continue;
		if (constraint_known(app, &constraint)) { /* equal ones are stored once */
			free(constraint.field);
			free(constraint.value);
			continue;
		}
		app->constraints[app->constraint_count++] = constraint;
	}
}

static void read_strategies(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *unreachable = json_member(document, "unreachableStrategy");
	struct json_object *upgrade = reader_object(reader, document, "", "upgradeStrategy");

	if (upgrade)
		FIELDS_READ(reader, upgrade_fields, upgrade, "/upgradeStrategy", app);
	if (json_object_is_type(unreachable, json_type_string)) /* any text, as Marathon has it */
		app->unreachable_disabled = true;
	else if (reader_object(reader, document, "", "unreachableStrategy"))
		FIELDS_READ(reader, unreachable_fields, unreachable, "/unreachableStrategy", app);
}

/* A list that is given and empty says the same as none. */
static void drop_empty(char ***strings)
{
	if (string_list_count(*strings) > 0)
		return;
	string_list_free(*strings);
	*strings = NULL;
}

static void read_all(struct reader *reader, struct json_object *document, struct json_object *given,
		     const struct app_read_options *options, struct app *app)
{
	read_id(reader, document, options->id, options->base, app);
	FIELDS_READ(reader, app_fields, document, "", app);
	drop_empty(&app->args);
	drop_empty(&app->accepted_roles);
	drop_empty(&app->dependencies);
	app_read_network(reader, document, given, app);
	app_read_checks(reader, document, options->marathon_check_defaults, app);
	read_constraints(reader, document, app);
	read_strategies(reader, document, app);
	if (app->id)
		resolve_dependencies(reader, app);
}

/* What `given` changes of `over`, as one complete document. The new reference is the caller's. */
static struct json_object *overlay(struct json_object *given, const struct app *over)
{
	struct text text = TEXT_INIT(STORED_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	struct json_object *docker =
		json_object_member(json_object_member(given, "container"), "docker");
	struct json_object *merged = NULL;

	app_write_stored(&writer, over);
	if (!text.failed)
		merged = json_parse(text_string(&text), text.len, NULL);
	text_clear(&text);
	if (!merged)
		return NULL;
	/* The older names of a thing replace the newer ones too. */
	if (json_member(given, "ports"))
		json_object_object_del(merged, "portDefinitions");
	if (json_member(given, "ipAddress") || json_member(docker, "network"))
		json_object_object_del(merged, "networks");
	json_object_object_foreach(given, key, value)
	{
		if (value)
			(void)json_object_object_add(merged, key, json_object_get(value));
	}
	return merged;
}

static void refuse_rollback_with_more(struct json_object *given, struct problems *problems)
{
	if (!json_member(given, "version"))
		return;
	json_object_object_foreach(given, key, value)
	{
		if (value && strcmp(key, "version") != 0 && strcmp(key, "id") != 0) {
			problems_add(problems, true, "/version",
				     "version rolls back and stands alone, not beside %.64s", key);
			return;
		}
	}
}

struct app *app_read(struct json_object *document, const struct app_read_options *options,
		     struct problems *problems)
{
	struct reader reader = { .problems = problems };
	autoptr(app) app = app_new();
	autoptr(json_object) merged = NULL;
	size_t before = problems->count;

	if (!json_object_is_type(document, json_type_object)) {
		problems_add(problems, false, "/", "error.expected.jsobject");
		return NULL;
	}
	merged = options->over ? overlay(document, options->over) : json_object_get(document);
	if (!app || !merged) {
		problems_add(problems, false, "/", "out of memory");
		return NULL;
	}
	if (options->over)
		refuse_rollback_with_more(document, problems);
	read_all(&reader, merged, document, options, app);
	app_refuse_unsupported(document, problems);
	if (problems->count == before)
		app_validate(app, problems);
	if (problems->count > before)
		return NULL;
	if (options->over) {
		app->version_ms = options->over->version_ms;
		app->scaled_ms = options->over->scaled_ms;
		app->configured_ms = options->over->configured_ms;
	}
	return TAKE(app);
}

static void read_versions(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *info = json_object_member(document, "versionInfo");
	const char *version = json_text(document, "version", NULL);

	if (!version)
		return;
	if (!timestamp_parse(version, &app->version_ms) ||
	    !timestamp_parse(json_text(info, "lastScalingAt", ""), &app->scaled_ms) ||
	    !timestamp_parse(json_text(info, "lastConfigChangeAt", ""), &app->configured_ms))
		problem_code(reader, "", "versionInfo", "must have the times of the version");
}

struct app *app_read_stored(struct json_object *document, struct error *error)
{
	static const struct app_read_options exact = { 0 };
	struct problems problems = { .count = 0 };
	struct reader reader = { .problems = &problems, .stored = true };
	autoptr(app) app = app_new();

	if (!app) {
		(void)error_set(error, ERROR_NOMEM, "reading an app");
		return NULL;
	}
	if (!json_object_is_type(document, json_type_object)) {
		(void)error_set(error, ERROR_INVALID, "a stored app is not an object");
		return NULL;
	}
	read_all(&reader, document, document, &exact, app);
	read_versions(&reader, document, app);
	if (problems.count > 0) {
		(void)error_set(error, ERROR_INVALID, "a stored app, %s: %s",
				problems.items[0].path, problems.items[0].message);
		return NULL;
	}
	return TAKE(app);
}
