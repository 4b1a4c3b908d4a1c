/* /v2/openapi.json and /v2/schemas/app.json: the API about itself. */

#include "api_state.h"
#include "reply.h"
#include "stadion/model/app_shape.h"
#include "web_files.h"

void openapi_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	http_exchange_reply(exchange, 200, "application/json", api_documents[0].data,
			    api_documents[0].len);
}

void app_schema_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	(void)arg;
	app_schema_write(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}
