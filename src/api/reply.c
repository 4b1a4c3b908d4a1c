#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"

static void message_write(struct json_writer *writer, const char *message)
{
	json_object_begin(writer);
	json_field_text(writer, "message", message);
}

void reply_message(struct http_exchange *exchange, int status, const char *format, ...)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	char message[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	message_write(&writer, message);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, status, &body);
}

static const int statuses[] = {
	[ERROR_NONE] = 500,	[ERROR_INVALID] = 422,	[ERROR_NOT_FOUND] = 404,
	[ERROR_CONFLICT] = 409, [ERROR_DENIED] = 403,	[ERROR_UNAVAILABLE] = 503,
	[ERROR_TIMEOUT] = 503,	[ERROR_NO_SPACE] = 503, [ERROR_NOMEM] = 503,
	[ERROR_INTERNAL] = 500,
};

int reply_status(enum error_kind kind)
{
	return (size_t)kind < ROWS(statuses) ? statuses[kind] : 500;
}

void reply_error(struct http_exchange *exchange, const struct error *error)
{
	const char *prefix =
		error->kind == ERROR_NO_SPACE ? "no space on the coordinator's disk: " : "";

	reply_message(exchange, reply_status(error->kind), "%s%s", prefix, error->text);
}

void reply_not_json(struct http_exchange *exchange, const char *why)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	message_write(&writer, "Invalid JSON");
	json_field_text(&writer, "details", why);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 400, &body);
}

/* True when an earlier problem has the same path, and with `message` also the same words. */
static bool told_before(const struct problems *problems, size_t index, bool message)
{
	const struct problem *problem = &problems->items[index];

	for (size_t i = 0; i < index; i++)
		if (!strcmp(problems->items[i].path, problem->path) &&
		    (!message || !strcmp(problems->items[i].message, problem->message)))
			return true;
	return false;
}

static void problem_write(struct json_writer *writer, const struct problems *problems, size_t first,
			  size_t count)
{
	json_object_begin(writer);
	json_field_text(writer, "path", problems->items[first].path);
	json_key(writer, "errors");
	json_array_begin(writer);
	for (size_t i = first; i < count; i++)
		if (!strcmp(problems->items[i].path, problems->items[first].path) &&
		    !told_before(problems, i, true))
			json_put_text(writer, problems->items[i].message);
	json_array_end(writer);
	json_object_end(writer);
}

void reply_problems(struct http_exchange *exchange, const struct problems *problems)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	size_t count = problems->count < PROBLEMS_MAX ? problems->count : PROBLEMS_MAX;
	bool semantic = true;

	for (size_t i = 0; i < count; i++)
		semantic = semantic && problems->items[i].semantic;
	message_write(&writer, semantic ? "Object is not valid" : "Invalid JSON");
	json_key(&writer, "details");
	json_array_begin(&writer);
	for (size_t i = 0; i < count; i++)
		if (!told_before(problems, i, false))
			problem_write(&writer, problems, i, count);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 422, &body);
}

void reply_refused(struct http_exchange *exchange, const struct change_outcome *outcome)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	if (!outcome->blocking || !outcome->blocking[0]) {
		reply_error(exchange, &outcome->error);
		return;
	}
	message_write(&writer, outcome->error.text);
	json_key(&writer, "deployments");
	json_array_begin(&writer);
	for (const char *const *id = outcome->blocking; *id; id++) {
		json_object_begin(&writer);
		json_field_text(&writer, "id", *id);
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, reply_status(outcome->error.kind), &body);
}

void reply_deployment(struct http_exchange *exchange, int status,
		      const struct change_outcome *outcome)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	json_object_begin(&writer);
	json_field_timestamp(&writer, "version", outcome->version_ms);
	if (outcome->deployment_id) {
		http_exchange_header(exchange, "Marathon-Deployment-Id", outcome->deployment_id);
		json_field_text(&writer, "deploymentId", outcome->deployment_id);
	}
	json_object_end(&writer);
	http_exchange_reply_json(exchange, status, &body);
}
