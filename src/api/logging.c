/* /logging: the level of the one logger that there is. */

#include <string.h>
#include <strings.h>

#include "api_state.h"
#include "body.h"
#include "reply.h"
#include "stadion/base/log.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"

#define LOGGER "stadion"
#define DURATION_MAX_S 86400

/* Marathon's levels on ours; errors are never silent. */
static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "off", LOG_ERROR }, { "fatal", LOG_ERROR }, { "error", LOG_ERROR }, { "warn", LOG_WARN },
	{ "info", LOG_INFO }, { "debug", LOG_DEBUG }, { "trace", LOG_DEBUG }, { "all", LOG_DEBUG },
};

void logging_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	(void)arg;
	json_object_begin(&writer);
	json_field_text(&writer, LOGGER, log_level_name(log_level_now()));
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

static bool find_level(const char *name, enum log_level *out)
{
	for (size_t i = 0; name && i < ROWS(levels); i++)
		if (!strcasecmp(name, levels[i].name)) {
			*out = levels[i].level;
			return true;
		}
	return false;
}

static bool is_logger(const char *name)
{
	return name && (!strcmp(name, LOGGER) || !strcasecmp(name, "root"));
}

void logging_revert(void *arg)
{
	const struct api *api = arg;

	log_level_set(api->normal_level);
}

/* A second change before the first reverts goes back to where that one came from. */
static void change_level(struct api *api, enum log_level level, int64_t duration_s)
{
	if (!timer_pending(&api->level_timer))
		api->normal_level = log_level_now();
	timer_cancel(&api->level_timer);
	log_level_set(level);
	if (duration_s > 0)
		timer_start(&api->level_timer, (uint64_t)duration_s * 1000);
}

void logging_set(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	autoptr(json_object) document = body_read(exchange);
	struct json_object *duration;
	const char *logger, *name;
	struct problems problems = { 0 };
	enum log_level level = LOG_INFO;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	if (!document)
		return;
	logger = json_text(document, "logger", NULL);
	name = json_text(document, "level", NULL);
	duration = json_member(document, "durationSeconds");
	if (!is_logger(logger))
		problems_add(&problems, false, "/logger", "there is one logger: " LOGGER);
	if (!find_level(name, &level))
		problems_add(&problems, false, "/level", "error.unknown.enum.literal");
	if (duration &&
	    (!json_object_is_type(duration, json_type_int) || json_object_get_int64(duration) < 1 ||
	     json_object_get_int64(duration) > DURATION_MAX_S))
		problems_add(&problems, false, "/durationSeconds", "from 1 to %d", DURATION_MAX_S);
	if (problems.count > 0) {
		reply_problems(exchange, &problems);
		return;
	}
	change_level(arg, level, duration ? json_object_get_int64(duration) : 0);
	json_object_begin(&writer);
	json_field_text(&writer, "logger", logger);
	json_field_text(&writer, "level", name);
	if (duration)
		json_field_integer(&writer, "durationSeconds", json_object_get_int64(duration));
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}
