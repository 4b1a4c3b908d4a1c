#include "app_change.h"

#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/json/json.h"

/* Whether anything but id and version is said. */
static bool says_more(struct json_object *document)
{
	json_object_object_foreach(document, key, value)
	{
		if (value && strcmp(key, "id") != 0 && strcmp(key, "version") != 0)
			return true;
	}
	return false;
}

static enum app_update_result roll_back(const struct cluster_app *there,
					struct json_object *document, struct app **out,
					struct problems *problems)
{
	const char *version = json_text(document, "version", NULL);
	const struct app *old;
	int64_t version_ms;

	if (!version) {
		problems_add(problems, false, "/version", "error.expected.jsstring");
		return APP_UPDATE_PROBLEMS;
	}
	if (says_more(document)) {
		problems_add(problems, true, "/version",
			     "version goes back to an old definition; nothing else may be changed "
			     "along with it");
		return APP_UPDATE_PROBLEMS;
	}
	if (!timestamp_parse(version, &version_ms))
		return APP_UPDATE_BAD_TIME;
	old = cluster_app_version(there, version_ms);
	if (!old)
		return APP_UPDATE_NO_VERSION;
	*out = app_ref(old);
	return APP_UPDATE_GOOD;
}

enum app_update_result app_update_read(const struct api *api, const struct app_update *update,
				       struct app **out, struct problems *problems)
{
	const struct cluster_app *there = api_find_app(api, update->id);
	const struct app_read_options options = {
		.id = update->id,
		.over = there && update->partial ? there->current : NULL,
		.marathon_check_defaults = api->marathon_check_defaults,
	};

	if (options.over && json_object_is_type(update->document, json_type_object) &&
	    json_member(update->document, "version"))
		return roll_back(there, update->document, out, problems);
	*out = app_read(update->document, &options, problems);
	return *out ? APP_UPDATE_GOOD : APP_UPDATE_PROBLEMS;
}
