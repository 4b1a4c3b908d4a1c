#include <stdio.h>
#include <string.h>

#include "field.h"
#include "stadion/base/clock.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/group.h"

#define GROUP_ITEMS_MAX 10000 /* of one list */

/* What is the same for all of one document. `path` is where the reading is: "" or "/groups(1)". */
struct group_reading {
	const struct group_read_options *options;
	struct reader reader;
};

static bool is_directly_in(const char *id, const char *group)
{
	const char *slash = strrchr(id, '/');
	size_t len = strcmp(group, "/") == 0 ? 0 : strlen(group);

	return slash[1] && (size_t)(slash - id) == len && strncmp(id, group, len) == 0;
}

static void add_problem(struct group_reading *reading, bool semantic, const char *path,
			const char *member, const char *message)
{
	char where[sizeof(((struct problem *)0)->path)];

	(void)text_format(where, sizeof(where), "%s%s", path, member); /* cut when too deep */
	problems_add(reading->reader.problems, semantic, where, "%s", message);
}

/* The paths of those from `first` on begin at the app: "/cmd" becomes "/apps(0)/cmd". */
static void move_problems(struct problems *problems, size_t first, const char *path)
{
	for (size_t i = first; i < problems->count && i < PROBLEMS_MAX; i++) {
		struct problem *problem = &problems->items[i];
		char inner[sizeof(problem->path)];

		(void)text_copy(inner, sizeof(inner), problem->path);
		(void)text_format(problem->path, sizeof(problem->path), "%s%s", path,
				  strcmp(inner, "/") == 0 ? "" : inner);
	}
}

static bool is_taken(const struct group *group, const char *id)
{
	for (size_t i = 0; i < group->app_count; i++)
		if (strcmp(group->apps[i]->id, id) == 0)
			return true;
	for (size_t i = 0; i < group->group_count; i++)
		if (strcmp(group->groups[i]->id, id) == 0)
			return true;
	return false;
}

static bool check_place(struct group_reading *reading, const struct group *group, const char *path,
			const char *id)
{
	if (!is_directly_in(id, group->id)) {
		add_problem(reading, true, path, "/id", "lies not directly in the group around it");
		return false;
	}
	if (is_taken(group, id)) {
		add_problem(reading, true, path, "/id", "is in the group twice");
		return false;
	}
	return true;
}

static void read_group_app(struct group_reading *reading, struct json_object *item,
			   const char *path, struct group *group)
{
	struct problems *problems = reading->reader.problems;
	const struct app_read_options options = {
		.base = group->id,
		.marathon_check_defaults = reading->options->marathon_check_defaults,
	};
	size_t before = problems->count;
	autoptr(app) app = app_read(item, &options, problems);

	if (!app)
		move_problems(problems, before, path);
	else if (check_place(reading, group, path, app->id) && !group_add_app(group, TAKE(app)))
		add_problem(reading, false, path, "", "out of memory");
}

static bool check_group_id(struct group_reading *reading, const char *path, const char *id)
{
	const char *last = strrchr(id, '/') + 1;

	if (strcmp(last, "apps") != 0 && strcmp(last, "versions") != 0)
		return true;
	add_problem(reading, true, path, "/id",
		    "a group's id must not end in 'apps' or 'versions', which the API uses");
	return false;
}

static void read_dependencies(struct group_reading *reading, struct json_object *object,
			      const char *path, struct group *group)
{
	struct json_object *list = reader_array(&reading->reader, object, path, "dependencies");
	size_t count = list ? json_object_array_length(list) : 0;
	char where[64], id[PATH_ID_MAX];
	struct error error;

	group->has_dependencies = list;
	if (!reader_count(&reading->reader, path, "dependencies", count, GROUP_ITEMS_MAX))
		return;
	if (count > 0 && strcmp(group->id, "/") == 0) {
		add_problem(reading, true, path, "/dependencies",
			    "all is in the root group: it cannot depend on anything");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		(void)snprintf(where, sizeof(where), "/dependencies(%zu)", i);
		if (!json_object_is_type(item, json_type_string))
			add_problem(reading, false, path, where, "error.expected.jsstring");
		else if (!path_id_resolve(json_object_get_string(item), group->id, id, &error))
			add_problem(reading, false, path, where, error.text);
		else if (!group_add_dependency(group, id))
			add_problem(reading, false, path, where, "out of memory");
	}
}

static void read_group(struct group_reading *reading, struct json_object *object, const char *path,
		       struct group *group);

static void read_child(struct group_reading *reading, struct json_object *item, const char *path,
		       struct group *group)
{
	const char *text = reader_text(&reading->reader, item, path, "id");
	char id[PATH_ID_MAX];
	struct error error;
	autoptr(group) child = NULL;

