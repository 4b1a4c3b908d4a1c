#include "archive_groups.h"

#include <inttypes.h>
#include <stdio.h>

#include "group_records.h"
#include "records.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"

#define PAST_MAX (64U << 20)
#define KEY_MAX 2048

static bool put(struct store_batch *batch, const char *key, struct text *text)
{
	bool fine = !text->failed && store_batch_put(batch, key, text_string(text), text->len);

	text_clear(text);
	return fine;
}

static bool group_key(const struct cluster_group *group, char out[KEY_MAX])
{
	return text_format(out, KEY_MAX, "group/%s", group->id);
}

/* In the order of versions, whatever the length of the number. */
static bool past_key(const struct past *past, char out[KEY_MAX])
{
	return text_format(out, KEY_MAX, "past/%016" PRId64, past->version_ms);
}

static void write_head(struct json_writer *writer, const struct group *head)
{
	json_object_begin(writer);
	json_field_text(writer, "id", head->id);
	json_field_integer(writer, "version", head->version_ms);
	json_key(writer, "dependencies");
	json_array_begin(writer);
	for (size_t i = 0; head->dependencies && head->dependencies[i]; i++)
		json_put_text(writer, head->dependencies[i]);
	json_array_end(writer);
	json_object_end(writer);
}

bool archive_put_group(struct store_batch *batch, const struct cluster_group *group)
{
	struct text text = TEXT_INIT(PAST_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	char key[KEY_MAX];

	write_head(&writer, group->head);
	if (group_key(group, key))
		return put(batch, key, &text);
	text_clear(&text);
	return false;
}

bool archive_delete_group(struct store_batch *batch, const struct cluster_group *group)
{
	char key[KEY_MAX];

	return group_key(group, key) && store_batch_delete(batch, key);
}

bool archive_put_past(struct store_batch *batch, const struct past *past)
{
	struct text text = TEXT_INIT(PAST_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	char key[KEY_MAX];

	json_object_begin(&writer);
	json_field_integer(&writer, "version", past->version_ms);
	json_key(&writer, "apps");
	json_array_begin(&writer);
	for (size_t i = 0; i < past->app_count; i++) {
		json_object_begin(&writer);
		json_field_text(&writer, "id", past->apps[i].id);
		if (past->apps[i].before) {
			json_key(&writer, "before");
			app_write_stored(&writer, past->apps[i].before);
		}
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_key(&writer, "groups");
	json_array_begin(&writer);
	for (size_t i = 0; i < past->group_count; i++) {
		json_object_begin(&writer);
		json_field_text(&writer, "id", past->groups[i].id);
		if (past->groups[i].before) {
			json_key(&writer, "before");
			write_head(&writer, past->groups[i].before);
		}
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_object_end(&writer);
	(void)past_key(past, key); /* always fits */
	return put(batch, key, &text);
}

bool archive_delete_past(struct store_batch *batch, const struct past *past)
{
	char key[KEY_MAX];

	return past_key(past, key) && store_batch_delete(batch, key);
}

static struct group *read_head(struct json_object *root, struct error *error)
{
	autoptr(group) head = group_new(json_text(root, "id", ""));
	struct json_object *list = json_array_member(root, "dependencies");
	size_t count = list ? json_object_array_length(list) : 0;
	bool fine = head;

	for (size_t i = 0; fine && i < count; i++)
		fine = group_add_dependency(
			head, json_object_get_string(json_object_array_get_idx(list, i)));
	if (!fine) {
		error_set(error, ERROR_NOMEM, "no memory");
		return NULL;
	}
	head->version_ms = json_integer(root, "version", 0);
	return TAKE(head);
}

bool archive_read_group(struct cluster *cluster, struct json_object *root, struct error *error)
{
	struct group *head = read_head(root, error);
	struct cluster_group *group;

	if (!head)
		return false;
	if (head->id[0] != '/') {
		group_unref(head);
		return error_set(error, ERROR_INVALID, "a bad id");
	}
	if (!(group = record_group_new(head)))
		return error_set(error, ERROR_NOMEM, "no memory");
	record_group_link(cluster, group);
	return true;
}

/* Most of what the past knows its app still lists: one copy in memory is enough. */
static struct app *share(const struct cluster *cluster, struct app *app)
{
	const struct cluster_app *record = record_find_app(cluster, app->id);
	const struct app *listed = record ? cluster_app_version(record, app->version_ms) : NULL;

	if (!listed)
		return app;
	app_unref(app);
	return app_ref(listed);
}

static bool read_past_apps(const struct cluster *cluster, struct json_object *list, size_t count,
			   struct past *past, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct json_object *before = json_object_member(item, "before");
		autoptr(app) app = before ? app_read_stored(before, error) : NULL;

		if (before && !app)
			return false;
		if (app)
			app = share(cluster, app);
		if (!record_past_add_app(past, json_text(item, "id", ""), app))
			return error_set(error, ERROR_NOMEM, "no memory");
	}
	return true;
}

static bool read_past_groups(struct json_object *list, size_t count, struct past *past,
			     struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct json_object *before = json_object_member(item, "before");
		autoptr(group) head = before ? read_head(before, error) : NULL;

		if (before && !head)
			return false;
		if (!record_past_add_group(past, json_text(item, "id", ""), head))
			return error_set(error, ERROR_NOMEM, "no memory");
	}
	return true;
}

bool archive_read_past(struct cluster *cluster, struct json_object *root, struct error *error)
{
	struct json_object *apps = json_array_member(root, "apps");
	struct json_object *groups = json_array_member(root, "groups");
	size_t app_count = apps ? json_object_array_length(apps) : 0;
	size_t group_count = groups ? json_object_array_length(groups) : 0;
	autoptr(past) past =
		record_past_new(json_integer(root, "version", 0), app_count, group_count);

	if (!past)
		return error_set(error, ERROR_NOMEM, "no memory");
	if (!read_past_apps(cluster, apps, app_count, past, error) ||
	    !read_past_groups(groups, group_count, past, error))
		return false;
	record_past_link(cluster, TAKE(past));
	return true;
}
