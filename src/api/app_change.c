#include "app_change.h"

#include <string.h>

#include "query.h"
#include "reply.h"
#include "stadion/base/clock.h"
#include "stadion/json/json.h"
#include "views.h"

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

static void answer_plan(struct http_exchange *exchange, const struct change_outcome *outcome,
			struct pending *pending)
{
	const struct deployment *plan = outcome->plan;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)pending;
	json_object_begin(&writer);
	deployment_steps_write(&writer, plan);
	json_key(&writer, "restarts");
	json_array_begin(&writer);
	for (size_t i = 0; i < plan->action_count; i++)
		if (plan->actions[i].action == PLAN_RESTART)
			json_put_text(&writer, plan->actions[i].app_id);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void app_changes_start(struct api *api, struct http_exchange *exchange,
		       const struct change *changes, size_t count, pending_answer_fn *answer)
{
	bool dry = query_flag(exchange, "dryRun", false);
	struct pending *pending = pending_new(api, exchange, dry ? answer_plan : answer,
					      count == 1 ? changes[0].id : NULL);

	if (pending && dry)
		coordinator_preview(api->coordinator, changes, count, pending_done, pending);
	else if (pending)
		coordinator_change(api->coordinator, changes, count,
				   query_flag(exchange, "force", false), pending_done, pending);
}
