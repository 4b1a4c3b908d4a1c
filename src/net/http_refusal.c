#include <stdlib.h>
#include <string.h>

#include "http_server_parts.h"
#include "stadion/base/language.h"

/* evhttp answers by itself what it cannot read or does not take, with a page of HTML, and knows no
 * hook for that. Our clients expect JSON with a reason: so the page is replaced on its way out,
 * where it is recognised by how it begins. It comes whole, as the last piece of its reply. */

#define PAGE_MIN 64 /* bytes of the shortest page */
#define REPLY_MAX 2048

static const char page_mark[] = "\r\n\r\n<HTML><HEAD>\n<TITLE>";

static const struct refusal {
	int status;
	const char *phrase, *message;
} refusals[] = {
	{ 400, "Bad Request", "the request cannot be read as HTTP/1.1 within the limits" },
	{ 413, "Request Entity Too Large", "the body is larger than allowed" },
	{ 417, "Expectation Failed", "the only expectation that is met is 100-continue" },
	{ 501, "Not Implemented", "nothing is done by this method here" },
	{ 503, "Service Unavailable", "out of memory" },
};

static const struct refusal *refusal_of(long status)
{
	for (size_t i = 0; i < ROWS(refusals); i++)
		if (refusals[i].status == status)
			return &refusals[i];
	return &refusals[0];
}

/* The status of the reply that ends in the page; a "100 Continue" may stand before it. */
static long page_status(const char *text)
{
	long status = 0;

	while ((text = strstr(text, "HTTP/1."))) {
		text += strcspn(text, " \r");
		status = strtol(text, NULL, 10);
		if (status >= 200)
			break;
	}
	return status;
}

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	char text[REPLY_MAX + 1];
	size_t len = evbuffer_get_length(output);
	const struct refusal *refusal;
	ev_ssize_t copied;

	(void)arg;
	if (info->n_added < PAGE_MIN || len > REPLY_MAX)
		return;
	copied = evbuffer_copyout(output, text, REPLY_MAX);
	text[copied < 0 ? 0 : copied] = '\0';
	if (!strstr(text, page_mark))
		return;
	refusal = refusal_of(page_status(text));
	(void)evbuffer_drain(output, len);
	(void)evbuffer_add_printf(output,
				  "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
				  "Content-Length: %zu\r\nConnection: close\r\n\r\n"
				  "{\"message\":\"%s\"}",
				  refusal->status, refusal->phrase,
				  strlen(refusal->message) + strlen("{\"message\":\"\"}"),
				  refusal->message);
}

bool http_refusal_watch(struct bufferevent *bufferevent)
{
	return evbuffer_add_cb(bufferevent_get_output(bufferevent), on_output, NULL) != NULL;
}
