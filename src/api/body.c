#include "body.h"

#include "access.h"
#include "reply.h"
#include "stadion/json/json.h"

bool body_type_check(struct http_exchange *exchange)
{
	if (access_type_is_json(http_exchange_request_header(exchange, "Content-Type")))
		return true;
	reply_message(exchange, 415, "Unsupported Media Type");
	return false;
}

struct json_object *body_read(struct http_exchange *exchange)
{
	return body_type_check(exchange) ? body_read_any_type(exchange) : NULL;
}

struct json_object *body_read_any_type(struct http_exchange *exchange)
{
	struct error error = { 0 };
	struct json_object *document;
	size_t len;
	const char *text = http_exchange_body(exchange, &len);

	if (len == 0) {
		reply_not_json(exchange, "the body is empty; JSON is expected");
		return NULL;
	}
	document = json_parse(text, len, &error);
	if (!document)
		reply_not_json(exchange, error.text);
	return document;
}