	if (!text) {
		if (!json_member(item, "id"))
			problem_code(&reading->reader, path, "id", "error.path.missing");
		return;
	}
	if (!path_id_resolve(text, group->id, id, &error)) {
		add_problem(reading, false, path, "/id", error.text);
		return;
	}
	if (!check_place(reading, group, path, id) || !check_group_id(reading, path, id))
		return;
	if (json_member(item, "scaleBy") || json_member(item, "version")) {
		add_problem(reading, true, path, "",
			    "scaleBy and version are for the group that the path names");
		return;
	}
	if (!(child = group_new(id))) {
		add_problem(reading, false, path, "", "out of memory");
		return;
	}
	read_group(reading, item, path, child);
	if (!group_add_group(group, TAKE(child)))
		add_problem(reading, false, path, "", "out of memory");
}

typedef void read_item_fn(struct group_reading *reading, struct json_object *item, const char *path,
			  struct group *group);

/* True if the list was given. */
static bool read_list(struct group_reading *reading, struct json_object *object, const char *path,
		      const char *name, read_item_fn *read, struct group *group)
{
	struct json_object *list = reader_array(&reading->reader, object, path, name);
	size_t count = list ? json_object_array_length(list) : 0;

	if (!reader_count(&reading->reader, path, name, count, GROUP_ITEMS_MAX))
		return true;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		char where[sizeof(((struct problem *)0)->path)];

		(void)text_format(where, sizeof(where), "%s/%s(%zu)", path, name, i);
		if (json_object_is_type(item, json_type_object))
			read(reading, item, where, group);
		else
			add_problem(reading, false, where, "", "error.expected.jsobject");
	}
	return list;
}

static void read_group(struct group_reading *reading, struct json_object *object, const char *path,
		       struct group *group)
{
	struct json_object *pods = reader_array(&reading->reader, object, path, "pods");

	if (pods && json_object_array_length(pods) > 0)
		add_problem(reading, true, path, "/pods", "pods are not supported");
	group->has_apps = read_list(reading, object, path, "apps", read_group_app, group);
	group->has_groups = read_list(reading, object, path, "groups", read_child, group);
	read_dependencies(reading, object, path, group);
}

/* `member` stands alone: an id beside it does no harm, anything else contradicts it. */
static bool check_alone(struct group_reading *reading, struct json_object *document,
			const char *member)
{
	char where[32];

	json_object_object_foreach(document, key, value)
	{
		if (!value || strcmp(key, "id") == 0 || strcmp(key, member) == 0)
			continue;
		(void)text_format(where, sizeof(where), "/%s", member);
		add_problem(reading, true, where, "", "stands alone, with nothing beside it");
		return false;
	}
	return true;
}

static void read_scale(struct group_reading *reading, struct json_object *document,
		       struct group_request *out)
{
	struct json_object *factor = json_member(document, "scaleBy");

	out->kind = GROUP_SCALE;
	out->factor = json_number(document, "scaleBy", -1);
	if (!json_object_is_type(factor, json_type_int) &&
	    !json_object_is_type(factor, json_type_double))
		problem_code(&reading->reader, "", "scaleBy", "error.expected.jsnumber");
	else if (out->factor < 0)
		problem_code(&reading->reader, "", "scaleBy", "error.min");
	else
		(void)check_alone(reading, document, "scaleBy");
}

static void read_version(struct group_reading *reading, struct json_object *document,
			 struct group_request *out)
{
	const char *version = reader_text(&reading->reader, document, "", "version");

	out->kind = GROUP_ROLL_BACK;
	if (version && check_alone(reading, document, "version") &&
	    !timestamp_parse(version, &out->version_ms))
		add_problem(reading, false, "/version", "", "is not a timestamp");
}

/* The document's id goes on from the path's, and may not lead out of it. */
static bool read_id(struct group_reading *reading, struct json_object *document,
		    char out[PATH_ID_MAX])
{
	const char *text = reader_text(&reading->reader, document, "", "id");
	struct error error;

	(void)text_copy(out, PATH_ID_MAX, reading->options->id);
	if (text && !path_id_resolve(text, reading->options->id, out, &error)) {
		add_problem(reading, false, "/id", "", error.text);
		return false;
	}
	if (!path_id_within(out, reading->options->id)) {
		add_problem(reading, true, "/id", "", "leads out of the group of the path");
		return false;
	}
	return true;
}

bool group_read(struct json_object *document, const struct group_read_options *options,
		struct group_request *out, struct problems *problems)
{
	struct group_reading reading = { .options = options, .reader = { .problems = problems } };
	struct group_request request = { .kind = GROUP_DEFINE };
	size_t before = problems->count;

	if (!json_object_is_type(document, json_type_object)) {
		problems_add(problems, false, "/", "error.expected.jsobject");
		return false;
	}
	if (!read_id(&reading, document, request.id))
		return false;
	if (json_member(document, "scaleBy")) {
		read_scale(&reading, document, &request);
	} else if (json_member(document, "version")) {
		read_version(&reading, document, &request);
	} else if (check_group_id(&reading, "", request.id)) {
		request.group = group_new(request.id);
		if (request.group)
			read_group(&reading, document, "", request.group);
		else
			problems_add(problems, false, "/", "out of memory");
	}
	if (problems->count > before) {
		group_request_clear(&request);
		return false;
	}
	*out = request;
	return true;
}
