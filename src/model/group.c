#include "stadion/model/group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/model/app_write.h"
#include "string_list.h"

#define INSTANCES_MAX 100000 /* as in app_fields.c */

struct group *group_new(const char *id)
{
	autoptr(group) group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->references = 1;
	group->id = text_duplicate(id);
	return group->id ? TAKE(group) : NULL;
}

struct group *group_ref(const struct group *group)
{
	struct group *same = (struct group *)group;

	if (same)
		same->references++;
	return same;
}

void group_unref(struct group *group)
{
	if (!group || --group->references > 0)
		return;
	for (size_t i = 0; i < group->app_count; i++)
		app_unref(group->apps[i]);
	for (size_t i = 0; i < group->group_count; i++)
		group_unref(group->groups[i]);
	free(group->apps);
	free(group->groups);
	string_list_free(group->dependencies);
	free(group->id);
	free(group);
}

struct group *group_copy_head(const struct group *group)
{
	autoptr(group) copy = group_new(group->id);

	if (!copy || !string_list_copy(&copy->dependencies, group->dependencies))
		return NULL;
	copy->version_ms = group->version_ms;
	return TAKE(copy);
}

/* Room for one more: lists grow to the next power of two. */
static bool make_room(void **items, size_t count, size_t size)
{
	void *grown = *items;

	if ((count & (count - 1)) == 0)
		grown = reallocarray(*items, count ? count * 2 : 1, size);
	if (grown)
		*items = grown;
	return grown;
}

bool group_add_app(struct group *group, struct app *app)
{
	void *items = group->apps;
	bool fine = app && make_room(&items, group->app_count, sizeof(struct app *));

	group->apps = items;
	if (fine)
		group->apps[group->app_count++] = app;
	else
		app_unref(app);
	return fine;
}

bool group_add_group(struct group *group, struct group *child)
{
	void *items = group->groups;
	bool fine = child && make_room(&items, group->group_count, sizeof(struct group *));

	group->groups = items;
	if (fine)
		group->groups[group->group_count++] = child;
	else
		group_unref(child);
	return fine;
}

bool group_add_dependency(struct group *group, const char *id)
{
	return string_list_add(&group->dependencies, id);
}

bool group_same_dependencies(const struct group *a, const struct group *b)
{
	return string_list_count(a->dependencies) == string_list_count(b->dependencies) &&
	       (!a->dependencies || !b->dependencies ||
		string_list_equal(a->dependencies, b->dependencies));
}

void group_request_clear(struct group_request *request)
{
	group_unref(request->group);
	request->group = NULL;
}

bool group_scale_instances(const struct app *app, double factor, int32_t *out, struct error *error)
{
	double instances = ceil(app->instances * factor);

	if (!(instances >= 0 && instances <= INSTANCES_MAX)) /* this way round NaN fails too */
		return error_set(error, ERROR_INVALID,
				 "scaling %s by %g would be more than %d instances", app->id,
				 factor, INSTANCES_MAX);
	*out = (int32_t)instances;
	return true;
}

static void write_apps(struct json_writer *writer, const struct group *group,
		       const struct group_write_options *options)
{
	for (size_t i = 0; options->apps && i < group->app_count; i++)
		if (options->write_app)
			options->write_app(writer, group->apps[i], options->arg);
		else
			app_write_stored(writer, group->apps[i]);
}

void group_write(struct json_writer *writer, const struct group *group,
		 const struct group_write_options *options)
{
	json_object_begin(writer);
	json_field_text(writer, "id", group->id);
	json_key(writer, "apps");
	json_array_begin(writer);
	write_apps(writer, group, options);
	json_array_end(writer);
	json_key(writer, "pods");
	json_array_begin(writer);
	json_array_end(writer);
	json_key(writer, "groups");
	json_array_begin(writer);
	for (size_t i = 0; options->groups && i < group->group_count; i++)
		group_write(writer, group->groups[i], options);
	json_array_end(writer);
	json_key(writer, "dependencies");
	json_array_begin(writer);
	for (size_t i = 0; group->dependencies && group->dependencies[i]; i++)
		json_put_text(writer, group->dependencies[i]);
	json_array_end(writer);
	json_field_timestamp(writer, "version", group->version_ms);
	json_object_end(writer);
}
